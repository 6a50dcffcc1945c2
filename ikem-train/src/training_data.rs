use std::path::Path;

use ikem_core::{Draw, Keypoints, Preparation, Resampling, Skeleton};
use ikem_data::{
    BatchConfig, ImagesInMemory, LabelledImage, Loader, Manifest, ManifestEntry, Phantoms, Subset, clean,
};
use sha2::{Digest, Sha256};

use crate::config::{Checked, DataConfig, OptimiserConfig, TrainConfig};
use crate::cornering::CornerTrainConfig;
use crate::error::{Error, Result};
use crate::refining::RefinerTrainConfig;

/// Domain separation of the seeds of validation phantoms.
const VALIDATION: u64 = 1;

/// The training and validation images of a keypoint network.
#[derive(Debug, Clone)]
pub struct TrainingData {
    training: Loader,
    unchanged: Loader,
    validation: Loader,
    fingerprint: String,
}

/// What a training's config says of its images: of that of a keypoint network, a corner detector or a corner refiner.
#[derive(Debug)]
pub struct DataPlan<'a> {
    preparation: Preparation,
    skeleton: Skeleton,
    data: &'a DataConfig,
    seed: u64,
    /// Images per step of the optimiser.
    step: usize,
}

impl<'a> DataPlan<'a> {
    const fn new(
        preparation: Preparation,
        skeleton: Skeleton,
        data: &'a DataConfig,
        seed: u64,
        optimiser: &OptimiserConfig,
    ) -> Self {
        Self { preparation, skeleton, data, seed, step: data.batch_size * optimiser.accumulate }
    }
}

impl<'a> From<&'a Checked<TrainConfig>> for DataPlan<'a> {
    fn from(config: &'a Checked<TrainConfig>) -> Self {
        let TrainConfig { model, data, seed, optimiser, .. } = &**config;
        Self::new(model.preparation(), model.skeleton.clone(), data, *seed, optimiser)
    }
}

impl<'a> From<&'a Checked<CornerTrainConfig>> for DataPlan<'a> {
    fn from(config: &'a Checked<CornerTrainConfig>) -> Self {
        let CornerTrainConfig { corners, data, seed, optimiser, .. } = &**config;
        let preparation = Preparation { size: corners.size, resampling: Resampling::Area };
        Self::new(preparation, Skeleton::spine(), data, *seed, optimiser)
    }
}

impl<'a> From<&'a Checked<RefinerTrainConfig>> for DataPlan<'a> {
    fn from(config: &'a Checked<RefinerTrainConfig>) -> Self {
        let RefinerTrainConfig { images, data, seed, optimiser, .. } = &**config;
        let preparation = Preparation { size: *images, resampling: Resampling::Area };
        Self::new(preparation, Skeleton::spine(), data, *seed, optimiser)
    }
}

/// Where the labelled images are.
enum Source<'a> {
    /// In files, at paths relative to a folder.
    Files(&'a Path),
    Memory(ImagesInMemory),
}

