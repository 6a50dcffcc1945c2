use std::path::{Path, PathBuf};
use std::sync::Arc;

use ikem_core::{Draw, FieldError, Preparation, Skeleton};

use super::cache::Cache;
use super::resized::Resized;
use super::workers::{Source, Steps};
use super::{Batch, BatchConfig, Framing, ImagesInMemory, LabelledImage, Phantoms};
use crate::error::Error;
use crate::image_file::load_image;
use crate::limits::Limits;
use crate::manifest::ManifestEntry;
use crate::phantom::Phantom;

/// Makes batches from labelled image files and phantoms. Cheap to clone; clones share the image cache.
///
/// A batch depends only on seed, epoch and step, not on workers, caching or earlier calls, so that training can resume
/// anywhere with [`batches`](Self::batches).
#[derive(Debug, Clone)]
pub struct Loader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    /// Images that are not read from files.
    memory: ImagesInMemory,
    entries: Vec<ManifestEntry>,
    phantoms: Phantoms,
    skeleton: Skeleton,
    config: BatchConfig,
    cache: Cache<Resized>,
}

impl Loader {
    /// A loader of `entries` with image paths relative to `root`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no images or `batch_size` is 0; [`Error::Core`] if the network's grid has no
    /// pixels or an entry has the wrong number of keypoints.
    pub fn new(
        root: impl AsRef<Path>,
        entries: Vec<ManifestEntry>,
        skeleton: Skeleton,
        config: BatchConfig,
    ) -> Result<Self, Error> {
        Self::with_phantoms(root, entries, Phantoms::none(), skeleton, config)
    }

    /// A loader of images in memory.
    ///
    /// # Errors
    /// Same as [`new`](Self::new); [`Error::Argument`] if two images have the same name.
    pub fn of_images(
        images: Vec<LabelledImage>,
        skeleton: Skeleton,
        config: BatchConfig,
    ) -> Result<Self, Error> {
        let (entries, memory) = LabelledImage::split(images, &skeleton)?;
        Self::build((PathBuf::new(), memory), entries, Phantoms::none(), skeleton, config)
    }

    /// A loader of `entries` whose images are in `memory`, by their paths.
    ///
    /// # Errors
    /// Same as [`new`](Self::new).
    pub fn in_memory(
        memory: ImagesInMemory,
        entries: Vec<ManifestEntry>,
        skeleton: Skeleton,
        config: BatchConfig,
    ) -> Result<Self, Error> {
        Self::build((PathBuf::new(), memory), entries, Phantoms::none(), skeleton, config)
    }

    /// A loader of `entries` followed by `phantoms`, which are generated on demand.
    ///
    /// # Errors
    /// Same as [`new`](Self::new); [`Error::Argument`] if a phantom setting is out of range, or if there are phantoms
    /// but the skeleton is not [`Skeleton::spine`].
    pub fn with_phantoms(
        root: impl AsRef<Path>,
        entries: Vec<ManifestEntry>,
        phantoms: Phantoms,
        skeleton: Skeleton,
        config: BatchConfig,
    ) -> Result<Self, Error> {
        Self::build(
            (root.as_ref().to_owned(), ImagesInMemory::default()),
            entries,
            phantoms,
            skeleton,
            config,
        )
    }

    fn build(
        (root, memory): (PathBuf, ImagesInMemory),
        entries: Vec<ManifestEntry>,
        phantoms: Phantoms,
        skeleton: Skeleton,
        config: BatchConfig,
    ) -> Result<Self, Error> {
        if entries.is_empty() && phantoms.count == 0 {
            return Err(FieldError::new("entries", "at least one image", "none").into());
        }
        phantoms.check(&skeleton)?;
        if config.batch_size == 0 {
            return Err(FieldError::new("batch_size", "at least 1", 0).into());
        }
        if config.preparation.size.area() == 0 {
            return Err(ikem_core::Error::EmptySize(config.preparation.size).into());
        }
        if let Some(entry) = entries.iter().find(|entry| entry.corners_yx.len() != skeleton.len()) {
            let (expected, found) = (skeleton.len(), entry.corners_yx.len());
            return Err(ikem_core::Error::Length { what: "keypoints", expected, found }.into());
        }
        let config = BatchConfig { pipeline: config.pipeline.suiting(&skeleton), ..config };
        let cache = Cache::new(config.cache_bytes);
        Ok(Self(Arc::new(Shared { root, memory, entries, phantoms, skeleton, config, cache })))
    }

    /// The configuration, with the augmentations that suit the skeleton.
    #[must_use]
    pub fn config(&self) -> &BatchConfig {
        &self.0.config
    }

    /// The skeleton of the keypoints.
    #[must_use]
    pub fn skeleton(&self) -> &Skeleton {
        &self.0.skeleton
    }

