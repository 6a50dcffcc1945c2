use ikem_data::{Framing, LabelPolicy, PhantomConfig, Pipeline};
use serde::{Deserialize, Serialize};

use super::within;
use crate::error::{Error, Result};

/// Images, labels and how they are changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Training labels: `raw`, `repaired` (what has one sure fix is fixed) or `strict` (what is still wrong is left out).
    /// Default: `raw`.
    pub labels: LabelPolicy,
    /// Validation labels, as above. Default: `raw`, so that figures of all trainings compare.
    pub validation_labels: LabelPolicy,
    /// Which part of each film the network sees: `film`, all of it, or `spine`, the frame around the labels, as the locator and the
    /// network's own points give it. Default: `film`.
    pub framing: Framing,
    /// What is changed at random, in order: a list such as `[{ flip = {} }, { rotation = { degrees = 10 } }]`. Default:
    /// everything there is, each with its default.
    pub augmentation: Pipeline,
    /// Phantoms among the images of an epoch.
    pub phantoms: PhantomShare,
    /// Images a batch. Default: 4.
    pub batch_size: usize,
    /// Threads that prepare batches ahead; with 0 each is prepared when it is needed. Default: 1.
    pub workers: usize,
    /// How many batches are prepared ahead. Default: 4.
    pub prefetch: usize,
    /// The most memory for images that were decoded, in MiB. Default: 512.
    pub cache_mib: usize,
}

/// Phantoms among the images of an epoch. Which they are is drawn once; each is changed anew every epoch as others are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhantomShare {
    /// The part of an epoch's images that are phantoms, 0 to 0.95; they come on top of the labelled ones. Default: 0.
    pub share: f64,
    /// What they look like.
    pub settings: PhantomConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            labels: LabelPolicy::Raw,
            validation_labels: LabelPolicy::Raw,
            framing: Framing::Film,
            augmentation: Pipeline::standard(),
            phantoms: PhantomShare::default(),
            batch_size: 4,
            workers: 1,
            prefetch: 4,
            cache_mib: 512,
        }
    }
}

impl DataConfig {
    pub(super) fn check(&self) -> Result<()> {
        let ranges = [
            ("data.batch_size", self.batch_size as f64, 1.0, 1024.0),
            ("data.workers", self.workers as f64, 0.0, 256.0),
            ("data.prefetch", self.prefetch as f64, 0.0, 1024.0),
            ("data.cache_mib", self.cache_mib as f64, 0.0, f64::from(1 << 24)),
            ("data.phantoms.share", self.phantoms.share, 0.0, 0.95),
        ];
        for (field, found, least, most) in ranges {
            within(field, found, least, most).map_err(|error| Error::setting("", error))?;
        }
        self.phantoms.settings.check().map_err(|error| Error::Setting {
            field: format!("data.phantoms.settings.{}", error.name),
            expected: error.expected,
            found: error.found,
        })
    }
}

impl PhantomShare {
    /// How many phantoms make up the share beside `labelled` images.
    pub(crate) fn count(&self, labelled: usize) -> usize {
        (labelled as f64 * self.share / (1.0 - self.share)).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_whole() {
        let count = |share, labelled| PhantomShare { share, ..PhantomShare::default() }.count(labelled);
        assert_eq!([count(0.0, 417), count(0.25, 300), count(0.5, 417)], [0, 100, 417]);
    }
}