impl TrainingData {
    /// The subsets `train` and `val` of a manifest whose image paths are relative to `root`; the configured share of
    /// phantoms is added to the training images.
    ///
    /// # Errors
    /// [`Error::Images`] when a subset is too small; [`Error::Data`] when the labels do not match the network's
    /// skeleton.
    pub fn new<'a>(plan: impl Into<DataPlan<'a>>, manifest: &Manifest, root: &Path) -> Result<Self> {
        let plan = plan.into();
        let data = plan.data;
        let set = |set, policy| {
            let mut manifest = manifest.of_set(set);
            clean(&mut manifest, &plan.skeleton, policy);
            manifest.entries
        };
        let training = set(Subset::Train, data.labels);
        let validation = set(Subset::Val, data.validation_labels);
        let phantoms = data.phantoms.count(training.len());
        Self::build(&plan, Source::Files(root), [(training, phantoms), (validation, 0)])
    }

    /// The subsets `train` and `val` of labelled images in memory, as they are labelled.
    ///
    /// # Errors
    /// [`Error::Images`] when a subset is too small; [`Error::Data`] when the labels do not match the network's skeleton,
    /// or two images have the same name.
    pub fn of_images<'a>(plan: impl Into<DataPlan<'a>>, images: Vec<LabelledImage>) -> Result<Self> {
        let plan = plan.into();
        let (entries, memory) = LabelledImage::split(images, &plan.skeleton)?;
        let manifest = Manifest { entries };
        let set = |set| (manifest.of_set(set).entries, 0);
        Self::build(&plan, Source::Memory(memory), [set(Subset::Train), set(Subset::Val)])
    }

    /// `count` phantoms for training and a quarter as many others, at least one, for validation.
    ///
    /// # Errors
    /// [`Error::Images`] when they do not fill a step; [`Error::Data`] when the network's skeleton is not the spine's.
    pub fn phantoms<'a>(plan: impl Into<DataPlan<'a>>, count: usize) -> Result<Self> {
        let validation = (count / 4).max(1);
        let sets = [(Vec::new(), count), (Vec::new(), validation)];
        Self::build(&plan.into(), Source::Files(Path::new("")), sets)
    }

    fn build(
        plan: &DataPlan<'_>,
        source: Source<'_>,
        sets: [(Vec<ManifestEntry>, usize); 2],
    ) -> Result<Self> {
        let &DataPlan { preparation, ref skeleton, data, seed, step: needed } = plan;
        let [(training, training_phantoms), (validation, validation_phantoms)] = sets;
        let images = training.len() + training_phantoms;
        for (set, found, expected) in
            [("train", images, needed), ("val", validation.len() + validation_phantoms, 1)]
        {
            if found < expected {
                return Err(Error::Images { set, found, expected });
            }
        }
        let phantoms = |count, part| {
            let seed = Draw::new(seed, &[part]).below(u64::MAX);
            Phantoms { config: data.phantoms.settings.clone(), count, seed }
        };
        let fingerprint = fingerprint(&[&training, &validation], images);
        let DataConfig { framing, batch_size, workers, prefetch, cache_mib, .. } = *data;
        let loaded =
            |config| BatchConfig { framing, workers, prefetch, cache_bytes: cache_mib << 20, ..config };
        let learn = BatchConfig {
            pipeline: data.augmentation.clone(),
            ..loaded(BatchConfig::training(preparation, batch_size, seed))
        };
        let watch = loaded(BatchConfig::evaluation(preparation, batch_size));
        let look_back = BatchConfig { cache_bytes: 0, ..watch.clone() };
        // The errors on phantoms are not representative of real images.
        let unchanged_phantoms = if training.is_empty() { training_phantoms } else { 0 };
        let loader = |entries, phantoms, config| match &source {
            Source::Files(root) => Loader::with_phantoms(root, entries, phantoms, skeleton.clone(), config),
            Source::Memory(memory) => {
                Loader::in_memory(ImagesInMemory::clone(memory), entries, skeleton.clone(), config)
            }
        };
        Ok(Self {
            unchanged: loader(training.clone(), phantoms(unchanged_phantoms, 0), look_back)?,
            training: loader(training, phantoms(training_phantoms, 0), learn)?,
            validation: loader(validation, phantoms(validation_phantoms, VALIDATION), watch)?,
            fingerprint,
        })
    }

    /// Augmented training batches.
    #[must_use]
    pub const fn training(&self) -> &Loader {
        &self.training
    }

    /// The training images in order and without augmentation; phantoms only when there are no labelled images.
    pub(crate) const fn unchanged(&self) -> &Loader {
        &self.unchanged
    }

    /// Validation batches.
    #[must_use]
    pub const fn validation(&self) -> &Loader {
        &self.validation
    }

    /// A hash of the images and labels, to recognise the same data.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The training labels without augmentation, in pixels of the grid: those of the labelled images or, when there are
    /// none, of the phantoms.
    pub(crate) fn training_labels(&self) -> Result<Vec<Keypoints>> {
        let grid = self.training.config().preparation.size;
        let entries = self.training.entries();
        if !entries.is_empty() {
            let framing = self.training.config().framing;
            let on_grid = |entry: &ManifestEntry| {
                let (keypoints, film) = (entry.keypoints(), entry.size());
                let frame = framing.frame(film, self.training.skeleton(), &keypoints)?;
                Ok(keypoints.iter().map(|&point| frame.to_grid(point, film, grid)).collect())
            };
            return entries.iter().map(on_grid).collect::<Result<_, ikem_data::Error>>().map_err(Into::into);
        }
        let batches = (0..self.training.steps()).map(|step| Ok(self.training.batch(0, step)?.keypoints));
        Ok(batches.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

/// A hash of all images' names, sizes and labels, and of the number of images.
fn fingerprint(sets: &[&Vec<ManifestEntry>], images: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(images.to_le_bytes());
    for entry in sets.iter().flat_map(|set| set.iter()) {
        hash.update(entry.image_path.as_bytes());
        let numbers = entry.corners_yx.iter().flatten().flat_map(|number| number.to_le_bytes());
        hash.update(numbers.chain(entry.y_x_size.iter().flat_map(|n| n.to_le_bytes())).collect::<Vec<u8>>());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
