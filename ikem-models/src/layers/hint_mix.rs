use candle_core::{Result, Tensor};

use super::mode::Mode;
use super::pass::Pass;
use crate::error::BuildResult;
use crate::inputs::{Inputs, PreviousMaps};
use crate::onnx::{Graph, Value};
use crate::ops::{self, Activation, FactoredMaps, FusedConv, Geometry};
use crate::params::{Builder, Init};
use crate::summary::{Layer, LayerKind};

const ACTIVATION: Activation = Activation::LeakyRelu(0.2);
const GEOMETRY: Geometry = Geometry::same(1, 1);

/// The first convolution of the hint encoder, 1 × 1 from K hint maps and K previous heatmaps: the only layer at full
/// resolution. It uses the Gaussians and logits that stand for the maps; the dense maps are made only where there are
/// no kernels, and for inputs that are dense.
#[derive(Debug)]
pub(crate) struct HintMix {
    name: String,
    weight: Tensor,
    bias: Tensor,
    keypoints: usize,
}

impl HintMix {
    pub(crate) fn new(conv: &Builder, keypoints: usize, outputs: usize) -> BuildResult<Self> {
        let inputs = 2 * keypoints;
        let weight = conv.parameter("weight", &[outputs, inputs, 1, 1], Init::FanIn(inputs))?;
        let bias = conv.parameter("bias", &[outputs], Init::FanIn(inputs))?;
        let (weight, bias) = (conv.settled(&weight)?, conv.settled(&bias)?);
        Ok(Self { name: conv.prefix().to_owned(), weight, bias, keypoints })
    }

    /// (B, outputs, H, W).
    pub(crate) fn forward(&self, inputs: &Inputs, pass: Pass<'_>) -> Result<Tensor> {
        let y = match pass.mode {
            Mode::Eval => self.apply(inputs, &self.weight.detach(), &self.bias.detach(), ACTIVATION)?,
            Mode::Train { .. } => {
                let y = self.apply(inputs, &self.weight, &self.bias, Activation::Identity)?;
                ops::activate(&y, ACTIVATION)?
            }
        };
        pass.note(|| {
            let (batch, outputs, rows, columns) = y.dims4()?;
            Ok(Layer {
                name: self.name.clone(),
                kind: LayerKind::Convolution(GEOMETRY),
                input: vec![batch, 2 * self.keypoints, rows, columns],
                output: y.dims().to_vec(),
                parameters: self.weight.elem_count() + outputs,
                mult_adds: (batch * rows * columns * self.weight.elem_count()) as u64,
            })
        })?;
        Ok(y)
    }

    /// Adds it to an ONNX graph, for dense maps.
    pub(crate) fn export(&self, graph: &mut Graph, [hints, previous]: &[Value; 2]) -> Result<Value> {
        let maps = graph.concatenate(&[hints, previous])?;
        let y = graph.conv(&self.name, &maps, (&self.weight, Some(&self.bias)), GEOMETRY)?;
        Ok(graph.activation(y, ACTIVATION))
    }

    fn apply(
        &self,
        inputs: &Inputs,
        weight: &Tensor,
        bias: &Tensor,
        activation: Activation,
    ) -> Result<Tensor> {
        if ops::has_kernels(weight)
            && let Some(maps) = self.factored(inputs)?
        {
            return ops::pointwise_conv(maps, weight, bias, activation);
        }
        let grid = inputs.grid()?;
        let hints = inputs.hints.resized(self.keypoints, grid, grid, weight)?;
        let previous = inputs.previous.dense(hints.dims4()?, weight)?;
        if weight.track_op() {
            let y = ops::conv2d(&Tensor::cat(&[hints, previous], 1)?, weight, Some(bias), GEOMETRY)?;
            return ops::activate(&y, activation);
        }
        FusedConv::new(weight, Some(bias), GEOMETRY, activation)?.forward(&[&hints, &previous], None)
    }

    /// The maps in factored form, if none of them is dense.
    fn factored(&self, inputs: &Inputs) -> Result<Option<FactoredMaps>> {
        let grid = inputs.grid()?;
        let logits = match &inputs.previous {
            PreviousMaps::None => None,
            PreviousMaps::OfLogits(logits) => Some(logits.detach()),
            PreviousMaps::Dense(_) => return Ok(None),
        };
        let gaussians = inputs.hints.factors(self.keypoints, grid)?;
        let channels = 2 * self.keypoints;
        Ok(gaussians.map(|gaussians| FactoredMaps { channels, grid, gaussians, logits }))
    }
}
