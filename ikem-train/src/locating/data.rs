use ikem_core::Draw;
use ikem_data::{Film, LocatingConfig, LocatingLoader, Subset};
use ikem_models::LOCATOR_STRIDE;
use sha2::{Digest, Sha256};

use super::config::LocatorTrainConfig;
use crate::config::Checked;
use crate::error::{Error, Result};

/// Domain separation of the random numbers of validation scenes.
const VALIDATION: u64 = 1;
/// The most validation films of each kind.
const WATCHED: usize = 64;

/// The films for a training of the locator, by kind.
#[derive(Debug, Clone, Default)]
pub struct FilmSets {
    /// Films of AASCE, cropped around the spine.
    pub cropped: Vec<Film>,
    /// Whole films, from head to thighs.
    pub whole: Vec<Film>,
    /// Synthetic torsos from a generative model.
    pub synthetic: Vec<Film>,
}

/// The training and validation scenes of the locator.
#[derive(Debug, Clone)]
pub struct LocatorData {
    training: LocatingLoader,
    validation: LocatingLoader,
    fingerprint: String,
}

impl LocatorData {
    /// The scenes of the films in the subsets `train` and `val`.
    ///
    /// # Errors
    /// [`Error::Images`] when a subset is empty.
    pub fn new(config: &Checked<LocatorTrainConfig>, films: FilmSets) -> Result<Self> {
        let kinds = [films.cropped, films.whole, films.synthetic];
        let of_set = |set: Subset| {
            kinds.clone().map(|films| films.into_iter().filter(|film| film.set == set).collect::<Vec<_>>())
        };
        let training = repeated(of_set(Subset::Train), config.shares, config.epoch_size);
        let validation: Vec<Film> =
            of_set(Subset::Val).into_iter().flat_map(|films| films.into_iter().take(WATCHED)).collect();
        for (set, films) in [("train", &training), ("val", &validation)] {
            if films.is_empty() {
                return Err(Error::Images { set, found: 0, expected: 1 });
            }
        }
        let LocatorTrainConfig { locator, batch_size, seed, workers, .. } = **config;
        let drawn = |seed| LocatingConfig {
            scenes: config.scenes,
            workers,
            ..LocatingConfig::training(locator.size, LOCATOR_STRIDE, batch_size, seed)
        };
        let learn = LocatingConfig { samples_per_epoch: Some(config.epoch_size), ..drawn(seed) };
        let seed = Draw::new(seed, &[VALIDATION]).below(u64::MAX);
        let watch = LocatingConfig { shuffle: false, drop_last: false, ..drawn(seed) };
        let fingerprint = fingerprint([&training, &validation]);
        Ok(Self {
            training: LocatingLoader::new(training, learn)?,
            validation: LocatingLoader::new(validation, watch)?,
            fingerprint,
        })
    }

    /// Training scenes.
    #[must_use]
    pub const fn training(&self) -> &LocatingLoader {
        &self.training
    }

    /// Validation scenes, the same in each epoch.
    #[must_use]
    pub const fn validation(&self) -> &LocatingLoader {
        &self.validation
    }

    /// A hash of the films and their labels, to recognise the same data.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// A list that repeats the films of each kind in proportion to its share of `count`.
fn repeated(kinds: [Vec<Film>; 3], shares: [f64; 3], count: usize) -> Vec<Film> {
    let counted = kinds.iter().zip(shares).filter(|(films, _)| !films.is_empty());
    let all: f64 = counted.map(|(_, share)| share).sum();
    let part = |(films, share): (Vec<Film>, f64)| {
        let wanted = if films.is_empty() { 0 } else { (share / all * count as f64).round() as usize };
        // Every film is listed at least once, whatever the share: an epoch samples from the list.
        let length = if wanted == 0 { 0 } else { wanted.max(films.len()) };
        films.into_iter().cycle().take(length).collect::<Vec<_>>()
    };
    kinds.into_iter().zip(shares).flat_map(part).collect()
}

fn fingerprint(sets: [&Vec<Film>; 2]) -> String {
    let mut hash = Sha256::new();
    for film in sets.into_iter().flatten() {
        hash.update(film.path.file_name().unwrap_or_default().as_encoded_bytes());
        for point in film.vertebrae.iter().flatten() {
            hash.update(point.x.to_le_bytes());
            hash.update(point.y.to_le_bytes());
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
