use ikem_core::FieldError;
use ikem_data::{Framing, LabelPolicy, PhantomConfig, Pipeline};
use serde::{Deserialize, Serialize};

/// Images, labels and augmentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Cleaning of the training labels: `raw` uses them as they are, `repaired` fixes errors with one unambiguous fix,
    /// `strict` also drops images that are still wrong. Default: `raw`.
    pub labels: LabelPolicy,
    /// Cleaning of the validation labels, as above. Default: `raw`, so that the figures of all trainings are comparable.
    pub validation_labels: LabelPolicy,
    /// The input region: `film` is the whole image; `spine` is the frame around the labelled spine, as the locator and
    /// the network's own points determine it at inference. Default: `film`.
    pub framing: Framing,
    /// The augmentations in order, such as `[{ flip = {} }, { rotation = { degrees = 10 } }]`. Default: all, each with
    /// its defaults.
    pub augmentation: Pipeline,
    /// Synthetic radiographs (phantoms) mixed into the training images.
    pub phantoms: PhantomShare,
    /// Images per batch, 1 to 1024. Default: 4.
    pub batch_size: usize,
    /// Threads that prepare batches in advance, 0 to 256; with 0, each batch is prepared when it is needed. Default: 1.
    pub workers: usize,
    /// Batches prepared in advance, 0 to 1024. Default: 4.
    pub prefetch: usize,
    /// Memory limit of the cache of decoded images, in MiB. Default: 512.
    pub cache_mib: usize,
}

/// Phantoms among the training images. The phantoms are drawn once; each is augmented anew every epoch like any other
/// image.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhantomShare {
    /// The fraction of an epoch's images that are phantoms, 0 to 0.95; they are added to the labelled images. Default: 0.
    pub share: f64,
    /// The appearance of the phantoms.
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
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("data.batch_size", self.batch_size, 1..=1024)?;
        FieldError::check_range("data.workers", self.workers, 0..=256)?;
        FieldError::check_range("data.prefetch", self.prefetch, 0..=1024)?;
        FieldError::check_range("data.cache_mib", self.cache_mib, 0..=1 << 24)?;
        FieldError::check_range("data.phantoms.share", self.phantoms.share, 0.0..=0.95)?;
        self.phantoms.settings.check().map_err(|error| error.inside("data.phantoms.settings"))
    }

    /// The same with fixed values for what may differ when a training is resumed.
    pub(crate) fn essence(&self) -> Self {
        let Self { workers, prefetch, cache_mib, .. } = Self::default();
        Self { workers, prefetch, cache_mib, ..self.clone() }
    }
}

impl PhantomShare {
    /// The number of phantoms that make up the share when added to `labelled` images.
    pub(crate) fn count(&self, labelled: usize) -> usize {
        (labelled as f64 * self.share / (1.0 - self.share)).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_counts_phantoms_among_all_images() {
        let count = |share, labelled| PhantomShare { share, ..PhantomShare::default() }.count(labelled);
        assert_eq!([count(0.0, 417), count(0.25, 300), count(0.5, 417)], [0, 100, 417]);
    }
}
