use candle_core::{Result, Tensor};

use super::batch_norm::BatchNorm;
use super::mode::Mode;
use super::pass::Pass;
use crate::error::BuildResult;
use crate::onnx::{Graph, Value};
use crate::ops::{self, Activation, FusedConv, Geometry};
use crate::params::{Builder, Init, Purpose};
use crate::summary::{Layer, LayerKind};

/// The shape of a [`ConvUnit`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvSpec {
    pub inputs: usize,
    pub outputs: usize,
    pub geometry: Geometry,
    pub bias: bool,
    pub activation: Activation,
}

impl ConvSpec {
    /// A convolution that keeps the size, without bias or activation.
    pub(crate) const fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        let geometry = Geometry::same(kernel, 1);
        Self { inputs, outputs, geometry, bias: false, activation: Activation::Identity }
    }

    pub(crate) const fn stride(self, stride: usize) -> Self {
        Self { geometry: Geometry { stride, ..self.geometry }, ..self }
    }

    pub(crate) const fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }

    pub(crate) const fn then(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    const fn mult_adds_a_pixel(&self) -> usize {
        self.inputs * self.outputs * self.geometry.kernel * self.geometry.kernel
    }
}

/// Convolution, optional batch norm, activation: the unit that the networks are made of. For inference it is one fused
/// operation.
#[derive(Debug)]
pub(crate) struct ConvUnit {
    name: String,
    weights: Weights,
    spec: ConvSpec,
    parameters: usize,
}

#[derive(Debug)]
enum Weights {
    Trainable { weight: Tensor, bias: Option<Tensor>, after: After },
    Fused(Box<FusedConv>),
}

/// The operation between the convolution and the activation.
#[derive(Debug)]
enum After {
    Nothing,
    Norm(BatchNorm),
    /// A factor: the magnitude of one learned number.
    Scale(Tensor),
}

impl After {
    fn parameters(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Norm(norm) => norm.parameters(),
            Self::Scale(_) => 1,
        }
    }
}

impl ConvUnit {
    /// A convolution without norm.
    pub(crate) fn new(conv: &Builder, spec: ConvSpec) -> BuildResult<Self> {
        Self::build(conv, spec, After::Nothing)
    }

    /// A convolution and the batch norm of `norm`.
    pub(crate) fn with_norm(conv: &Builder, norm: &Builder, spec: ConvSpec) -> BuildResult<Self> {
        Self::build(conv, spec, After::Norm(BatchNorm::new(norm, spec.outputs)?))
    }

    /// A convolution and its batch norm, the entries 0 and 1 of `module`.
    pub(crate) fn in_sequence(module: &Builder, spec: ConvSpec) -> BuildResult<Self> {
        Self::with_norm(&module.pp("0"), &module.pp("1"), spec)
    }

    /// A convolution times the magnitude of `factor`, shape (1).
    pub(crate) fn with_scale(conv: &Builder, factor: Tensor, spec: ConvSpec) -> BuildResult<Self> {
        Self::build(conv, spec, After::Scale(factor))
    }

    fn build(conv: &Builder, spec: ConvSpec, after: After) -> BuildResult<Self> {
        let kernel = spec.geometry.kernel;
        let init = Init::FanIn(spec.inputs * kernel * kernel);
        let weight = conv.parameter("weight", &[spec.outputs, spec.inputs, kernel, kernel], init)?;
        let bias = spec.bias.then(|| conv.parameter("bias", &[spec.outputs], init)).transpose()?;
        let own = weight.elem_count() + bias.as_ref().map_or(0, Tensor::elem_count);
        let parameters = own + after.parameters();
        let weights = match conv.purpose() {
            Purpose::Training => Weights::Trainable { weight, bias, after },
            Purpose::Inference => {
                let (weight, bias) = fold(&weight, bias.as_ref(), &after)?;
                let (weight, bias) =
                    (conv.settled(&weight)?, bias.map(|bias| conv.settled(&bias)).transpose()?);
                Weights::Fused(Box::new(FusedConv::new(
                    &weight,
                    bias.as_ref(),
                    spec.geometry,
                    spec.activation,
                )?))
            }
        };
        Ok(Self { name: conv.prefix().to_owned(), weights, spec, parameters })
    }

    /// The unit applied to the concatenation of `inputs`.
    pub(crate) fn forward(&self, inputs: &[&Tensor], pass: Pass<'_>) -> Result<Tensor> {
        self.forward_onto(inputs, None, pass)
    }

