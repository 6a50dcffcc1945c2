use ikem_core::{Frame, Keypoints, Point, Preparation, Size, Skeleton};
use serde::{Deserialize, Serialize};

use crate::{Error, Pipeline};

/// Which part of each film a network sees, before it is changed at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// All of it, as published.
    #[default]
    Film,
    /// The frame around its labels: [`Frame::around`] the middle of the upper edge of the first vertebra, that of the lower edge
    /// of the last, and all keypoints.
    Spine,
}

impl Framing {
    /// The part of a `film` that a network sees, in pixels of the film, as `keypoints` are; all of it where the skeleton has no
    /// vertebrae.
    ///
    /// # Errors
    /// [`ikem_core::Error::Frame`] when the spine's top and bottom are the same, or a keypoint is not finite.
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
    /// How an image becomes the network's input.
    pub preparation: Preparation,
    /// Which part of a film is seen.
    #[serde(default)]
    pub framing: Framing,
    /// What is changed at random.
    #[serde(default)]
    pub pipeline: Pipeline,
    /// Images a batch.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own; otherwise it is the manifest's.
    pub shuffle: bool,
    /// Whether the last images of an epoch are left out when they do not fill a batch.
    pub drop_last: bool,
    /// Of the orders and of what is changed. The same seed gives the same batches with any number of workers.
    pub seed: u64,
    /// Threads that prepare batches ahead; with 0 each is prepared when it is asked for.
    pub workers: usize,
    /// How many batches are prepared ahead.
    pub prefetch: usize,
    /// The most bytes of resized images that are kept in memory, so that they are decoded once.
    pub cache_bytes: usize,
}

impl BatchConfig {
    /// Batches to learn from: shuffled, the last one dropped, augmented by all there is; two workers, four batches
    /// ahead, 512 MiB of images kept.
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

    /// Batches to measure with: every image once, in order and unchanged.
    #[must_use]
    pub fn evaluation(preparation: Preparation, batch_size: usize) -> Self {
        let training = Self::training(preparation, batch_size, 0);
        Self { pipeline: Pipeline::identity(), shuffle: false, drop_last: false, ..training }
    }
}

/// Images and keypoints that go through a network together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch's place in its epoch, from 0.
    pub step: usize,
    /// Each image's place in the loader's list; [`Loader::name`](crate::Loader::name) tells its name.
    pub entries: Vec<usize>,
    /// The images, N × H × W in row-major order, -1 (black) … 1 (white).
    pub images: Vec<f32>,
    /// The keypoints of each image, in pixels of the network's grid.
    pub keypoints: Vec<Keypoints>,
    /// The size of each original image.
    pub sizes: Vec<Size>,
    /// The part of each original image that is seen where nothing is changed at random.
    pub frames: Vec<Frame>,
}
