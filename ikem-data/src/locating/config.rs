use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

use super::SceneConfig;

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

    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    pub fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("stride", self.stride, 1..)?;
        FieldError::check_range("size", self.size, 32..=4096)?;
        if !self.size.is_multiple_of(self.stride) {
            return Err(FieldError::new("size", format!("a multiple of {}", self.stride), self.size));
        }
        FieldError::check_range("batch_size", self.batch_size, 1..)?;
        FieldError::check_range("samples_per_epoch", self.samples_per_epoch.unwrap_or(1), 1..)?;
        self.scenes.check()
    }
}
