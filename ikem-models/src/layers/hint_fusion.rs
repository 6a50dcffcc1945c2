use candle_core::{Result, Tensor};

use super::{ConvSpec, ConvUnit};
use crate::error::BuildResult;
use crate::network::{Inputs, Mode};
use crate::ops::Activation;
use crate::params::{Builder, Init};

/// Channels of the hint encoder at full resolution.
const HINT_CHANNELS: usize = 16;

/// Fuses hints and previous heatmaps with the image, and brings them to a quarter of its size (MICCAI 2022, section 2.1;
/// the stem of HRNet with the hints added after its first convolution).
#[derive(Debug)]
pub(crate) struct HintFusion {
    hint_encoder: [ConvUnit; 2],
    image_encoder: ConvUnit,
    last_encoder: ConvUnit,
}

impl HintFusion {
    pub(crate) fn new(builder: &Builder, keypoints: usize, width: usize) -> BuildResult<Self> {
        let hints = builder.pp("hintmap_encoder");
        let mix = ConvSpec::new(2 * keypoints, HINT_CHANNELS, 1).with_bias().then(Activation::LeakyRelu(0.2));
        let halve = ConvSpec::new(HINT_CHANNELS, width, 3).stride(2).with_bias();
        let stem = |name: &str, inputs| {
            let module = builder.pp(name);
            let spec = ConvSpec::new(inputs, width, 3).stride(2).then(Activation::Relu);
            ConvUnit::with_norm(&module.pp("0"), &module.pp("1"), spec)
        };
        let scale = builder.parameter("scale", &[1], Init::Constant(0.05))?;
        Ok(Self {
            hint_encoder: [
                ConvUnit::new(&hints.pp("0"), mix)?,
                ConvUnit::with_scale(&hints.pp("2"), scale, halve)?,
            ],
            image_encoder: stem("image_encoder", 3)?,
            last_encoder: stem("last_encoder", width)?,
        })
    }

    /// (B, width, H/4, W/4).
    pub(crate) fn forward(&self, inputs: &Inputs, mode: Mode) -> Result<Tensor> {
        let image = self.image_encoder.forward(&[&inputs.image], mode)?;
        let hints = self.hint_encoder[0].forward(&[&inputs.hints, &inputs.previous], mode)?;
        let fused = self.hint_encoder[1].forward_onto(&[&hints], Some(&image), mode)?;
        self.last_encoder.forward(&[&fused], mode)
    }
}
