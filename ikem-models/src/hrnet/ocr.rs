use candle_core::{D, Result, Tensor};

use crate::config::HrnetOcrConfig;
use crate::error::BuildResult;
use crate::layers::{ConvSpec, ConvUnit, Mode, Pass};
use crate::onnx::{Graph, Value};
use crate::ops::{self, Activation::Relu};
use crate::params::Builder;

/// Object-contextual representations (Yuan et al. 2020): coarse heatmaps gather a representation of every keypoint;
/// each pixel attends to these, and the result is concatenated with its own features. The coarse heatmaps are the
/// auxiliary output.
#[derive(Debug)]
pub(super) struct Ocr {
    auxiliary: [ConvUnit; 2],
    pixels: ConvUnit,
    attention: ObjectAttention,
    distribute: ConvUnit,
    dropout: f32,
    classify: ConvUnit,
}

impl Ocr {
    /// `inputs` is the number of channels of the backbone.
    pub(super) fn new(
        root: &Builder,
        inputs: usize,
        config: HrnetOcrConfig,
        keypoints: usize,
    ) -> BuildResult<Self> {
        let features = 2 * config.ocr_width;
        let auxiliary = root.pp("aux_head");
        let mix = ConvSpec::new(inputs, inputs, 1).with_bias().then(Relu);
        let pixels = ConvSpec::new(inputs, features, 3).with_bias().then(Relu);
        let distribute = root.pp("ocr_distri_head");
        Ok(Self {
            auxiliary: [
                ConvUnit::in_sequence(&auxiliary, mix)?,
                ConvUnit::new(&auxiliary.pp("3"), ConvSpec::new(inputs, keypoints, 1).with_bias())?,
            ],
            pixels: ConvUnit::in_sequence(&root.pp("conv3x3_ocr"), pixels)?,
            attention: ObjectAttention::new(
                &distribute.pp("object_context_block"),
                features,
                config.ocr_width,
            )?,
            distribute: mixed(&distribute.pp("conv_bn_dropout"), 0, 2 * features, features)?,
            dropout: config.dropout,
            classify: ConvUnit::new(&root.pp("cls_head"), ConvSpec::new(features, keypoints, 1).with_bias())?,
        })
    }

    /// Main and auxiliary logits for the concatenation of `inputs`, which are freed as soon as they have been read.
    pub(super) fn forward(&self, inputs: Vec<Tensor>, pass: Pass<'_>) -> Result<(Tensor, Tensor)> {
        let all: Vec<_> = inputs.iter().collect();
        let auxiliary = self.auxiliary[0].forward(&all, pass)?;
        let auxiliary = self.auxiliary[1].forward(&[&auxiliary], pass)?;
        let pixels = self.pixels.forward(&all, pass)?;
        drop(inputs);
        let keypoints = gather(&pixels, &auxiliary, pass)?;
        let context = self.attention.forward(&pixels, &keypoints, pass)?;
        let mut features = self.distribute.forward(&[&context, &pixels], pass)?;
        if let Mode::Train { dropout_seed } = pass.mode {
            features = ops::dropout2d(&features, self.dropout, dropout_seed)?;
        }
        Ok((self.classify.forward(&[&features], pass)?, auxiliary))
    }

    /// Adds [`forward`](Self::forward) to an ONNX graph.
    pub(super) fn export(&self, graph: &mut Graph, x: &Value) -> Result<(Value, Value)> {
        let auxiliary = self.auxiliary[0].export(graph, &[x])?;
        let auxiliary = self.auxiliary[1].export(graph, &[&auxiliary])?;
        let pixels = self.pixels.export(graph, &[x])?;
        let keypoints = export_gather(graph, &pixels, &auxiliary)?;
        let context = self.attention.export(graph, &pixels, &keypoints)?;
        let features = self.distribute.export(graph, &[&context, &pixels])?;
        Ok((self.classify.export(graph, &[&features])?, auxiliary))
    }
}

/// The mean of `pixels` (B, C, h, w) weighted by the softmax of each keypoint's map in `logits` (B, K, h, w): (B, C, K,
/// 1).
fn gather(pixels: &Tensor, logits: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
    let weights = ops::softmax(&logits.flatten_from(2)?)?;
    pass.matmul("ocr gather", &pixels.flatten_from(2)?, &weights.t()?)?.unsqueeze(D::Minus1)
}