    /// The unit applied to the concatenation of `inputs`, with `residual` added before the activation.
    pub(crate) fn forward_onto(
        &self,
        inputs: &[&Tensor],
        residual: Option<&Tensor>,
        pass: Pass<'_>,
    ) -> Result<Tensor> {
        pass.proceed()?;
        let y = self.apply(inputs, residual, pass.mode)?;
        pass.note(|| {
            let pixels = y.elem_count() / self.spec.outputs;
            let mut input = inputs.first().map_or_else(Vec::new, |x| x.dims().to_vec());
            if let Some(channels) = input.get_mut(1) {
                *channels = self.spec.inputs;
            }
            Ok(Layer {
                name: self.name.clone(),
                kind: LayerKind::Convolution(self.spec.geometry),
                input,
                output: y.dims().to_vec(),
                parameters: self.parameters,
                mult_adds: (pixels * self.spec.mult_adds_a_pixel()) as u64,
            })
        })?;
        Ok(y)
    }

    /// Adds the unit in evaluation to an ONNX graph, as [`forward`](Self::forward) applies it.
    ///
    /// # Errors
    /// For a unit of a network for inference, whose weights are packed.
    pub(crate) fn export(&self, graph: &mut Graph, inputs: &[&Value]) -> Result<Value> {
        self.export_onto(graph, inputs, None)
    }

    /// As [`export`](Self::export), with `residual` added before the activation.
    pub(crate) fn export_onto(
        &self,
        graph: &mut Graph,
        inputs: &[&Value],
        residual: Option<&Value>,
    ) -> Result<Value> {
        let Weights::Trainable { weight, bias, after } = &self.weights else {
            candle_core::bail!("the weights of {} are packed", self.name)
        };
        let (weight, bias) = fold(weight, bias.as_ref(), after)?;
        let x = graph.concatenate(inputs)?;
        let y = graph.conv(&self.name, &x, (&weight, bias.as_ref()), self.spec.geometry)?;
        let y = match residual {
            Some(residual) => graph.add(&y, residual),
            None => y,
        };
        Ok(graph.activation(y, self.spec.activation))
    }

    fn apply(&self, inputs: &[&Tensor], residual: Option<&Tensor>, mode: Mode) -> Result<Tensor> {
        let activation = self.spec.activation;
        match (&self.weights, mode) {
            (Weights::Fused(conv), _) => conv.forward(inputs, residual),
            (Weights::Trainable { weight, bias, after }, Mode::Eval) => {
                let (weight, bias) = fold(weight, bias.as_ref(), after)?;
                FusedConv::new(&weight, bias.as_ref(), self.spec.geometry, activation)?
                    .forward(inputs, residual)
            }
            (Weights::Trainable { weight, bias, after }, Mode::Train { .. }) => {
                let y = ops::conv2d(&concatenate(inputs)?, weight, bias.as_ref(), self.spec.geometry)?;
                let y = match (after, residual) {
                    (After::Norm(norm), None) => return norm.forward(&y, activation),
                    (After::Norm(norm), Some(_)) => norm.forward(&y, Activation::Identity)?,
                    (After::Scale(factor), _) => y.broadcast_mul(&factor.abs()?.reshape((1, 1, 1, 1))?)?,
                    (After::Nothing, _) => y,
                };
                let y = match residual {
                    Some(residual) => (y + residual)?,
                    None => y,
                };
                ops::activate(&y, activation)
            }
        }
    }
}

/// The concatenation of the inputs along the channels.
fn concatenate(inputs: &[&Tensor]) -> Result<Tensor> {
    match inputs {
        [one] => Ok((*one).clone()),
        _ => Tensor::cat(inputs, 1),
    }
}

/// Weight and bias of the convolution that is equivalent to the whole unit in evaluation, but for the activation.
fn fold(weight: &Tensor, bias: Option<&Tensor>, after: &After) -> Result<(Tensor, Option<Tensor>)> {
    Ok(match after {
        After::Nothing => (weight.detach(), bias.map(Tensor::detach)),
        After::Norm(norm) => {
            let (weight, bias) = norm.fold(weight, bias)?;
            (weight, Some(bias))
        }
        After::Scale(factor) => {
            let factor = factor.detach().abs()?;
            let weight = weight.detach().broadcast_mul(&factor.reshape((1, 1, 1, 1))?)?;
            (weight, bias.map(|bias| bias.detach().broadcast_mul(&factor)).transpose()?)
        }
    })
}
