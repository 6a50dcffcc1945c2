//! ONNX graphs, built node by node.

use candle_core::{DType, Result, Tensor};

use super::proto::Message;
use crate::ops::{Activation, Geometry};

/// The numbers of `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// The name of the first axis of all inputs and outputs, whose length is free.
const BATCH: &str = "batch";

/// A value in a graph: a float tensor whose first axis is the batch.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    name: String,
    /// The extents behind the batch.
    shape: Vec<usize>,
}

impl Value {
    /// The extent of `axis`; the batch is axis 0.
    pub(crate) fn dim(&self, axis: usize) -> Result<usize> {
        match axis.checked_sub(1).and_then(|axis| self.shape.get(axis)) {
            Some(&extent) => Ok(extent),
            None => candle_core::bail!("{} has no axis {axis} of a known extent", self.name),
        }
    }

    /// Height and width of (B, C, H, W).
    pub(crate) fn size(&self) -> Result<(usize, usize)> {
        Ok((self.dim(2)?, self.dim(3)?))
    }
}

/// The inputs of a network's graph, all dense; those that the network does not have are not declared.
pub(crate) struct GraphInputs {
    /// Pixels, (B, 3, H, W).
    pub image: Value,
    /// Hint maps and previous heatmaps, each (B, K, H, W), of a network with hints.
    pub maps: Option<[Value; 2]>,
}

/// A graph in the making. Every method appends a node and returns its result; constants are stored in the graph.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    count: usize,
}

/// An attribute of a node.
enum Attribute<'a> {
    Int(i64),
    Ints(&'a [usize]),
    Float(f32),
    Text(&'a str),
}

impl Attribute<'_> {
    /// An `AttributeProto`.
    fn encoded(&self, name: &str) -> Message {
        let mut message = Message::of_texts(&[(1, name)]);
        let kind = match self {
            Self::Float(value) => {
                message.float(2, *value);
                1
            }
            Self::Int(value) => {
                message.int(3, *value);
                2
            }
            Self::Text(text) => {
                message.text(4, text);
                3
            }
            Self::Ints(values) => {
                values.iter().for_each(|&value| message.int(8, value as i64));
                7
            }
        };
        message.int(20, kind);
        message
    }
}

impl Graph {
    /// Declares an input of the graph.
    pub(crate) fn input(&mut self, name: &str, shape: &[usize], doc: &str) -> Value {
        let value = Value { name: name.to_owned(), shape: shape.to_vec() };
        self.inputs.push(declared(&value, doc));
        value
    }

    /// Declares `value` as the output `name` of the graph.
    pub(crate) fn output(&mut self, value: &Value, name: &str, doc: &str) {
        let output = Value { name: name.to_owned(), shape: value.shape.clone() };
        self.push("Identity", &[&value.name], &output.name, &[]);
        self.outputs.push(declared(&output, doc));
    }

    /// The finished `GraphProto`.
    pub(super) fn encoded(&self, name: &str) -> Message {
        let mut message = Message::default();
        for (field, parts) in
            [(1, &self.nodes), (5, &self.constants), (11, &self.inputs), (12, &self.outputs)]
        {
            parts.iter().for_each(|part| message.message(field, part));
        }
        message.text(2, name);
        message
    }

    /// Appends a node with one output and the attributes by name.
    fn push(&mut self, operation: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute<'_>)]) {
        let mut node = Message::default();
        inputs.iter().for_each(|name| node.text(1, name));
        node.text(2, output);
        node.text(3, output);
        node.text(4, operation);
        attributes.iter().for_each(|(name, attribute)| node.message(5, &attribute.encoded(name)));
        self.nodes.push(node);
    }

    /// Appends a node whose result gets a name of its own.
    fn node(
        &mut self,
        operation: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
        shape: Vec<usize>,
    ) -> Value {
        self.count += 1;
        let name = format!("{operation}.{}", self.count);
        self.push(operation, inputs, &name, attributes);
        Value { name, shape }
    }

    /// Stores a tensor as f32.
    fn constant(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let values = tensor.detach().to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        self.store(name, tensor.dims(), FLOAT, &bytes);
        Ok(())
    }

    /// Stores integers, such as a shape, and returns their name.
    fn integers(&mut self, values: &[i64]) -> String {
        self.count += 1;
        let name = format!("integers.{}", self.count);
        let bytes: Vec<u8> = values.iter().copied().flat_map(i64::to_le_bytes).collect();
        self.store(&name, &[values.len()], INT64, &bytes);
        name
    }

    /// Stores a vector of floats and returns its name.
    fn floats(&mut self, values: &[f32]) -> String {
        self.count += 1;
        let name = format!("floats.{}", self.count);
        let bytes: Vec<u8> = values.iter().copied().flat_map(f32::to_le_bytes).collect();
        self.store(&name, &[values.len()], FLOAT, &bytes);
        name
    }

