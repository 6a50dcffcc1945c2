//! Label files in all supported formats.

mod partly_labelled;
mod predictions;

use std::path::Path;

use ikem_core::Skeleton;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Error;
use crate::left_out::LeftOut;
use crate::manifest::{Manifest, Subset};
use crate::prediction::PredictionRecord;
use crate::{coco, files, tables};

pub(crate) use partly_labelled::PartlyLabelled;

/// The expected content, for errors.
const KIND: &str = "label file";

/// The labels of a file, with what had to be left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LabelFile {
    /// The labelled films; keypoints that are not seen are [`Point::ABSENT`](ikem_core::Point::ABSENT).
    pub manifest: Manifest,
    /// Films with unusable labels: some are far outside the film.
    pub left_out: Vec<LeftOut>,
    /// The number of films without any labels.
    pub unlabelled: usize,
    /// Whether the file states which subset a film belongs to; if not, all are in [`Subset::Train`].
    pub has_sets: bool,
}

/// The format of a file of labels or predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A JSON array: the project's manifest.
    Manifest,
    /// Any other JSON object: COCO keypoints.
    Coco,
    /// A JSON object with the keypoints of one image.
    Prediction,
    /// Anything else: CSV.
    Table,
}

impl Content {
    /// Detects the format from the text.
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
    /// Reads labels for the keypoints of `skeleton` from the project's manifest, COCO keypoints, a table (CSV), or a
    /// prediction of one film as `detect` and the page write it. The format is detected from the content.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`]; [`Error::Broken`] and [`Error::Entry`] as for [`Manifest::read`];
    /// [`Error::Unlabelled`] if there are images but no labels.
    pub fn read(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(path, &files::read_text(path, KIND)?, skeleton)
    }

    /// Parses a file in memory as [`read`](Self::read) does; `name` is the file name in errors.
    ///
    /// # Errors
    /// Same as [`read`](Self::read), except [`Error::Read`].
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

    /// Sorts `films` into labelled, unusable and unlabelled ones; `path` is only used in errors.
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

    /// The manifest, if no film had to be left out.
    ///
    /// # Errors
    /// [`Error::Unusable`] with all films left out; `path` is the file name in it.
    pub fn complete(self, path: impl AsRef<Path>) -> Result<Manifest, Error> {
        match self.left_out.is_empty() {
            true => Ok(self.manifest),
            false => Err(Error::Unusable { path: path.as_ref().to_owned(), films: self.left_out }),
        }
    }
}

impl Manifest {
    /// Reads a manifest for `skeleton`, or any other format that [`LabelFile::read`] accepts. Labels are not audited;
    /// they only have to lie on or near the image. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`]; [`Error::Broken`] for invalid JSON, with entry and field; [`Error::Entry`]
    /// for an impossible value, such as 67 corners; [`Error::Unusable`] if labels are far outside their films.
    pub fn read(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let path = path.as_ref();
        LabelFile::read(path, skeleton)?.complete(path)
    }
}
