use candle_core::{Result, Tensor};

use crate::error::BuildResult;
use crate::layers::{ConvSpec, ConvUnit, Pass};
use crate::onnx::{Graph, Value};
use crate::ops::Activation::Relu;
use crate::params::Builder;

/// The ratio of a [`Bottleneck`]'s output channels to its inner ones.
pub(super) const EXPANSION: usize = 4;

/// Two 3 × 3 convolutions with a residual connection (He et al. 2016, figure 5 left).
#[derive(Debug)]
pub(super) struct BasicBlock([ConvUnit; 2]);

impl BasicBlock {
    pub(super) fn new(builder: &Builder, channels: usize) -> BuildResult<Self> {
        let spec = ConvSpec::new(channels, channels, 3).then(Relu);
        Ok(Self([numbered(builder, 1, spec)?, numbered(builder, 2, spec)?]))
    }

    pub(super) fn forward(&self, x: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let y = self.0[0].forward(&[x], pass)?;
        self.0[1].forward_onto(&[&y], Some(x), pass)
    }

    /// Adds it to an ONNX graph.
    pub(super) fn export(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let y = self.0[0].export(graph, &[x])?;
        self.0[1].export_onto(graph, &[&y], Some(x))
    }
}

/// 1 × 1, 3 × 3 and 1 × 1 convolutions with a residual connection (He et al. 2016, figure 5 right), which has a 1 × 1
/// convolution if the numbers of channels differ.
#[derive(Debug)]
pub(super) struct Bottleneck {
    convs: [ConvUnit; 3],
    widen: Option<ConvUnit>,
}

impl Bottleneck {
    /// A bottleneck from `inputs` channels to [`EXPANSION`] times `width`.
    pub(super) fn new(builder: &Builder, inputs: usize, width: usize) -> BuildResult<Self> {
        let outputs = EXPANSION * width;
        let widen = (inputs != outputs)
            .then(|| ConvUnit::in_sequence(&builder.pp("downsample"), ConvSpec::new(inputs, outputs, 1)));
        Ok(Self {
            convs: [
                numbered(builder, 1, ConvSpec::new(inputs, width, 1).then(Relu))?,
                numbered(builder, 2, ConvSpec::new(width, width, 3).then(Relu))?,
                numbered(builder, 3, ConvSpec::new(width, outputs, 1).then(Relu))?,
            ],
            widen: widen.transpose()?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor, pass: Pass<'_>) -> Result<Tensor> {
        let around = match &self.widen {
            Some(unit) => unit.forward(&[x], pass)?,
            None => x.clone(),
        };
        let y = self.convs[0].forward(&[x], pass)?;
        let y = self.convs[1].forward(&[&y], pass)?;
        self.convs[2].forward_onto(&[&y], Some(&around), pass)
    }

    /// Adds it to an ONNX graph.
    pub(super) fn export(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let around = match &self.widen {
            Some(unit) => unit.export(graph, &[x])?,
            None => x.clone(),
        };
        let y = self.convs[0].export(graph, &[x])?;
        let y = self.convs[1].export(graph, &[&y])?;
        self.convs[2].export_onto(graph, &[&y], Some(&around))
    }
}

/// The unit of `conv{number}` and `bn{number}`.
fn numbered(builder: &Builder, number: usize, spec: ConvSpec) -> BuildResult<ConvUnit> {
    ConvUnit::with_norm(&builder.pp(&format!("conv{number}")), &builder.pp(&format!("bn{number}")), spec)
}