    /// Appends a `TensorProto`.
    fn store(&mut self, name: &str, shape: &[usize], kind: i64, bytes: &[u8]) {
        let mut message = Message::default();
        shape.iter().for_each(|&extent| message.int(1, extent as i64));
        message.int(2, kind);
        message.text(8, name);
        message.bytes(9, bytes);
        self.constants.push(message);
    }

    /// The convolution `name` with its weight (O, C, kernel, kernel) and bias.
    pub(crate) fn conv(
        &mut self,
        name: &str,
        x: &Value,
        (weight, bias): (&Tensor, Option<&Tensor>),
        geometry: Geometry,
    ) -> Result<Value> {
        let Geometry { kernel, stride, padding, dilation } = geometry;
        let (height, width) = x.size()?;
        let Some((rows, columns)) = geometry.out_size(height, width) else {
            candle_core::bail!("an input of {height} x {width} is smaller than the kernel")
        };
        let attributes = [
            ("kernel_shape", Attribute::Ints(&[kernel; 2])),
            ("strides", Attribute::Ints(&[stride; 2])),
            ("pads", Attribute::Ints(&[padding; 4])),
            ("dilations", Attribute::Ints(&[dilation; 2])),
        ];
        let shape = vec![weight.dim(0)?, rows, columns];
        self.weighted("Conv", name, x, (weight, bias), &attributes, shape)
    }

    /// The transposed convolution `name` of stride 2 with its weight (C, O, 2, 2) and bias.
    pub(crate) fn conv_transpose2x2(
        &mut self,
        name: &str,
        x: &Value,
        (weight, bias): (&Tensor, &Tensor),
    ) -> Result<Value> {
        let (height, width) = x.size()?;
        let two = || Attribute::Ints(&[2; 2]);
        let shape = vec![weight.dim(1)?, 2 * height, 2 * width];
        let attributes = [("kernel_shape", two()), ("strides", two())];
        self.weighted("ConvTranspose", name, x, (weight, Some(bias)), &attributes, shape)
    }

    fn weighted(
        &mut self,
        operation: &str,
        name: &str,
        x: &Value,
        (weight, bias): (&Tensor, Option<&Tensor>),
        attributes: &[(&str, Attribute<'_>)],
        shape: Vec<usize>,
    ) -> Result<Value> {
        let names = [format!("{name}.weight"), format!("{name}.bias")];
        self.constant(&names[0], weight)?;
        let mut inputs = vec![x.name.as_str(), &names[0]];
        if let Some(bias) = bias {
            self.constant(&names[1], bias)?;
            inputs.push(&names[1]);
        }
        Ok(self.node(operation, &inputs, attributes, shape))
    }

    /// The activation of every element.
    pub(crate) fn activation(&mut self, x: Value, activation: Activation) -> Value {
        match activation {
            Activation::Identity => x,
            Activation::Relu => self.elementwise("Relu", &x),
            Activation::LeakyRelu(slope) => {
                let attributes = [("alpha", Attribute::Float(slope))];
                self.node("LeakyRelu", &[&x.name], &attributes, x.shape.clone())
            }
        }
    }

    fn elementwise(&mut self, operation: &str, x: &Value) -> Value {
        self.node(operation, &[&x.name], &[], x.shape.clone())
    }

    /// 1 / (1 + e^−x).
    pub(crate) fn sigmoid(&mut self, x: &Value) -> Value {
        self.elementwise("Sigmoid", x)
    }

    /// a + b, of one shape.
    pub(crate) fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[&a.name, &b.name], &[], a.shape.clone())
    }

    /// x · factor; a factor with extents of 1 is the same along these axes.
    pub(crate) fn multiply(&mut self, x: &Value, factor: &Value) -> Value {
        self.node("Mul", &[&x.name, &factor.name], &[], x.shape.clone())
    }

    /// x · factor.
    pub(crate) fn scale(&mut self, x: &Value, factor: f32) -> Value {
        let factor = self.floats(&[factor]);
        self.node("Mul", &[&x.name, &factor], &[], x.shape.clone())
    }

    /// The concatenation along the channels.
    pub(crate) fn concatenate(&mut self, parts: &[&Value]) -> Result<Value> {
        let Some(first) = parts.first() else { candle_core::bail!("a concatenation of nothing") };
        if parts.len() == 1 {
            return Ok((*first).clone());
        }
        let mut shape = first.shape.clone();
        shape[0] = parts.iter().map(|part| part.dim(1)).sum::<Result<_>>()?;
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        Ok(self.node("Concat", &names, &[("axis", Attribute::Int(1))], shape))
    }

