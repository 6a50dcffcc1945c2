//! Files of labels, as this project and other programs write them.

mod partly_labelled;

use std::path::Path;

use ikem_core::Skeleton;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{Error, Manifest, PredictionRecord, Subset, coco, files, tables};

pub(crate) use partly_labelled::PartlyLabelled;

/// What the file should be.
const KIND: &str = "file of labels";

/// The labels of a file, and what of the file is not among them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LabelFile {
    /// The films that are labelled whole.
    pub manifest: Manifest,
    /// Films whose labels can't be used: some of the keypoints are not labelled, or are nowhere near the film.
    pub left_out: Vec<LeftOut>,
    /// How many films have no labels at all.
    pub unlabelled: usize,
    /// Whether the file says which set a film belongs to. Where it doesn't, all are of [`Subset::Train`].
    pub has_sets: bool,
}

/// A film that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name in the file.
    pub image: String,
    /// Why, in words.
    pub reason: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.image, self.reason)
    }
}

/// Of what kind a file of labels or predictions is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A JSON list: the project's manifest.
    Manifest,
    /// A JSON object with a list of images.
    Coco,
    /// A JSON object with keypoints of one image.
    Prediction,
    /// Anything else is a table.
    Table,
}

impl Content {
    /// Tells the kind of a text by what is in it.
    pub(crate) fn of(text: &str) -> Self {
        #[derive(Deserialize)]
        struct Fields {
            images: Option<IgnoredAny>,
            keypoints: Option<IgnoredAny>,
        }
        match text.trim_start().chars().next() {
            Some('[') => Self::Manifest,
            Some('{') => match serde_json::from_str(text) {
                Ok(Fields { images: None, keypoints: Some(_) }) => Self::Prediction,
                _ => Self::Coco,
            },
            _ => Self::Table,
        }
    }
}

impl LabelFile {
    /// Reads labels of the keypoints of `skeleton`: the project's manifest, COCO keypoints, a table (CSV), or the keypoints of
    /// one film as `detect` and the page write them. The file's content tells which it is.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`]; [`Error::Broken`] and [`Error::Entry`] as [`Manifest::read`];
    /// [`Error::Unlabelled`] when there are images and labels of none.
    pub fn read(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(path, &files::read_text(path, KIND)?, skeleton)
    }

    /// As [`read`](Self::read), of a file that is in memory; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_bytes(name: impl AsRef<Path>, bytes: &[u8], skeleton: &Skeleton) -> Result<Self, Error> {
        let path = name.as_ref();
        Self::parse(path, &files::text(path, KIND, bytes.to_vec())?, skeleton)
    }

    fn parse(path: &Path, text: &str, skeleton: &Skeleton) -> Result<Self, Error> {
        match Content::of(text) {
            Content::Manifest => {
                let manifest = Manifest::parse(path, text, skeleton)?;
                Ok(Self { manifest, has_sets: true, ..Self::default() })
            }
            Content::Coco => coco::labels(path, text, skeleton),
            Content::Table => tables::labels(path, text, skeleton),
            Content::Prediction => {
                let prediction = PredictionRecord::parse(path, text)?;
                Self::collect(path, [PartlyLabelled::of_prediction(&prediction, skeleton)], skeleton)
            }
        }
    }

    /// What is labelled of `films`, those of the file at `path`.
    pub(crate) fn collect(
        path: &Path,
        films: impl IntoIterator<Item = PartlyLabelled>,
        skeleton: &Skeleton,
    ) -> Result<Self, Error> {
        let mut labels = Self::default();
        for film in films {
            labels.has_sets |= film.set.is_some();
            let set = film.set.unwrap_or(Subset::Train);
            match film.points(skeleton) {
                Ok(None) => labels.unlabelled += 1,
                Ok(Some(points)) => labels.manifest.entries.push(film.entry(&points, set, skeleton)),
                Err(reason) => labels.left_out.push(LeftOut { image: film.image, reason }),
            }
        }
        if labels.unlabelled > 0 && labels.manifest.entries.is_empty() && labels.left_out.is_empty() {
            return Err(Error::Unlabelled { path: path.to_owned(), images: labels.unlabelled });
        }
        Ok(labels)
    }

    /// The manifest, of a file in which no film had to be left out.
    ///
    /// # Errors
    /// [`Error::Unusable`], which names all those that were; `path` is what it calls the file.
    pub fn complete(self, path: impl AsRef<Path>) -> Result<Manifest, Error> {
        match self.left_out.is_empty() {
            true => Ok(self.manifest),
            false => Err(Error::Unusable { path: path.as_ref().to_owned(), films: self.left_out }),
        }
    }
}
