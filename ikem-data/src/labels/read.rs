//! Reading labels, in whichever format.

use std::path::Path;

use ikem_core::Skeleton;

use super::content::Content;
use super::{LabelFile, PartlyLabelled};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::prediction::PredictionRecord;
use crate::{coco, files, tables};

/// The expected content, for errors.
const KIND: &str = "label file";

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
