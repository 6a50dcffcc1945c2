//! HRNet+OCR-IKEM: a high-resolution network on the fused hints and image, with interaction-guided gating and
//! object-contextual representations.

mod backbone;
mod blocks;
mod ocr;

use candle_core::{Result, Tensor};

use self::backbone::Backbone;
use self::ocr::Ocr;
use crate::config::HrnetOcrConfig;
use crate::error::BuildResult;
use crate::inputs::Inputs;
use crate::layers::{Gate, GateChannels, Mode, Pass, Stem};
use crate::onnx::{Graph, GraphInputs, Value};
use crate::params::Builder;

/// HRNet+OCR-IKEM: stem to a quarter of the input, HRNet, gate, OCR with an auxiliary head.
#[derive(Debug)]
pub struct HrnetOcr {
    stem: Stem,
    backbone: Backbone,
    gate: Option<Gate>,
    ocr: Ocr,
}

impl HrnetOcr {
    /// The state-dict name of the weight of the last layer.
    pub(crate) const HEAD: &'static str = "cls_head.weight";
    /// The state-dict names of the biases of the last layer of every head.
    pub(crate) const HEAD_BIASES: [&'static str; 2] = ["cls_head.bias", "aux_head.3.bias"];

    pub(crate) fn new(builder: &Builder, config: HrnetOcrConfig, keypoints: usize) -> BuildResult<Self> {
        let HrnetOcrConfig { stem_width, width, gate_width, hints, .. } = config;
        let backbone = Backbone::new(&builder.pp("hrnet"), stem_width, width)?;
        let gate = gate_width.map(|width| {
            let [early, late] = [backbone.early_channels(), backbone.channels()];
            Gate::new(&builder.pp("iggnet"), GateChannels { early, late, keypoints, width })
        });
        Ok(Self {
            stem: Stem::new(builder, hints.then_some(keypoints), stem_width)?,
            gate: gate.transpose()?,
            ocr: Ocr::new(builder, backbone.channels(), config, keypoints)?,
            backbone,
        })
    }

    pub(crate) const fn stem(&self) -> &Stem {
        &self.stem
    }

    /// Main and auxiliary logits at a quarter of the input, each (B, K, H/4, W/4).
    pub(crate) fn forward(&self, inputs: &Inputs, pass: Pass<'_>) -> Result<(Tensor, Tensor)> {
        let (early, mut late) = self.backbone.forward(self.stem.forward(inputs, pass)?, pass)?;
        if let Some(gate) = &self.gate {
            let factors = gate.factors(inputs, &early, pass)?;
            let mut first = 0;
            for part in &mut late {
                let channels = part.dim(1)?;
                *part = part.broadcast_mul(&factors.narrow(1, first, channels)?)?;
                first += channels;
            }
        }
        drop(early);
        // Two layers read them: for training they are concatenated once.
        if matches!(pass.mode, Mode::Train { .. }) {
            late = vec![Tensor::cat(&late, 1)?];
        }
        self.ocr.forward(late, pass)
    }

    /// Adds [`forward`](Self::forward) to an ONNX graph.
    pub(crate) fn export(&self, graph: &mut Graph, inputs: &GraphInputs) -> Result<(Value, Value)> {
        let x = self.stem.export(graph, inputs)?;
        let (early, late) = self.backbone.export(graph, x)?;
        let mut late = graph.concatenate(&late.iter().collect::<Vec<_>>())?;
        if let Some(gate) = &self.gate {
            let factors = gate.export(graph, inputs, &early)?;
            late = graph.multiply(&late, &factors);
        }
        self.ocr.export(graph, &late)
    }
}
