use ikem_core::FieldError;
use ikem_models::{CornerConfig, CornerLayers};
use serde::{Deserialize, Serialize};

use crate::config::{DataConfig, MOST_THREADS, OptimiserConfig, Resumable, ScheduleConfig};
use crate::error::Result;
use crate::part_config::PartTrainConfig;

/// The configuration of a training of the corner detector, as a TOML file states it. Every field but `corners` has a
/// default. The same config, images and number of threads give bitwise identical weights.
///
/// ```
/// use ikem_train::{CornerTrainConfig, PartTrainConfig};
/// let config = CornerTrainConfig::parse("[corners]\nwidth = 4\n[schedule]\nepochs = 30")?;
/// assert_eq!((config.corners.width, config.corners.size.height, config.schedule.epochs), (4, 512, 30));
/// # Ok::<(), ikem_train::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CornerTrainConfig {
    /// The network's dimensions.
    pub corners: CornerConfig,
    /// Images, labels and augmentation.
    #[serde(default)]
    pub data: DataConfig,
    /// Standard deviation of the target Gaussians, in pixels of the maps. Default: 1.3.
    #[serde(default = "std")]
    pub std: f64,
    /// Additional weight of a pixel at a corner, relative to background. Default: 20.
    #[serde(default = "corner_weight")]
    pub corner_weight: f64,
    /// The optimiser.
    #[serde(default)]
    pub optimiser: OptimiserConfig,
    /// The number of epochs and the learning-rate schedule; `patience` counts epochs without a lower validation loss.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// The seed of all random choices. Default: 42.
    #[serde(default = "seed")]
    pub seed: u64,
    /// CPU threads. Default: one per core.
    #[serde(default)]
    pub threads: Option<usize>,
}

const fn std() -> f64 {
    1.3
}

const fn corner_weight() -> f64 {
    20.0
}

const fn seed() -> u64 {
    42
}

impl PartTrainConfig for CornerTrainConfig {
    type Layers = CornerLayers;
    type Part = CornerConfig;
    const FIELD: &'static str = "corners";

    fn part(&self) -> CornerConfig {
        self.corners
    }

    fn optimiser(&self) -> OptimiserConfig {
        self.optimiser
    }

    fn schedule(&self) -> ScheduleConfig {
        self.schedule
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn check(&self) -> Result<(), FieldError> {
        self.corners.check()?;
        self.data.check()?;
        self.optimiser.check()?;
        self.schedule.check()?;
        FieldError::check_range("std", self.std, 0.1..=100.0)?;
        FieldError::check_range("corner_weight", self.corner_weight, 0.0..=1e4)?;
        FieldError::check_range("threads", self.threads.unwrap_or(1), 1..=MOST_THREADS)
    }
}

impl Resumable for CornerTrainConfig {
    fn essence(&self) -> Self {
        Self { threads: None, data: self.data.essence(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_out_of_range_is_named() {
        for (text, field) in [
            ("[corners.size]\nwidth = 100\nheight = 512", "corners.size.width"),
            ("[corners.size]\nwidth = 256\nheight = 16", "corners.size.height"),
            ("corners.width = 0", "corners.width"),
            ("std = 0.0\n[corners]", "std"),
            ("corner_weight = -1.0\n[corners]", "corner_weight"),
            ("[corners]\n[data]\nbatch_size = 0", "data.batch_size"),
            ("[corners]\n[schedule]\nepochs = 0", "schedule.epochs"),
            ("[corners]\n[optimiser]\nbeta1 = 1.0", "optimiser.beta1"),
        ] {
            let error = CornerTrainConfig::parse(text).expect_err(field).to_string();
            assert!(error.contains(field), "{text}: {error}");
        }
    }
}
