use ikem_core::{Frame, Keypoints, Point, Preparation, Size, Skeleton};
use serde::{Deserialize, Serialize};

use crate::augment::Pipeline;
use crate::error::Error;

/// The part of each film that the network is given, before augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Framing {
    /// The whole film, as published.
    #[default]
    Film,
    /// The frame around the labels: [`Frame::around`] from the midpoint of the upper endplate of the first vertebra to
    /// that of the lower endplate of the last, and all keypoints.
    Spine,
}

impl Framing {
    /// The frame for a `film` with `keypoints` in its pixels; the whole film if the skeleton has no vertebrae.
    ///
    /// # Errors
    /// [`ikem_core::Error::Frame`] if top and bottom of the spine coincide or a keypoint is not finite.
    pub fn frame(self, film: Size, skeleton: &Skeleton, keypoints: &[Point]) -> Result<Frame, Error> {
        let around_spine = match self {
            Self::Film => None,
            Self::Spine => skeleton.frame(keypoints).transpose()?,
        };
        Ok(around_spine.unwrap_or(Frame::whole(film)))
    }
}

/// How images become batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchConfig {
    /// How an image becomes network input.
    pub preparation: Preparation,
    /// The part of a film that is used.
    #[serde(default)]
    pub framing: Framing,
    /// The augmentation.
    #[serde(default)]
    pub pipeline: Pipeline,
    /// The number of images per batch.
    pub batch_size: usize,
    /// Whether to shuffle each epoch; otherwise the order is that of the manifest.
    pub shuffle: bool,
    /// Whether to drop the last batch of an epoch if it is not full.
    pub drop_last: bool,
    /// The seed of the shuffling and the augmentation. Batches do not depend on the number of workers.
    pub seed: u64,
    /// The number of worker threads; with 0, batches are made on demand.
    pub workers: usize,
    /// The number of batches to prepare ahead.
    pub prefetch: usize,
    /// The largest size of the cache of resized images in bytes.
    pub cache_bytes: usize,
}

impl BatchConfig {
    /// Training batches: shuffled, last one dropped, standard augmentation, two workers, four batches ahead, 512 MiB of
    /// cache.
    #[must_use]
    pub fn training(preparation: Preparation, batch_size: usize, seed: u64) -> Self {
        Self {
            preparation,
            framing: Framing::Film,
            pipeline: Pipeline::standard(),
            batch_size,
            shuffle: true,
            drop_last: true,
            seed,
            workers: 2,
            prefetch: 4,
            cache_bytes: 512 << 20,
        }
    }

    /// Evaluation batches: every image once, in order and unchanged.
    #[must_use]
    pub fn evaluation(preparation: Preparation, batch_size: usize) -> Self {
        let training = Self::training(preparation, batch_size, 0);
        Self { pipeline: Pipeline::identity(), shuffle: false, drop_last: false, ..training }
    }
}

/// Network input with its keypoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The index of the batch in its epoch, from 0.
    pub step: usize,
    /// The index of each image in the loader; [`Loader::name`](crate::Loader::name) returns its name.
    pub entries: Vec<usize>,
    /// The size of the network's grid, W × H.
    pub grid: Size,
    /// The images, N × H × W in row-major order, −1 (black) … 1 (white).
    pub images: Vec<f32>,
    /// The keypoints of each image, in pixels of the network's grid; [`Point::ABSENT`] for those that are not seen.
    pub keypoints: Vec<Keypoints>,
    /// The size of each original image, in pixels.
    pub sizes: Vec<Size>,
    /// The frame of each original image before augmentation.
    pub frames: Vec<Frame>,
}

impl Batch {
    /// The images as a network's input: each repeated three times, N × 3 × H × W in row-major order, and that shape, for
    /// `Tensor::from_vec(values, shape, device)`.
    #[must_use]
    pub fn pixels(&self) -> (Vec<f32>, (usize, usize, usize, usize)) {
        let Size { width, height } = self.grid;
        let images = self.images.chunks_exact(self.grid.area().max(1));
        let values = images.flat_map(|image| [image; 3].concat()).collect();
        (values, (self.entries.len(), 3, height, width))
    }
}
