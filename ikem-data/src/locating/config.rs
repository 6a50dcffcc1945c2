use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

use super::SceneConfig;

/// How films become batches for a locator, the network that finds the vertebral column on a whole film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocatingConfig {
    /// Pixels of a side of the network's square grid (S), 32 to 4096; a multiple of `stride`.
    pub size: usize,
    /// Pixels of the grid that one value of the maps is the side of.
    pub stride: usize,
    /// Scenes a batch.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own; otherwise it is the list's.
    pub shuffle: bool,
    /// Whether the last scenes of an epoch are left out when they do not fill a batch.
    pub drop_last: bool,
    /// Of the orders and the scenes. The same seed gives the same batches with any number of workers.
    pub seed: u64,
    /// Threads that prepare batches ahead; with 0 each is prepared when it is asked for.
    pub workers: usize,
    /// How many batches are prepared ahead.
    pub prefetch: usize,
    /// The most bytes of resized films that are kept in memory, so that they are decoded once.
    pub cache_bytes: usize,
    /// What is random about a scene.
    #[serde(default)]
    pub scenes: SceneConfig,
    /// How many scenes an epoch has; `None` for one of each film. Fewer are a part of the films, another in each epoch
    /// where they are shuffled; more show films again.
    #[serde(default)]
    pub samples_per_epoch: Option<usize>,
}

impl LocatingConfig {
    /// Batches to learn from: shuffled, the last one dropped, random scenes; two workers, four batches ahead, 1 GiB of
    /// films kept.
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

    /// Batches to measure with: every film once, in order, upright and whole.
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
