use std::ops::Bound;

use candle_core::Result as CandleResult;
use ikem_core::FieldError;
use ikem_models::Network;
use serde::{Deserialize, Serialize};

/// Initialisation of a network that is trained from scratch, beyond PyTorch's. Adam changes a parameter by about its
/// learning rate per step, so that a parameter that starts far from its optimum takes a thousand steps to get there.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FreshConfig {
    /// The prior probability of a pixel, between 0 and 1: all heatmaps start at about this value, because the biases of
    /// the last layer are set to its logit (Lin et al. 2017, "Focal loss for dense object detection", section 3.3).
    /// Default: none; PyTorch's biases give about 0.5.
    pub heatmap: Option<f64>,
    /// The initial scale of the features computed from hints and previous heatmaps when they are added to the image
    /// features, 0 to 1000. Default: none; as published (0.05).
    pub hint_scale: Option<f64>,
}

impl FreshConfig {
    pub(super) fn check(&self) -> Result<(), FieldError> {
        if let Some(probability) = self.heatmap {
            let inside = (Bound::Excluded(0.0), Bound::Excluded(1.0));
            FieldError::check_range("fresh.heatmap", probability, inside)?;
        }
        FieldError::check_range("fresh.hint_scale", self.hint_scale.unwrap_or(0.0), 0.0..=1e3)
    }

    /// Initialises a fresh network accordingly.
    pub(crate) fn apply(&self, network: &Network) -> CandleResult<()> {
        if let Some(heatmap) = self.heatmap {
            let logit = (heatmap / (1.0 - heatmap)).ln();
            for bias in network.head_biases() {
                bias.set(&bias.zeros_like()?.affine(1.0, logit)?)?;
            }
        }
        if let (Some(scale), Some(var)) = (self.hint_scale, network.hint_scale()) {
            var.set(&var.zeros_like()?.affine(1.0, scale)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ikem_models::{Device, HrnetOcrConfig, ModelConfig, NetworkConfig, UnetConfig};

    use super::*;

    #[test]
    fn every_head_and_the_hint_scale_are_initialised() {
        let fresh = FreshConfig { heatmap: Some(0.01), hint_scale: Some(0.5) };
        let unet = UnetConfig { width: 1, gate_width: None, ..UnetConfig::default() };
        let hrnet = HrnetOcrConfig {
            stem_width: 2,
            width: 2,
            ocr_width: 2,
            gate_width: None,
            ..HrnetOcrConfig::default()
        };
        for (config, heads) in [(NetworkConfig::Unet(unet), 1), (NetworkConfig::HrnetOcr(hrnet), 2)] {
            let network = Network::fresh(&ModelConfig::new(config), 1, &Device::Cpu).expect("a network");
            fresh.apply(&network).expect("begun");
            let biases = network.head_biases();
            assert_eq!(biases.len(), heads);
            for bias in biases {
                let values = bias.to_vec1::<f32>().expect("values");
                assert!(values.len() == 68 && values.iter().all(|value| (value + 4.59512).abs() < 1e-4));
            }
            let scale = network.hint_scale().expect("a scale").flatten_all().expect("flat");
            assert_eq!(scale.to_vec1::<f32>().expect("values"), [0.5]);
        }
    }
}