    /// The maximum of every 2 × 2 window; an odd last row or column is left out.
    pub(crate) fn max_pool2x2(&mut self, x: &Value) -> Result<Value> {
        let two = || Attribute::Ints(&[2; 2]);
        let shape = vec![x.dim(1)?, x.dim(2)? / 2, x.dim(3)? / 2];
        Ok(self.node("MaxPool", &[&x.name], &[("kernel_shape", two()), ("strides", two())], shape))
    }

    /// The maximum of every plane: (B, C, 1, 1).
    pub(crate) fn global_max(&mut self, x: &Value) -> Result<Value> {
        let shape = vec![x.dim(1)?, 1, 1];
        Ok(self.node("GlobalMaxPool", &[&x.name], &[], shape))
    }

    /// Bilinear resizing with aligned corners.
    pub(crate) fn resize(&mut self, x: &Value, (height, width): (usize, usize)) -> Result<Value> {
        let (from_height, from_width) = x.size()?;
        if (from_height, from_width) == (height, width) {
            return Ok(x.clone());
        }
        // With `sizes` the batch would be fixed. The result has floor(extent · scale) rows, and with aligned corners the
        // scale counts for nothing else: half a row more keeps rounding from losing one.
        let scale = |from: usize, to: usize| match to % from {
            0 => (to / from) as f32,
            _ => (to as f32 + 0.5) / from as f32,
        };
        let scales = self.floats(&[1.0, 1.0, scale(from_height, height), scale(from_width, width)]);
        let attributes = [
            ("mode", Attribute::Text("linear")),
            ("coordinate_transformation_mode", Attribute::Text("align_corners")),
        ];
        Ok(self.node("Resize", &[&x.name, "", &scales], &attributes, vec![x.dim(1)?, height, width]))
    }

    /// Zeros around (B, C, H, W): rows above and below, columns on the left and on the right.
    pub(crate) fn pad(&mut self, x: &Value, rows: [usize; 2], columns: [usize; 2]) -> Result<Value> {
        if (rows, columns) == ([0; 2], [0; 2]) {
            return Ok(x.clone());
        }
        let (height, width) = x.size()?;
        let ends = [0, 0, rows[0], columns[0], 0, 0, rows[1], columns[1]].map(|count| count as i64);
        let pads = self.integers(&ends);
        let shape = vec![x.dim(1)?, height + rows[0] + rows[1], width + columns[0] + columns[1]];
        Ok(self.node("Pad", &[&x.name, &pads], &[], shape))
    }

    /// The same elements in another shape, which leaves out the batch.
    pub(crate) fn reshape(&mut self, x: &Value, shape: &[usize]) -> Value {
        // The extent 0 is that of the input.
        let extents: Vec<i64> = std::iter::once(0).chain(shape.iter().map(|&extent| extent as i64)).collect();
        let extents = self.integers(&extents);
        self.node("Reshape", &[&x.name, &extents], &[], shape.to_vec())
    }

    /// (B, C, H, W) as (B, C, H · W).
    pub(crate) fn flatten(&mut self, x: &Value) -> Result<Value> {
        let shape = [x.dim(1)?, x.dim(2)? * x.dim(3)?];
        Ok(self.reshape(x, &shape))
    }

    /// (B, M, N) as (B, N, M).
    pub(crate) fn transpose(&mut self, x: &Value) -> Result<Value> {
        let shape = vec![x.dim(2)?, x.dim(1)?];
        Ok(self.node("Transpose", &[&x.name], &[("perm", Attribute::Ints(&[0, 2, 1]))], shape))
    }

    /// The product of (B, M, N) and (B, N, P).
    pub(crate) fn matmul(&mut self, a: &Value, b: &Value) -> Result<Value> {
        let shape = vec![a.dim(1)?, b.dim(2)?];
        Ok(self.node("MatMul", &[&a.name, &b.name], &[], shape))
    }

    /// Softmax over the last axis.
    pub(crate) fn softmax(&mut self, x: &Value) -> Value {
        self.node("Softmax", &[&x.name], &[("axis", Attribute::Int(-1))], x.shape.clone())
    }
}

/// A `ValueInfoProto`.
fn declared(value: &Value, doc: &str) -> Message {
    let mut shape = Message::default();
    shape.message(1, &Message::of_texts(&[(2, BATCH)]));
    for &extent in &value.shape {
        let mut dimension = Message::default();
        dimension.int(1, extent as i64);
        shape.message(1, &dimension);
    }
    let mut tensor = Message::default();
    tensor.int(1, FLOAT);
    tensor.message(2, &shape);
    let mut kind = Message::default();
    kind.message(1, &tensor);
    let mut message = Message::of_texts(&[(1, &value.name), (3, doc)]);
    message.message(2, &kind);
    message
}
