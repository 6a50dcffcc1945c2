use candle_core::Result as CandleResult;
use ikem_models::{ConfigError, Network};
use serde::{Deserialize, Serialize};

use super::within;

/// What a network begins as that begins without weights of others, besides PyTorch's initialisation. Adam moves a number by
/// hardly more than its rate a step, so that what begins far from where it belongs takes a thousand steps to come there.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FreshConfig {
    /// About what all heatmaps show at first, between 0 and 1: the last layer's biases are its logit (Lin and others 2017,
    /// section 3.3). Default: none, PyTorch's biases, which is about one half.
    pub heatmap: Option<f64>,
    /// The scale of what hints and previous heatmaps add to the image's features. Default: none, as published (0.05).
    pub hint_scale: Option<f64>,
}

impl FreshConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let inside = [f64::MIN_POSITIVE, 1.0 - f64::EPSILON];
        self.heatmap.map_or(Ok(()), |heatmap| within("fresh.heatmap", heatmap, inside[0], inside[1]))?;
        self.hint_scale.map_or(Ok(()), |scale| within("fresh.hint_scale", scale, 0.0, 1e3))
    }

    /// Makes a fresh network begin so.
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
    fn every_head_and_the_scale_begin_as_told() {
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
