use std::path::{Path, PathBuf};
use std::sync::Arc;

use ikem_core::{Preparation, Skeleton};

use super::cache::{Cache, Resized};
use super::workers::Workers;
use super::{Batch, BatchConfig};
use crate::{Draw, Error, Limits, ManifestEntry, load_resized};

/// Makes batches of a list of images. Cheap to clone; clones share the images that are kept.
///
/// Every batch is a function of the seed, its epoch and its step alone: not of workers, of what was asked for before,
/// or of what is kept. So training resumes anywhere with [`batches`](Self::batches).
#[derive(Debug, Clone)]
pub struct Loader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    entries: Vec<ManifestEntry>,
    skeleton: Skeleton,
    config: BatchConfig,
    cache: Cache,
}

impl Loader {
    /// A loader of `entries`, whose image paths start at `root`.
    ///
    /// # Errors
    /// [`Error::Argument`] when there are no images or a batch has none; [`Error::Core`] when the network's grid has no
    /// pixels, or an entry has not the skeleton's keypoints.
    pub fn new(
        root: impl AsRef<Path>,
        entries: Vec<ManifestEntry>,
        skeleton: Skeleton,
        config: BatchConfig,
    ) -> Result<Self, Error> {
        let argument = |argument, found: &str| {
            let (found, expected) = (found.to_owned(), "at least one".to_owned());
            Err(Error::Argument { argument, found, expected })
        };
        if entries.is_empty() {
            return argument("entries", "no images");
        }
        if config.batch_size == 0 {
            return argument("batch_size", "0");
        }
        if config.preparation.size.area() == 0 {
            return Err(ikem_core::Error::EmptySize(config.preparation.size).into());
        }
        if let Some(entry) = entries.iter().find(|entry| entry.corners_yx.len() != skeleton.len()) {
            let (expected, found) = (skeleton.len(), entry.corners_yx.len());
            return Err(ikem_core::Error::Length { what: "keypoints", expected, found }.into());
        }
        let cache = Cache::new(config.cache_bytes);
        Ok(Self(Arc::new(Shared { root: root.as_ref().to_owned(), entries, skeleton, config, cache })))
    }

    /// How batches are made.
    #[must_use]
    pub fn config(&self) -> &BatchConfig {
        &self.0.config
    }

    /// The images, in the list's order.
    #[must_use]
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.0.entries
    }

    /// How many batches an epoch has.
    #[must_use]
    pub fn steps(&self) -> usize {
        let (images, size) = (self.0.entries.len(), self.0.config.batch_size);
        if self.0.config.drop_last { images / size } else { images.div_ceil(size) }
    }

    /// The batches of `epoch` from `step` on.
    ///
    /// An image that can't be read gives an error in place of its batch; the next call goes on with the next batch.
    #[must_use]
    pub fn batches(&self, epoch: u64, step: usize) -> Batches {
        let workers = self.0.config.workers;
        Batches {
            loader: self.clone(),
            epoch,
            next: step,
            workers: (workers > 0).then(|| Workers::start(self, epoch, step)),
        }
    }

    /// One batch, made here and now.
    ///
    /// # Errors
    /// What [`load_resized`] tells of an image.
    pub fn batch(&self, epoch: u64, step: usize) -> Result<Batch, Error> {
        let shared = &*self.0;
        let (size, grid) = (shared.config.batch_size, shared.config.preparation.size);
        let order = self.order(epoch);
        let entries: Vec<usize> = order.into_iter().skip(step.saturating_mul(size)).take(size).collect();
        let mut batch = Batch {
            epoch,
            step,
            images: Vec::with_capacity(entries.len() * grid.area()),
            keypoints: Vec::with_capacity(entries.len()),
            sizes: Vec::with_capacity(entries.len()),
            entries,
        };
        for &place in &batch.entries {
            let Some(entry) = shared.entries.get(place) else { continue };
            let resized = self.resized(place, entry)?;
            let mut draw = Draw::new(shared.config.seed, &[epoch, place as u64]);
            let plan = shared.config.pipeline.draw(resized.original, &mut draw);
            batch.images.extend(plan.resized(&resized.image));
            // Labels are relative to the size that the manifest gives.
            let keypoints = entry.keypoints().rescaled(entry.size(), resized.original);
            batch.keypoints.push(plan.keypoints(&keypoints, grid, &shared.skeleton)?);
            batch.sizes.push(resized.original);
        }
        Ok(batch)
    }

    /// The image of an entry, resized.
    fn resized(&self, place: usize, entry: &ManifestEntry) -> Result<Resized, Error> {
        let shared = &*self.0;
        if let Some(resized) = shared.cache.get(place) {
            return Ok(resized);
        }
        let path = shared.root.join(&entry.image_path);
        let Preparation { size, resampling } = shared.config.preparation;
        let (image, original) = load_resized(path, size, resampling, &Limits::default())?;
        let resized = Resized { image: Arc::new(image), original };
        shared.cache.keep(place, &resized);
        Ok(resized)
    }

    /// The images of an epoch in order.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.0.entries.len()).collect();
        if self.0.config.shuffle {
            let mut draw = Draw::new(self.0.config.seed, &[epoch]);
            for last in (1..order.len()).rev() {
                order.swap(last, draw.below(last as u64 + 1) as usize);
            }
        }
        order
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> (usize, usize) {
        self.0.cache.held()
    }
}

/// The batches of one epoch. See [`Loader::batches`].
#[derive(Debug)]
pub struct Batches {
    loader: Loader,
    epoch: u64,
    next: usize,
    workers: Option<Workers>,
}

impl Iterator for Batches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.next;
        if step >= self.loader.steps() {
            return None;
        }
        self.next += 1;
        // A worker that stopped leaves its batch to be made here.
        let made = self.workers.as_mut().and_then(|workers| workers.take(step));
        Some(made.unwrap_or_else(|| self.loader.batch(self.epoch, step)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.loader.steps().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batches {}
