use std::path::PathBuf;

use ikem_core::FieldError;
use ikem_data::SceneConfig;
use ikem_models::{LocatorConfig, LocatorLayers};
use serde::{Deserialize, Serialize};

use crate::config::{MOST_THREADS, OptimiserConfig, Resumable, ScheduleConfig};
use crate::error::Result;
use crate::part_config::PartTrainConfig;

/// The configuration of a training of the locator, as a TOML file states it. Every field but `locator` has a default.
/// The same config, films and number of threads give bitwise identical weights.
///
/// ```
/// use ikem_train::{LocatorTrainConfig, PartTrainConfig};
/// let config = LocatorTrainConfig::parse("[locator]\nwidth = 4\n[schedule]\nepochs = 30")?;
/// assert_eq!((config.locator.width, config.locator.size, config.schedule.epochs), (4, 256, 30));
/// # Ok::<(), ikem_train::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocatorTrainConfig {
    /// The network's dimensions.
    pub locator: LocatorConfig,
    /// A file with pretrained locator weights to start from. Default: none; the network is initialised at random as in
    /// PyTorch, from the seed.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// The random variation of the training scenes.
    #[serde(default)]
    pub scenes: SceneConfig,
    /// Scenes per batch, 1 to 1024. Default: 16.
    #[serde(default = "batch_size")]
    pub batch_size: usize,
    /// Scenes per epoch, enough for one step of the optimiser. Default: 2048.
    #[serde(default = "epoch_size")]
    pub epoch_size: usize,
    /// Sampling fractions of the three kinds of films: AASCE films, whole films, synthetic torsos. A kind without films
    /// is left out and the others are renormalised. Default: 0.45, 0.15 and 0.4.
    #[serde(default = "shares")]
    pub shares: [f64; 3],
    /// Weights of the terms of the loss.
    #[serde(default)]
    pub loss: LocatorWeights,
    /// The optimiser.
    #[serde(default)]
    pub optimiser: OptimiserConfig,
    /// The number of epochs and the learning-rate schedule; `patience` counts epochs without a lower validation loss.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// The seed of all random choices. Default: 42.
    #[serde(default = "seed")]
    pub seed: u64,
    /// Threads that prepare scenes in advance, 0 to 256. Default: 1.
    #[serde(default = "workers")]
    pub workers: usize,
    /// CPU threads. Default: one per core.
    #[serde(default)]
    pub threads: Option<usize>,
}

/// Weights of the terms of the locator's loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocatorWeights {
    /// Weight of the mean cross-entropy of the spine's map. Default: 1.
    pub column: f64,
    /// Weight of the mean cross-entropy of the maps of the spine's ends. Default: 1.
    pub ends: f64,
    /// Weight of the cross-entropies of the film's classification: quarter turns, negative, presence of a spine.
    /// Default: 0.3.
    pub answers: f64,
}

impl Default for LocatorWeights {
    fn default() -> Self {
        Self { column: 1.0, ends: 1.0, answers: 0.3 }
    }
}

const fn batch_size() -> usize {
    16
}

const fn epoch_size() -> usize {
    2048
}

const fn shares() -> [f64; 3] {
    [0.45, 0.15, 0.4]
}

const fn seed() -> u64 {
    42
}

const fn workers() -> usize {
    1
}

impl PartTrainConfig for LocatorTrainConfig {
    type Layers = LocatorLayers;
    type Part = LocatorConfig;
    const FIELD: &'static str = "locator";

    fn part(&self) -> LocatorConfig {
        self.locator
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
        self.locator.check()?;
        self.scenes.check().map_err(|error| error.inside("scenes"))?;
        self.optimiser.check()?;
        self.schedule.check()?;
        let [a, b, c] = self.shares;
        FieldError::check_range("batch_size", self.batch_size, 1..=1024)?;
        let step = self.batch_size * self.optimiser.accumulate;
        FieldError::check_range("epoch_size", self.epoch_size, step..=step.max(1_000_000))?;
        for share in self.shares {
            FieldError::check_range("shares", share, 0.0..=1.0)?;
        }
        if a + b + c <= 0.0 {
            return Err(FieldError::new("shares", "a sum above 0", a + b + c));
        }
        FieldError::check_range("loss.column", self.loss.column, 0.0..=1e3)?;
        FieldError::check_range("loss.ends", self.loss.ends, 0.0..=1e3)?;
        FieldError::check_range("loss.answers", self.loss.answers, 0.0..=1e3)?;
        FieldError::check_range("workers", self.workers, 0..=256)?;
        FieldError::check_range("threads", self.threads.unwrap_or(1), 1..=MOST_THREADS)
    }
}

impl Resumable for LocatorTrainConfig {
    fn essence(&self) -> Self {
        // The state holds the current weights; the initial ones no longer matter.
        Self { threads: None, workers: 0, weights: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_out_of_range_is_named() {
        for (text, field) in [
            ("locator.size = 100", "locator.size"),
            ("locator.width = 0", "locator.width"),
            ("batch_size = 0\n[locator]", "batch_size"),
            ("epoch_size = 3\n[locator]", "epoch_size"),
            ("shares = [-1.0, 0.0, 1.0]\n[locator]", "shares"),
            ("shares = [0.0, 0.0, 0.0]\n[locator]", "shares"),
            ("[locator]\n[loss]\nends = -1.0", "loss.ends"),
            ("[locator]\n[schedule]\nepochs = 0", "schedule.epochs"),
            ("[locator]\n[optimiser]\nbeta1 = 1.0", "optimiser.beta1"),
            ("[locator]\n[scenes]\nblank = 2.0", "blank"),
        ] {
            let error = LocatorTrainConfig::parse(text).expect_err(field).to_string();
            assert!(error.contains(field), "{text}: {error}");
        }
    }
}
