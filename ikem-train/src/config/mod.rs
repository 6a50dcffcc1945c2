//! The configuration of a training, as a TOML file states it. Every field has a default.

mod checked;
mod data;
pub(crate) mod file;
mod fresh;
mod optimiser;
mod resumable;
mod schedule;
mod weights;

use ikem_core::FieldError;
use ikem_models::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::loss::LossConfig;
use crate::strategy::HintConfig;

pub use checked::Checked;
pub use data::{DataConfig, PhantomShare};
pub use fresh::FreshConfig;
pub use optimiser::{OptimiserConfig, OptimiserKind};
pub use resumable::Resumable;
pub use schedule::{RateShape, ScheduleConfig};
pub use weights::{InitialWeights, WeightsLayout};

/// The most CPU threads that a config may ask for.
pub(crate) const MOST_THREADS: usize = 1024;

/// The configuration of a training. The same config, data and number of threads give bitwise identical weights.
///
/// ```
/// use ikem_train::TrainConfig;
/// let config = TrainConfig::parse("schedule.epochs = 30\n[data]\nbatch_size = 4")?;
/// assert_eq!((config.schedule.epochs, config.data.batch_size, config.seed), (30, 4, 42));
/// let error = TrainConfig::parse("[data]\nbatch_sise = 4").unwrap_err().to_string();
/// assert!(error.contains("data.batch_sise"), "{error}");
/// # Ok::<(), ikem_train::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The network, its input size and its keypoints. Default: UNet-IKEM as published.
    pub model: ModelConfig,
    /// Images, labels and augmentation.
    pub data: DataConfig,
    /// The loss.
    pub loss: LossConfig,
    /// The hints simulated in training.
    pub hints: HintConfig,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// The number of epochs and the learning-rate schedule.
    pub schedule: ScheduleConfig,
    /// Pretrained weights to start from. Default: none; the network is initialised at random as in PyTorch, from the
    /// seed.
    pub weights: Option<InitialWeights>,
    /// Initialisation of a network that is trained from scratch.
    pub fresh: FreshConfig,
    /// The seed of all random choices. Default: 42.
    pub seed: u64,
    /// The number of optimiser steps between checkpoints within an epoch; 0 saves at the end of each epoch only.
    /// Default: 100.
    pub save_every: usize,
    /// CPU threads. Default: one per core.
    pub threads: Option<usize>,
    /// The device: `cpu`, or `cuda:0` in a build with the feature `cuda`. Default: `cpu`.
    pub device: String,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            model: ModelConfig::default(),
            data: DataConfig::default(),
            loss: LossConfig::default(),
            hints: HintConfig::default(),
            optimiser: OptimiserConfig::default(),
            schedule: ScheduleConfig::default(),
            weights: None,
            fresh: FreshConfig::default(),
            seed: 42,
            save_every: 100,
            threads: None,
            device: "cpu".to_owned(),
        }
    }
}

impl TrainConfig {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn checked(self) -> Result<Checked<Self>, FieldError> {
        self.model.check().map_err(|error| error.inside("model"))?;
        self.loss.check()?;
        self.hints.check()?;
        self.data.check()?;
        self.fresh.check()?;
        self.optimiser.check()?;
        self.schedule.check()?;
        FieldError::check_range("threads", self.threads.unwrap_or(1), 1..=MOST_THREADS)?;
        Ok(Checked::new(self))
    }
}

impl Resumable for TrainConfig {
    fn essence(&self) -> Self {
        let Self { save_every, threads, device, weights, .. } = Self::default();
        let data = self.data.essence();
        // The state holds the current weights; the initial ones no longer matter.
        Self { save_every, threads, device, weights, data, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_out_of_range_is_named() {
        type Spoil = fn(&mut TrainConfig);
        let cases: [(&str, Spoil); 20] = [
            ("model.std", |c| c.model.std = -1.0),
            ("loss.cross_entropy", |c| c.loss.cross_entropy = f64::NAN),
            ("hints.placing.error", |c| c.hints.placing.error = -1.0),
            ("data.batch_size", |c| c.data.batch_size = 0),
            ("data.workers", |c| c.data.workers = 1000),
            ("data.prefetch", |c| c.data.prefetch = 100_000),
            ("data.phantoms.share", |c| c.data.phantoms.share = 1.0),
            ("data.phantoms.settings.collimator", |c| c.data.phantoms.settings.collimator = 2.0),
            ("fresh.heatmap", |c| c.fresh.heatmap = Some(1.0)),
            ("fresh.hint_scale", |c| c.fresh.hint_scale = Some(-1.0)),
            ("optimiser.learning_rate", |c| c.optimiser.learning_rate = 0.0),
            ("optimiser.beta1", |c| c.optimiser.beta1 = 1.0),
            ("optimiser.weight_decay", |c| c.optimiser.weight_decay = 0.1),
            ("optimiser.clip_norm", |c| c.optimiser.clip_norm = -2.0),
            ("optimiser.accumulate", |c| c.optimiser.accumulate = 0),
            ("optimiser.average", |c| c.optimiser.average = 1.0),
            ("schedule.epochs", |c| c.schedule.epochs = 0),
            ("schedule.warm_up", |c| c.schedule.warm_up = f64::INFINITY),
            ("schedule.final_rate", |c| c.schedule.final_rate = 1.5),
            ("threads", |c| c.threads = Some(0)),
        ];
        for (field, spoil) in cases {
            let mut config = TrainConfig::default();
            spoil(&mut config);
            assert_eq!(config.checked().expect_err(field).field, field);
        }
        TrainConfig::default().checked().expect("the default is in range");
    }

    #[test]
    fn only_settings_that_affect_the_result_are_compared() {
        let config = TrainConfig::default();
        let mut other = config.clone();
        other.threads = Some(7);
        other.data.workers = 0;
        other.save_every = 3;
        assert_eq!(config.first_difference(&other), None);
        other.data.batch_size += 1;
        assert_eq!(config.first_difference(&other).as_deref(), Some("data.batch_size"));
        other = TrainConfig { seed: 1, ..config.clone() };
        assert_eq!(config.first_difference(&other).as_deref(), Some("seed"));
    }
}
