use ikem_core::{FieldError, Size};
use ikem_models::{RefinerConfig, RefinerLayers};
use serde::{Deserialize, Serialize};

use crate::config::{DataConfig, MOST_THREADS, OptimiserConfig, Resumable, ScheduleConfig};
use crate::error::Result;
use crate::part_config::PartTrainConfig;

/// The configuration of a training of the corner refiner, as a TOML file states it. Every field but `refiner` has a default.
/// The same config, images and number of threads give bitwise identical weights.
///
/// ```
/// use ikem_train::{RefinerTrainConfig, PartTrainConfig};
/// let config = RefinerTrainConfig::parse("[refiner]\nwidth = 4\n[schedule]\nepochs = 30")?;
/// assert_eq!((config.refiner.width, config.refiner.size, config.schedule.epochs), (4, 64, 30));
/// # Ok::<(), ikem_train::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefinerTrainConfig {
    /// The network's dimensions.
    pub refiner: RefinerConfig,
    /// Images, labels and augmentation.
    #[serde(default)]
    pub data: DataConfig,
    /// The size of the images that patches are cut from, in pixels: high enough that a vertebra has as many pixels as on a
    /// patch. Default: 432 × 1024.
    #[serde(default = "images")]
    pub images: Size,
    /// How far the frames around vertebrae are from where their labels would place them: as predictions are.
    #[serde(default)]
    pub jitter: Jitter,
    /// Weight of the error of the end plates' tilts, relative to that of the corners' negative log-likelihood. Default: 3.
    #[serde(default = "tilt_weight")]
    pub tilt_weight: f64,
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

/// The standard deviations of the random changes of frames around vertebrae.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jitter {
    /// Of the shift to the side, relative to the frame's width. Default: 0.045, a thirteenth of a vertebra's width.
    pub across: f64,
    /// Of the shift along the spine, relative to the frame's height. Default: 0.055, an eighth of a vertebra's height.
    pub along: f64,
    /// Of the rotation in degrees. Default: 5.7.
    pub degrees: f64,
    /// Of the logarithms of the factors of width and height. Default: 0.1.
    pub size: f64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self { across: 0.045, along: 0.055, degrees: 5.7, size: 0.1 }
    }
}

const fn images() -> Size {
    Size::new(432, 1024)
}

const fn tilt_weight() -> f64 {
    3.0
}

const fn seed() -> u64 {
    42
}

impl PartTrainConfig for RefinerTrainConfig {
    type Layers = RefinerLayers;
    type Part = RefinerConfig;
    const FIELD: &'static str = "refiner";

    fn part(&self) -> RefinerConfig {
        self.refiner
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
        self.refiner.check()?;
        self.data.check()?;
        self.optimiser.check()?;
        self.schedule.check()?;
        FieldError::check_range("images.width", self.images.width, 32..=4096)?;
        FieldError::check_range("images.height", self.images.height, 32..=4096)?;
        FieldError::check_range("jitter.across", self.jitter.across, 0.0..=1.0)?;
        FieldError::check_range("jitter.along", self.jitter.along, 0.0..=1.0)?;
        FieldError::check_range("jitter.degrees", self.jitter.degrees, 0.0..=90.0)?;
        FieldError::check_range("jitter.size", self.jitter.size, 0.0..=1.0)?;
        FieldError::check_range("tilt_weight", self.tilt_weight, 0.0..=1e3)?;
        FieldError::check_range("threads", self.threads.unwrap_or(1), 1..=MOST_THREADS)
    }
}

impl Resumable for RefinerTrainConfig {
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
            ("refiner.size = 50", "refiner.size"),
            ("refiner.width = 0", "refiner.width"),
            ("images = { width = 9, height = 64 }\n[refiner]", "images.width"),
            ("images = { width = 64, height = 9999 }\n[refiner]", "images.height"),
            ("jitter.across = -0.1\n[refiner]", "jitter.across"),
            ("jitter.along = 2.0\n[refiner]", "jitter.along"),
            ("jitter.degrees = 100.0\n[refiner]", "jitter.degrees"),
            ("jitter.size = 1.5\n[refiner]", "jitter.size"),
            ("tilt_weight = -1.0\n[refiner]", "tilt_weight"),
            ("[refiner]\n[data]\nbatch_size = 0", "data.batch_size"),
            ("[refiner]\n[schedule]\nepochs = 0", "schedule.epochs"),
        ] {
            let error = RefinerTrainConfig::parse(text).expect_err(field).to_string();
            assert!(error.contains(field), "{text}: {error}");
        }
    }
}