/// Adds [`gather`] to an ONNX graph.
fn export_gather(graph: &mut Graph, pixels: &Value, logits: &Value) -> Result<Value> {
    let flat = graph.flatten(logits)?;
    let weights = graph.softmax(&flat);
    let weights = graph.transpose(&weights)?;
    let pixels = graph.flatten(pixels)?;
    let keypoints = graph.matmul(&pixels, &weights)?;
    let shape = [keypoints.dim(1)?, keypoints.dim(2)?, 1];
    Ok(graph.reshape(&keypoints, &shape))
}

/// For each pixel, the mean of the keypoints' representations, weighted by their similarity to the pixel.
#[derive(Debug)]
struct ObjectAttention {
    pixel: [ConvUnit; 2],
    keypoint: [ConvUnit; 2],
    value: ConvUnit,
    answer: ConvUnit,
    width: usize,
}

impl ObjectAttention {
    fn new(builder: &Builder, features: usize, width: usize) -> BuildResult<Self> {
        let twice = |name: &str| -> BuildResult<_> {
            let module = builder.pp(name);
            Ok([mixed(&module, 0, features, width)?, mixed(&module, 2, width, width)?])
        };
        Ok(Self {
            pixel: twice("f_pixel")?,
            keypoint: twice("f_object")?,
            value: mixed(&builder.pp("f_down"), 0, features, width)?,
            answer: mixed(&builder.pp("f_up"), 0, width, features)?,
            width,
        })
    }

    /// Attends from pixels (B, C, h, w) to keypoints (B, C, K, 1): (B, C, h, w).
    fn forward(&self, pixels: &Tensor, keypoints: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let (batch, _, height, width) = pixels.dims4()?;
        let flat = |units: &[ConvUnit], x: &Tensor| {
            units.iter().try_fold(x.clone(), |x, unit| unit.forward(&[&x], pass))?.flatten_from(2)
        };
        let query = flat(&self.pixel, pixels)?;
        let key = (flat(&self.keypoint, keypoints)? * (self.width as f64).powf(-0.5))?;
        let value = self.value.forward(&[keypoints], pass)?.flatten_from(2)?;
        let weights = ops::softmax(&pass.matmul("ocr similarity", &query.t()?, &key)?)?;
        let context = pass.matmul("ocr context", &value, &weights.t()?)?;
        self.answer.forward(&[&context.reshape((batch, self.width, height, width))?], pass)
    }

    /// Adds [`forward`](Self::forward) to an ONNX graph.
    fn export(&self, graph: &mut Graph, pixels: &Value, keypoints: &Value) -> Result<Value> {
        let mut flat = |units: &[ConvUnit], x: &Value| {
            let y = units.iter().try_fold(x.clone(), |x, unit| unit.export(graph, &[&x]))?;
            graph.flatten(&y)
        };
        let (query, key) = (flat(&self.pixel, pixels)?, flat(&self.keypoint, keypoints)?);
        let value = flat(std::slice::from_ref(&self.value), keypoints)?;
        let key = graph.scale(&key, (self.width as f32).powf(-0.5));
        let query = graph.transpose(&query)?;
        let similarity = graph.matmul(&query, &key)?;
        let weights = graph.softmax(&similarity);
        let weights = graph.transpose(&weights)?;
        let context = graph.matmul(&value, &weights)?;
        let (height, width) = pixels.size()?;
        let context = graph.reshape(&context, &[self.width, height, width]);
        self.answer.export(graph, &[&context])
    }
}

/// A 1 × 1 convolution, the entry `place` of `module`, with the batch norm and ReLU of the next entry.
fn mixed(module: &Builder, place: usize, inputs: usize, outputs: usize) -> BuildResult<ConvUnit> {
    let (conv, norm) = (module.pp(&place.to_string()), module.pp(&(place + 1).to_string()).pp("0"));
    ConvUnit::with_norm(&conv, &norm, ConvSpec::new(inputs, outputs, 1).then(Relu))
}
