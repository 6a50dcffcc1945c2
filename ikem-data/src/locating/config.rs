use serde::{Deserialize, Serialize};

use super::SceneConfig;
use crate::error::Error;

/// How films become batches for a locator, the network that finds the spine on a whole film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocatingConfig {
    /// The side of the network's square grid in pixels (S), 32 to 4096; a multiple of `stride`.
    pub size: usize,
    /// The side of a cell of the target maps, in grid pixels.
    pub stride: usize,
    /// The number of scenes per batch.
    pub batch_size: usize,
    /// Whether to shuffle each epoch; otherwise the films keep their order.
    pub shuffle: bool,
    /// Whether to drop the last batch of an epoch if it is not full.
    pub drop_last: bool,
    /// The seed of the shuffling and the scenes. Batches do not depend on the number of workers.
    pub seed: u64,
    /// The number of worker threads; with 0, batches are made on demand.
    pub workers: usize,
    /// The number of batches to prepare ahead.
    pub prefetch: usize,
    /// The largest size of the cache of resized films in bytes.
    pub cache_bytes: usize,
    /// The random properties of scenes.
    #[serde(default)]
    pub scenes: SceneConfig,
    /// The number of scenes per epoch; `None` for one per film. A smaller number uses a subset of the films, a
    /// different one in each epoch if they are shuffled; a larger number repeats films.
    #[serde(default)]
    pub samples_per_epoch: Option<usize>,
}

impl LocatingConfig {
    /// Training batches: shuffled, last one dropped, random scenes, two workers, four batches ahead, 1 GiB of cache.
    #[must_use]
    pub fn training(size: usize, stride: usize, batch_size: usize, seed: u64) -> Self {
        Self {
            size,
            stride,
            batch_size,
            shuffle: true,
            drop_last: true,
            seed,
            workers: 2,
            prefetch: 4,
            cache_bytes: 1 << 30,
            scenes: SceneConfig::default(),
            samples_per_epoch: None,
        }
    }

    /// Evaluation batches: every film once, in order, upright and whole.
    #[must_use]
    pub fn evaluation(size: usize, stride: usize, batch_size: usize) -> Self {
        let training = Self::training(size, stride, batch_size, 0);
        Self { scenes: SceneConfig::plain(), shuffle: false, drop_last: false, ..training }
    }

    /// Checks all settings.
    ///
    /// # Errors
    /// [`Error::Argument`] for the first setting out of range, with its name, value and range.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |argument, found: usize, expected: String| {
            Err(Error::Argument { argument, found: found.to_string(), expected })
        };
        if self.stride == 0 {
            return wrong("stride", 0, "at least 1".to_owned());
        }
        if !(32..=4096).contains(&self.size) || !self.size.is_multiple_of(self.stride) {
            return wrong("size", self.size, format!("32 to 4096, a multiple of {}", self.stride));
        }
        if self.batch_size == 0 {
            return wrong("batch_size", 0, "at least 1".to_owned());
        }
        if self.samples_per_epoch == Some(0) {
            return wrong("samples_per_epoch", 0, "at least 1".to_owned());
        }
        self.scenes.check()
    }
}