    /// The labelled files, in order.
    #[must_use]
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.0.entries
    }

    /// The number of images, including phantoms.
    #[must_use]
    pub fn images(&self) -> usize {
        self.0.entries.len() + self.0.phantoms.count
    }

    /// The name of the image with index `place`: its path in the manifest, or `phantom` and its seed.
    #[must_use]
    pub fn name(&self, place: usize) -> String {
        let phantom = || format!("phantom {}", self.0.phantoms.seed_of(place - self.0.entries.len()));
        self.0.entries.get(place).map_or_else(phantom, |entry| entry.image_path.clone())
    }

    /// The number of batches per epoch.
    #[must_use]
    pub fn steps(&self) -> usize {
        let (images, size) = (self.images(), self.0.config.batch_size);
        if self.0.config.drop_last { images / size } else { images.div_ceil(size) }
    }

    /// Iterates over the batches of `epoch` from `step` on.
    ///
    /// An image that cannot be read gives an error in place of its batch; iteration continues with the next batch.
    #[must_use]
    pub fn batches(&self, epoch: u64, step: usize) -> Batches {
        Batches(Steps::new(self.clone(), epoch, step))
    }

    /// Makes one batch on the calling thread.
    ///
    /// # Errors
    /// Same as [`load_image`].
    pub fn batch(&self, epoch: u64, step: usize) -> Result<Batch, Error> {
        let shared = &*self.0;
        let (size, grid) = (shared.config.batch_size, shared.config.preparation.size);
        let order = self.order(epoch);
        let entries: Vec<usize> = order.into_iter().skip(step.saturating_mul(size)).take(size).collect();
        let mut batch = Batch {
            epoch,
            step,
            grid,
            images: Vec::with_capacity(entries.len() * grid.area()),
            keypoints: Vec::with_capacity(entries.len()),
            sizes: Vec::with_capacity(entries.len()),
            frames: Vec::with_capacity(entries.len()),
            entries,
        };
        for &place in &batch.entries {
            let resized = self.resized(place)?;
            let mut draw = Draw::new(shared.config.seed, &[epoch, place as u64]);
            let plan = shared.config.pipeline.draw_in(resized.original, &resized.frame, &mut draw);
            let keypoints = plan.keypoints(&resized.keypoints, grid, &shared.skeleton)?;
            let mut image = plan.resized(&resized.image, grid);
            plan.draw_implants(&mut image, grid, &keypoints, &shared.skeleton)?;
            batch.images.extend(image);
            batch.keypoints.push(keypoints);
            batch.sizes.push(resized.original);
            batch.frames.push(resized.frame);
        }
        Ok(batch)
    }

    /// The resized image with index `place`.
    fn resized(&self, place: usize) -> Result<Resized, Error> {
        let shared = &*self.0;
        if let Some(resized) = shared.cache.get(place) {
            return Ok(resized);
        }
        let Preparation { size, resampling } = shared.config.preparation;
        let entry = shared.entries.get(place);
        let path = |entry: &ManifestEntry| shared.root.join(&entry.image_path);
        let held = |entry: &ManifestEntry| shared.memory.get(&entry.image_path);
        let phantom = || shared.phantoms.draw(place - shared.entries.len());
        let resized = match (shared.config.framing, entry) {
            (Framing::Film, Some(entry)) => match held(entry) {
                Some(image) => Resized::of_image(image, entry.keypoints(), size, resampling)?,
                None => Resized::of_file(&path(entry), entry, size, resampling)?,
            },
            (Framing::Film, None) => {
                let Phantom { image, keypoints, .. } = phantom()?;
                Resized::of_image(&image, keypoints, size, resampling)?
            }
            (Framing::Spine, Some(entry)) => {
                let load = || load_image(path(entry), &Limits::default());
                let image = held(entry).cloned().map_or_else(load, Ok)?;
                let keypoints = entry.keypoints().rescaled(entry.size(), image.size());
                Resized::framed(&image, keypoints, &shared.skeleton, shared.config.preparation)?
            }
            (Framing::Spine, None) => {
                let Phantom { image, keypoints, .. } = phantom()?;
                Resized::framed(&image, keypoints, &shared.skeleton, shared.config.preparation)?
            }
        };
        shared.cache.keep(place, &resized, size_of_val(resized.image.pixels()));
        Ok(resized)
    }

    /// The image indices of an epoch, in order.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.images()).collect();
        if self.0.config.shuffle {
            Draw::new(self.0.config.seed, &[epoch]).shuffle(&mut order);
        }
        order
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> (usize, usize) {
        self.0.cache.held()
    }
}

impl Source for Loader {
    type Batch = Batch;

    fn steps(&self) -> usize {
        self.steps()
    }

    fn ahead(&self) -> (usize, usize) {
        (self.0.config.workers, self.0.config.prefetch)
    }

    fn batch(&self, epoch: u64, step: usize) -> Result<Batch, Error> {
        self.batch(epoch, step)
    }
}

/// An iterator over the batches of one epoch; see [`Loader::batches`].
#[derive(Debug)]
pub struct Batches(Steps<Loader>);

impl Iterator for Batches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Batches {}
