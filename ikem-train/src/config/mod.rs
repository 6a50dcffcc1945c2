//! A whole training as a TOML file says it; every field may be left out.

mod data;
pub(crate) mod file;
mod fresh;
mod optimiser;
mod schedule;
mod weights;

use ikem_models::{ConfigError, ModelConfig};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::loss::LossConfig;
use crate::strategy::HintConfig;

pub use data::{DataConfig, PhantomShare};
pub use fresh::FreshConfig;
pub use optimiser::{OptimiserConfig, OptimiserKind};
pub use schedule::{RateShape, ScheduleConfig};
pub use weights::{InitialWeights, WeightsLayout};

/// All that a training is: the same config, data and number of threads give the same weights to the last bit.
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
    /// The network, its grid and its keypoints. Default: UNet-IKEM as published.
    pub model: ModelConfig,
    /// Images, labels and how they are changed.
    pub data: DataConfig,
    /// What is made small.
    pub loss: LossConfig,
    /// Which hints a network in training is given.
    pub hints: HintConfig,
    /// How weights change.
    pub optimiser: OptimiserConfig,
    /// How long, and how fast.
    pub schedule: ScheduleConfig,
    /// The weights that the training begins with. Default: PyTorch's initialisation, drawn from the seed.
    pub weights: Option<InitialWeights>,
    /// What it begins as without such weights.
    pub fresh: FreshConfig,
    /// What all random choices are drawn from. Default: 42.
    pub seed: u64,
    /// A checkpoint after every so many steps of the optimiser, besides that of each epoch; 0 is none. Default: 100.
    pub save_every: usize,
    /// CPU threads. Default: as many as there are cores.
    pub threads: Option<usize>,
    /// Where to compute: `cpu`, or `cuda:0` in a build with the feature. Default: `cpu`.
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
    /// [`Error::Setting`] names the first field that is out of its range.
    pub fn check(&self) -> Result<()> {
        self.model.check().map_err(|error| Error::setting("model.", error))?;
        self.loss.check().map_err(|error| Error::setting("", error))?;
        self.hints.check().map_err(|error| Error::setting("", error))?;
        self.data.check()?;
        self.fresh.check().map_err(|error| Error::setting("", error))?;
        self.optimiser.check().map_err(|error| Error::setting("", error))?;
        self.schedule.check().map_err(|error| Error::setting("", error))?;
        let threads = self.threads.map_or(Ok(()), |threads| within("threads", threads as f64, 1.0, 1024.0));
        threads.map_err(|error| Error::setting("", error))
    }

    /// The name of the first field, such as `data.batch_size`, in which two configs differ so that one training can't
    /// be taken up as the other. Device, threads, workers and the like may change.
    pub(crate) fn first_difference(&self, other: &Self) -> Option<String> {
        let essence = |config: &Self| {
            let mut config = config.clone();
            let Self { save_every, threads, device, data, weights, .. } = TrainConfig::default();
            // The weights that it began with are in the state.
            (config.save_every, config.threads, config.device, config.weights) =
                (save_every, threads, device, weights);
            let DataConfig { workers, prefetch, cache_mib, .. } = data;
            (config.data.workers, config.data.prefetch, config.data.cache_mib) =
                (workers, prefetch, cache_mib);
            serde_json::to_value(config).unwrap_or_default()
        };
        file::first_difference(&essence(self), &essence(other))
    }
}

/// Checks that `found` is a number of `least`…`most`.
pub(crate) fn within(field: &'static str, found: f64, least: f64, most: f64) -> Result<(), ConfigError> {
    // Written so that NaN fails.
    if found >= least && found <= most {
        return Ok(());
    }
    let expected = format!("{} to {}", shown(least), shown(most));
    Err(ConfigError { field, expected, found: shown(found) })
}

/// A number as a person writes it: very small and very large ones with an exponent, not with 300 digits.
fn shown(number: f64) -> String {
    match number.abs() {
        plain if plain == 0.0 || (1e-6..1e12).contains(&plain) => number.to_string(),
        _ => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_bounds_are_shown_with_an_exponent() {
        let error = within("a", 0.0, f64::MIN_POSITIVE, f64::MAX).unwrap_err();
        assert_eq!(
            (error.expected.as_str(), error.found.as_str()),
            ("2.2250738585072014e-308 to 1.7976931348623157e308", "0")
        );
        assert_eq!(within("a", 10.5, 0.001, 1.0).unwrap_err().expected, "0.001 to 1");
    }

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
            match config.check().expect_err(field) {
                Error::Setting { field: found, .. } => assert_eq!(found, field),
                other => panic!("{field}: {other}"),
            }
        }
        TrainConfig::default().check().expect("the default is in range");
    }

    #[test]
    fn only_what_changes_the_result_is_a_difference() {
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
