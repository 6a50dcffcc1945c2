use candle_core::{Result, Tensor};

use super::conv_transpose_unit::ConvTransposeUnit;
use super::conv_unit::{ConvSpec, ConvUnit};
use super::pass::Pass;
use crate::error::BuildResult;
use crate::onnx::{Graph, Value};
use crate::ops::Activation;
use crate::params::Builder;

/// Two 3 × 3 convolutions, each with batch norm and activation.
#[derive(Debug)]
pub(crate) struct DoubleConv([ConvUnit; 2]);

impl DoubleConv {
    pub(crate) fn new(
        builder: &Builder,
        inputs: usize,
        outputs: usize,
        activation: Activation,
    ) -> BuildResult<Self> {
        let module = builder.pp("double_conv");
        let unit = |conv: &str, norm: &str, inputs| {
            let spec = ConvSpec::new(inputs, outputs, 3).then(activation);
            ConvUnit::with_norm(&module.pp(conv), &module.pp(norm), spec)
        };
        Ok(Self([unit("0", "1", inputs)?, unit("3", "4", outputs)?]))
    }

    pub(crate) fn forward(&self, inputs: &[&Tensor], pass: Pass<'_>) -> Result<Tensor> {
        self.0[1].forward(&[&self.0[0].forward(inputs, pass)?], pass)
    }

    /// Adds it to an ONNX graph.
    pub(crate) fn export(&self, graph: &mut Graph, inputs: &[&Value]) -> Result<Value> {
        let y = self.0[0].export(graph, inputs)?;
        self.0[1].export(graph, &[&y])
    }
}

/// The channels of a level of the upward path: of the features below, of the skip connection, and of its output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpChannels {
    pub below: usize,
    pub skip: usize,
    pub outputs: usize,
}

/// A level of the upward path: the features are enlarged to twice the size and concatenated with those of the skip
/// connection.
#[derive(Debug)]
pub(crate) struct Up {
    enlarge: ConvTransposeUnit,
    conv: DoubleConv,
}

impl Up {
    pub(crate) fn new(builder: &Builder, channels: UpChannels, activation: Activation) -> BuildResult<Self> {
        let UpChannels { below, skip, outputs } = channels;
        Ok(Self {
            enlarge: ConvTransposeUnit::new(&builder.pp("up"), below, outputs)?,
            conv: DoubleConv::new(&builder.pp("conv"), skip + outputs, outputs, activation)?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor, skip: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let x = self.enlarge.forward(x, pass)?;
        self.conv.forward(&[skip, &pad_to(&x, skip)?], pass)
    }

    /// Adds it to an ONNX graph.
    pub(crate) fn export(&self, graph: &mut Graph, x: &Value, skip: &Value) -> Result<Value> {
        let x = self.enlarge.export(graph, x)?;
        let missing = |axis| -> Result<[usize; 2]> { Ok(margins(x.dim(axis)?, skip.dim(axis)?)) };
        let (rows, columns) = (missing(2)?, missing(3)?);
        let x = graph.pad(&x, rows, columns)?;
        self.conv.export(graph, &[skip, &x])
    }
}

/// `x` padded with zeros to the height and width of `like`; an odd row or column is added below or on the right.
fn pad_to(x: &Tensor, like: &Tensor) -> Result<Tensor> {
    let mut x = x.clone();
    for axis in [2, 3] {
        let [before, after] = margins(x.dim(axis)?, like.dim(axis)?);
        if before + after > 0 {
            x = x.pad_with_zeros(axis, before, after)?;
        }
    }
    Ok(x)
}

/// What is missing from `extent` to `wanted`, before and after; an odd one is after.
const fn margins(extent: usize, wanted: usize) -> [usize; 2] {
    let missing = wanted.saturating_sub(extent);
    [missing / 2, missing - missing / 2]
}
