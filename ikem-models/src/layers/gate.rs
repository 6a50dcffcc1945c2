use candle_core::{Result, Tensor};
use ikem_core::Size;

use super::conv_unit::{ConvSpec, ConvUnit};
use super::pass::Pass;
use crate::error::BuildResult;
use crate::inputs::Inputs;
use crate::onnx::{Graph, GraphInputs, Value};
use crate::ops::{self, Activation};
use crate::params::Builder;

/// Channels between the last two convolutions.
const SQUEEZED: usize = 16;

/// Interaction-guided gating (MICCAI 2022, section 2.2): a factor in 0…1 for every channel of the late features,
/// computed from the hints and the early features.
#[derive(Debug)]
pub(crate) struct Gate {
    hint_encoder: [ConvUnit; 3],
    squeeze: ConvUnit,
    excite: ConvUnit,
    keypoints: usize,
}

/// The numbers of channels around a [`Gate`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateChannels {
    pub early: usize,
    pub late: usize,
    pub keypoints: usize,
    pub width: usize,
}

impl Gate {
    pub(crate) fn new(builder: &Builder, channels: GateChannels) -> BuildResult<Self> {
        let GateChannels { early, late, keypoints, width } = channels;
        let convs = builder.pp("hintEncoder").pp("convs");
        let encoder = |name: &str, inputs, stride| {
            let spec = ConvSpec::new(inputs, width, 3).stride(stride).then(Activation::Relu);
            ConvUnit::in_sequence(&convs.pp(name), spec)
        };
        let squeeze = ConvSpec::new(width, SQUEEZED, 1).with_bias().then(Activation::Relu);
        Ok(Self {
            hint_encoder: [
                encoder("0", early + keypoints, 2)?,
                encoder("1", width, 1)?,
                encoder("2", width, 1)?,
            ],
            squeeze: ConvUnit::new(&builder.pp("conv1"), squeeze)?,
            excite: ConvUnit::new(&builder.pp("conv2"), ConvSpec::new(SQUEEZED, late, 1).with_bias())?,
            keypoints,
        })
    }

    /// The factor of every channel of the late features, (B, C, 1, 1), given `early` (B, C', h, w).
    pub(crate) fn factors(&self, inputs: &Inputs, early: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let (_, _, height, width) = early.dims4()?;
        let size = Size::new(width, height);
        let hints = inputs.hints.resized(self.keypoints, inputs.grid()?, size, early)?;
        let mut features = self.hint_encoder[0].forward(&[early, &hints], pass)?;
        for unit in &self.hint_encoder[1..] {
            features = unit.forward(&[&features], pass)?;
        }
        let squeezed = self.squeeze.forward(&[&ops::global_max(&features)?], pass)?;
        ops::sigmoid(&self.excite.forward(&[&squeezed], pass)?)
    }

    /// Adds [`factors`](Self::factors) to an ONNX graph.
    pub(crate) fn export(&self, graph: &mut Graph, inputs: &GraphInputs, early: &Value) -> Result<Value> {
        let Some([hints, _]) = &inputs.maps else { candle_core::bail!("a gate without hints") };
        let hints = graph.resize(hints, early.size()?)?;
        let mut features = self.hint_encoder[0].export(graph, &[early, &hints])?;
        for unit in &self.hint_encoder[1..] {
            features = unit.export(graph, &[&features])?;
        }
        let strongest = graph.global_max(&features)?;
        let squeezed = self.squeeze.export(graph, &[&strongest])?;
        let excited = self.excite.export(graph, &[&squeezed])?;
        Ok(graph.sigmoid(&excited))
    }
}
