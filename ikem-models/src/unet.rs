//! UNet-IKEM: a U-Net on the fused hints and image, with interaction-guided gating of its last features.

use candle_core::{Result, Tensor};

use crate::config::UnetConfig;
use crate::error::BuildResult;
use crate::inputs::Inputs;
use crate::layers::{ConvSpec, ConvUnit, Gate, GateChannels, Pass, Stem, UPath};
use crate::onnx::{Graph, GraphInputs, Value};
use crate::ops::Activation;
use crate::params::Builder;

/// The activation of the head; that of the U part is configurable.
const HEAD_ACTIVATION: Activation = Activation::LeakyRelu(0.01);

/// UNet-IKEM: stem to a quarter of the input, four levels down, four up, gate, head.
#[derive(Debug)]
pub struct Unet {
    stem: Stem,
    levels: UPath,
    gate: Option<Gate>,
    head: [ConvUnit; 2],
}

impl Unet {
    /// The state-dict name of the weight of the last layer.
    pub(crate) const HEAD: &'static str = "outc.aux_head.3.weight";
    /// The state-dict names of the biases of the last layer of every head.
    pub(crate) const HEAD_BIASES: [&'static str; 1] = ["outc.aux_head.3.bias"];

    pub(crate) fn new(builder: &Builder, config: UnetConfig, keypoints: usize) -> BuildResult<Self> {
        let UnetConfig { width, gate_width, hints, activation } = config;
        let channels = [0, 1, 2, 3, 4].map(|depth| width << depth);
        let gate = gate_width.map(|gate_width| {
            let channels = GateChannels { early: width, late: width, keypoints, width: gate_width };
            Gate::new(&builder.pp("iggnet"), channels)
        });
        let head = builder.pp("outc").pp("aux_head");
        let mix = ConvSpec::new(width, width, 1).with_bias().then(HEAD_ACTIVATION);
        Ok(Self {
            stem: Stem::new(builder, hints.then_some(keypoints), width)?,
            levels: UPath::new(
                &channels,
                activation,
                |depth| builder.pp(&format!("down{depth}")).pp("maxpool_conv").pp("1"),
                |depth| builder.pp(&format!("up{}", channels.len() - depth)),
            )?,
            gate: gate.transpose()?,
            head: [
                ConvUnit::with_norm(&head.pp("0"), &head.pp("1"), mix)?,
                ConvUnit::new(&head.pp("3"), ConvSpec::new(width, keypoints, 1).with_bias())?,
            ],
        })
    }

    pub(crate) const fn stem(&self) -> &Stem {
        &self.stem
    }

    /// Logits at a quarter of the input: (B, K, H/4, W/4).
    pub(crate) fn forward(&self, inputs: &Inputs, pass: Pass<'_>) -> Result<Tensor> {
        let early = self.stem.forward(inputs, pass)?;
        let mut x = self.levels.forward(early.clone(), pass)?.top;
        if let Some(gate) = &self.gate {
            x = x.broadcast_mul(&gate.factors(inputs, &early, pass)?)?;
        }
        self.head[1].forward(&[&self.head[0].forward(&[&x], pass)?], pass)
    }

    /// Adds [`forward`](Self::forward) to an ONNX graph.
    pub(crate) fn export(&self, graph: &mut Graph, inputs: &GraphInputs) -> Result<Value> {
        let early = self.stem.export(graph, inputs)?;
        let mut x = self.levels.export(graph, early.clone())?.top;
        if let Some(gate) = &self.gate {
            let factors = gate.export(graph, inputs, &early)?;
            x = graph.multiply(&x, &factors);
        }
        let x = self.head[0].export(graph, &[&x])?;
        self.head[1].export(graph, &[&x])
    }
}
