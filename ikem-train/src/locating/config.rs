use std::path::{Path, PathBuf};

use ikem_data::SceneConfig;
use ikem_models::LocatorConfig;
use serde::{Deserialize, Serialize};

use crate::config::file;
use crate::config::{OptimiserConfig, ScheduleConfig, within};
use crate::error::{Error, Result};

/// A training of the locator as a TOML file says it; every field but `locator` may be left out. The same config, films and
/// number of threads give the same weights to the last bit.
///
/// ```
/// use ikem_train::LocatorTrainConfig;
/// let config = LocatorTrainConfig::parse("[locator]\nwidth = 4\n[schedule]\nepochs = 30")?;
/// assert_eq!((config.locator.width, config.locator.size, config.schedule.epochs), (4, 256, 30));
/// # Ok::<(), ikem_train::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocatorTrainConfig {
    /// The network's dimensions.
    pub locator: LocatorConfig,
    /// A file with the locator that the training begins with. Default: none, PyTorch's initialisation, drawn from the seed.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// What is random about the scenes that it learns from.
    #[serde(default)]
    pub scenes: SceneConfig,
    /// Scenes a batch. Default: 16.
    #[serde(default = "batch_size")]
    pub batch_size: usize,
    /// Scenes an epoch. Default: 2048.
    #[serde(default = "epoch_size")]
    pub epoch_size: usize,
    /// How often a film of each kind is drawn: an AASCE film, a whole film, a synthetic torso, as parts of the scenes. A kind
    /// that is not given counts for none. Default: 0.45, 0.15 and 0.4.
    #[serde(default = "shares")]
    pub shares: [f64; 3],
    /// What the loss is the weighted sum of.
    #[serde(default)]
    pub loss: LocatorWeights,
    /// How weights change.
    #[serde(default)]
    pub optimiser: OptimiserConfig,
    /// How long, and how fast; `patience` counts epochs without a lower validation loss.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// What all random choices are drawn from. Default: 42.
    #[serde(default = "seed")]
    pub seed: u64,
    /// Threads that draw scenes ahead. Default: 1.
    #[serde(default = "workers")]
    pub workers: usize,
    /// CPU threads. Default: as many as there are cores.
    #[serde(default)]
    pub threads: Option<usize>,
}

/// Weights of the terms of the locator's loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocatorWeights {
    /// Of the mean cross-entropy of the column's map. Default: 1.
    pub column: f64,
    /// Of the mean cross-entropy of the ends' maps. Default: 1.
    pub ends: f64,
    /// Of the cross-entropies of the answers: quarter turns, negative, spine. Default: 0.3.
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

impl LocatorTrainConfig {
    /// Reads a TOML file and checks it.
    ///
    /// # Errors
    /// [`Error::ConfigFile`] names the file and, where a field is at fault, the field.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        file::read(path.as_ref(), Self::parse)
    }

    /// Parses TOML and checks it.
    ///
    /// # Errors
    /// [`Error::Syntax`] for what is no such TOML, with line and field; [`Error::Setting`] for a field out of its range.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = file::parse(text)?;
        config.check()?;
        Ok(config)
    }

    /// Whether a TOML text is a training of the locator: it has the field `locator`.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("locator"))
    }

    /// Checks every field's range.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first field that is out of its range.
    pub fn check(&self) -> Result<()> {
        let setting = |error| Error::setting("", error);
        self.locator.check().map_err(setting)?;
        self.scenes.check()?;
        self.optimiser.check().map_err(setting)?;
        self.schedule.check().map_err(setting)?;
        let [a, b, c] = self.shares;
        for (field, found, least, most) in [
            ("batch_size", self.batch_size as f64, 1.0, 1024.0),
            ("epoch_size", self.epoch_size as f64, self.batch_size as f64, 1e6),
            ("shares", a.min(b).min(c), 0.0, 1.0),
            ("shares", a + b + c, f64::MIN_POSITIVE, 3.0),
            ("loss.column", self.loss.column, 0.0, 1e3),
            ("loss.ends", self.loss.ends, 0.0, 1e3),
            ("loss.answers", self.loss.answers, 0.0, 1e3),
            ("workers", self.workers as f64, 0.0, 256.0),
            ("threads", self.threads.unwrap_or(1) as f64, 1.0, 1024.0),
        ] {
            within(field, found, least, most).map_err(setting)?;
        }
        Ok(())
    }

    /// The name of the first field in which two configs differ so that one training can't be taken up as the other.
    pub(super) fn first_difference(&self, other: &Self) -> Option<String> {
        let essence = |config: &Self| {
            // The weights that it began with are in the state.
            let config = Self { threads: None, workers: 0, weights: None, ..config.clone() };
            serde_json::to_value(config).unwrap_or_default()
        };
        file::first_difference(&essence(self), &essence(other))
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

    #[test]
    fn configs_of_locators_are_told_from_others() {
        assert!(LocatorTrainConfig::is_meant_by("[locator]\nwidth = 8"));
        assert!(!LocatorTrainConfig::is_meant_by("[model]\nstd = 3.0"));
        assert!(!LocatorTrainConfig::is_meant_by("[["));
    }
}
