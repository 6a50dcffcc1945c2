use candle_core::{Result, Tensor};

use super::conv_unit::{ConvSpec, ConvUnit};
use super::hint_mix::HintMix;
use super::pass::Pass;
use crate::error::BuildResult;
use crate::inputs::{ImageInput, Inputs};
use crate::onnx::{Graph, GraphInputs, Value};
use crate::ops::Activation;
use crate::params::{Builder, Init};

/// Channels of the hint encoder at full resolution.
const HINT_CHANNELS: usize = 16;

/// Reduces the image to a quarter of its size and, in an interactive network, fuses it with hints and previous heatmaps
/// (MICCAI 2022, section 2.1): the stem of HRNet, to whose first convolution the encoded hints are added.
#[derive(Debug)]
pub(crate) struct Stem {
    hint_encoder: Option<(HintMix, ConvUnit)>,
    image_encoder: ConvUnit,
    last_encoder: ConvUnit,
}

impl Stem {
    /// The state-dict name of the factor of everything that hints and previous heatmaps add to the image's features.
    pub(crate) const HINT_SCALE: &'static str = "hint_fusion_layer.scale";

    /// The stem of the network of `root`, with hints for `hinted` keypoints or without hints.
    pub(crate) fn new(root: &Builder, hinted: Option<usize>, width: usize) -> BuildResult<Self> {
        // In a network without hints, the encoders are at the top level.
        let fusion = if hinted.is_some() { root.pp("hint_fusion_layer") } else { root.clone() };
        let encoder = |name: &str, inputs| {
            let spec = ConvSpec::new(inputs, width, 3).stride(2).then(Activation::Relu);
            ConvUnit::in_sequence(&fusion.pp(name), spec)
        };
        Ok(Self {
            hint_encoder: hinted.map(|keypoints| hint_encoder(&fusion, keypoints, width)).transpose()?,
            image_encoder: encoder("image_encoder", 3)?,
            last_encoder: encoder("last_encoder", width)?,
        })
    }

    /// The features that depend on the image alone: (B, width, H/2, W/2) of pixels (B, 3, H, W).
    pub(crate) fn encode_image(&self, pixels: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        self.image_encoder.forward(&[pixels], pass)
    }

    /// (B, width, H/4, W/4).
    pub(crate) fn forward(&self, inputs: &Inputs, pass: Pass<'_>) -> Result<Tensor> {
        let mut features = match &inputs.image {
            ImageInput::Pixels(pixels) => self.encode_image(pixels, pass)?,
            ImageInput::Encoded(image) => image.features.clone(),
        };
        if let Some((mix, halve)) = &self.hint_encoder {
            let hints = mix.forward(inputs, pass)?;
            features = halve.forward_onto(&[&hints], Some(&features), pass)?;
        }
        self.last_encoder.forward(&[&features], pass)
    }

    /// Adds it to an ONNX graph.
    pub(crate) fn export(&self, graph: &mut Graph, inputs: &GraphInputs) -> Result<Value> {
        let mut features = self.image_encoder.export(graph, &[&inputs.image])?;
        if let (Some((mix, halve)), Some(maps)) = (&self.hint_encoder, &inputs.maps) {
            let hints = mix.export(graph, maps)?;
            features = halve.export_onto(graph, &[&hints], Some(&features))?;
        }
        self.last_encoder.export(graph, &[&features])
    }
}

fn hint_encoder(fusion: &Builder, keypoints: usize, width: usize) -> BuildResult<(HintMix, ConvUnit)> {
    let module = fusion.pp("hintmap_encoder");
    let halve = ConvSpec::new(HINT_CHANNELS, width, 3).stride(2).with_bias();
    let scale = fusion.parameter("scale", &[1], Init::Constant(0.05))?;
    let mix = HintMix::new(&module.pp("0"), keypoints, HINT_CHANNELS)?;
    Ok((mix, ConvUnit::with_scale(&module.pp("2"), scale, halve)?))
}
