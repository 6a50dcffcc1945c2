//! The split of the training images into training and validation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use super::{Aasce, Problem};
use crate::error::Error;
use crate::files;
use crate::manifest::Subset;

/// A split from a file: the images of each side, by path as in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The training images.
    pub train: Vec<String>,
    /// The validation images.
    pub val: Vec<String>,
}

impl Split {
    /// Reads a split file: `{"train": [path, …], "val": [path, …]}`.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Broken`] for invalid JSON or if an image is listed twice.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let split: Self = files::read_json(path, "split")?;
        let mut seen = BTreeSet::new();
        match split.train.iter().chain(&split.val).find(|name| !seen.insert(*name)) {
            Some(twice) => {
                Err(Error::broken(path, "split", format!("{twice:?} is listed twice"), "each image once"))
            }
            None => Ok(split),
        }
    }
}

/// How the images of `data/training` are divided into training and validation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Splitting {
    /// All are training images.
    #[default]
    None,
    /// As in the split file; images that it does not list are left out and reported.
    Given(Split),
    /// Draws `count` validation images at random. Images of one study stay together, so that no patient is on both
    /// sides.
    Drawn {
        /// The number of validation images.
        count: usize,
        /// The seed of the random draw.
        seed: u64,
    },
}

impl Splitting {
    pub(super) fn apply(&self, found: &mut Aasce) {
        match self {
            Self::None => {}
            Self::Given(split) => given(split, found),
            Self::Drawn { count, seed } => draw(*count, *seed, found),
        }
    }
}

fn given(split: &Split, found: &mut Aasce) {
    let side =
        |names: &[String], set: Subset| names.iter().map(|name| (name.clone(), set)).collect::<Vec<_>>();
    let mut sets: BTreeMap<String, Subset> =
        side(&split.train, Subset::Train).into_iter().chain(side(&split.val, Subset::Val)).collect();
    let problems = &mut found.problems;
    found.manifest.entries.retain_mut(|entry| {
        match sets.remove(&entry.image_path) {
            // A split cannot move test images.
            _ if entry.set == Subset::Test => true,
            Some(set) => {
                entry.set = set;
                true
            }
            None => {
                problems.push(Problem::new(&entry.image_path, "the split does not list this image"));
                false
            }
        }
    });
    problems.extend(
        sets.into_keys().map(|name| {
            Problem::new(name, "the split lists this image, but the data set has no labels for it")
        }),
    );
}

fn draw(count: usize, seed: u64, found: &mut Aasce) {
    let mut studies: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let entries = &mut found.manifest.entries;
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.set == Subset::Train) {
        studies.entry(study_id(entry.name()).unwrap_or(entry.name()).to_owned()).or_default().push(index);
    }
    let mut order: Vec<Vec<usize>> = studies.into_values().collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut missing = count;
    for images in order {
        if images.len() <= missing {
            missing -= images.len();
            for index in images {
                if let Some(entry) = entries.get_mut(index) {
                    entry.set = Subset::Val;
                }
            }
        }
    }
    if missing > 0 {
        let message = format!(
            "{} of {count} validation images could be drawn without dividing a study",
            count - missing
        );
        found.problems.push(Problem::new("data/training", message));
    }
}

/// The study number of an AASCE image, from its name: the number before the letter in
/// `sunhl-1th-02-Jan-2017-162 A AP.jpg`. All images of a study show the same patient.
#[must_use]
pub fn study_id(name: &str) -> Option<&str> {
    let number = name.rsplit('/').next()?.split(' ').next()?.rsplit('-').next()?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}
