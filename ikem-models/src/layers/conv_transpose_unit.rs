use candle_core::{Result, Tensor};

use super::mode::Mode;
use super::pass::Pass;
use crate::error::BuildResult;
use crate::onnx::{Graph, Value};
use crate::ops::{self, FusedConvTranspose};
use crate::params::{Builder, Init, Purpose};
use crate::summary::{Layer, LayerKind};

/// Transposed convolution to twice the size: a 2 × 2 kernel with stride 2 and bias.
#[derive(Debug)]
pub(crate) struct ConvTransposeUnit {
    name: String,
    weights: Weights,
    parameters: usize,
}

#[derive(Debug)]
enum Weights {
    Trainable { weight: Tensor, bias: Tensor },
    Fused(FusedConvTranspose),
}

impl ConvTransposeUnit {
    pub(crate) fn new(module: &Builder, inputs: usize, outputs: usize) -> BuildResult<Self> {
        // PyTorch counts a transposed convolution's fan-in over its output channels.
        let init = Init::FanIn(outputs * 4);
        let weight = module.parameter("weight", &[inputs, outputs, 2, 2], init)?;
        let bias = module.parameter("bias", &[outputs], init)?;
        let parameters = weight.elem_count() + bias.elem_count();
        let weights = match module.purpose() {
            Purpose::Training => Weights::Trainable { weight, bias },
            Purpose::Inference => {
                Weights::Fused(FusedConvTranspose::new(&module.settled(&weight)?, &module.settled(&bias)?)?)
            }
        };
        Ok(Self { name: module.prefix().to_owned(), weights, parameters })
    }

    /// (B, C, H, W) → (B, O, 2 H, 2 W).
    pub(crate) fn forward(&self, x: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        pass.proceed()?;
        let y = match (&self.weights, pass.mode) {
            (Weights::Fused(conv), _) => conv.forward(x)?,
            (Weights::Trainable { weight, bias }, Mode::Eval) => {
                ops::conv_transpose2x2(&x.detach(), &weight.detach(), &bias.detach())?
            }
            (Weights::Trainable { weight, bias }, Mode::Train { .. }) => {
                ops::conv_transpose2x2(x, weight, bias)?
            }
        };
        // Each output pixel is computed from one filter tap.
        pass.note(|| {
            Ok(Layer {
                name: self.name.clone(),
                kind: LayerKind::TransposedConvolution,
                input: x.dims().to_vec(),
                output: y.dims().to_vec(),
                parameters: self.parameters,
                mult_adds: (y.elem_count() * x.dim(1)?) as u64,
            })
        })?;
        Ok(y)
    }

    /// Adds it to an ONNX graph.
    ///
    /// # Errors
    /// For a network for inference, whose weights are packed.
    pub(crate) fn export(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let Weights::Trainable { weight, bias } = &self.weights else {
            candle_core::bail!("the weights of {} are packed", self.name)
        };
        graph.conv_transpose2x2(&self.name, x, (weight, bias))
    }
}
