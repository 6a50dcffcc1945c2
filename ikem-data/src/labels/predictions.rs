//! Predictions in all supported formats.

use std::path::Path;

use ikem_core::{Size, Skeleton};

use super::content::Content;
use crate::error::Error;
use crate::manifest::{Manifest, ManifestEntry};
use crate::prediction::{KIND, PredictedKeypoint, PredictionRecord};
use crate::{coco, files, tables};

impl PredictionRecord {
    /// Reads a file of predictions of one or more films; the formats are those of [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    /// Same as [`from_bytes`](Self::from_bytes); [`Error::TooLarge`].
    pub fn read_all(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Vec<Self>, Error> {
        let path = path.as_ref();
        Self::parse_all(path, &files::read_text(path, KIND)?, skeleton)
    }

    /// Parses predictions from memory: the project's JSON, COCO keypoints, a table (CSV), or a manifest, whose labels
    /// become predictions. The format is detected from the content; `name` is the file name in errors.
    ///
    /// # Errors
    /// Same as [`read`](Self::read), [`read_coco_predictions`](crate::read_coco_predictions) and
    /// [`read_csv_predictions`](crate::read_csv_predictions).
    pub fn from_bytes(name: impl AsRef<Path>, bytes: &[u8], skeleton: &Skeleton) -> Result<Vec<Self>, Error> {
        let path = name.as_ref();
        Self::parse_all(path, &files::text(path, KIND, bytes.to_vec())?, skeleton)
    }

    fn parse_all(path: &Path, text: &str, skeleton: &Skeleton) -> Result<Vec<Self>, Error> {
        match Content::of(text) {
            Content::Coco => coco::predictions(path, text, skeleton),
            Content::Table => tables::predictions(path, text),
            Content::Prediction => Ok(vec![Self::parse(path, text)?]),
            Content::Manifest => {
                let manifest = Manifest::parse(path, text, skeleton)?;
                Ok(manifest.entries.iter().map(|entry| Self::of_labels(entry, skeleton)).collect())
            }
        }
    }

    /// The labels of an entry as a prediction with confidence 1.
    fn of_labels(entry: &ManifestEntry, skeleton: &Skeleton) -> Self {
        let Size { width, height } = entry.size();
        let points = entry.keypoints();
        let named = || skeleton.names().iter().zip(points.iter());
        let absent = named().filter(|(_, point)| point.is_absent()).map(|(name, _)| name.clone()).collect();
        let keypoints = named().filter(|(_, point)| !point.is_absent()).map(|(name, point)| {
            PredictedKeypoint { name: name.clone(), x: point.x, y: point.y, confidence: 1.0, hinted: false }
        });
        Self {
            image: entry.image_path.clone(),
            width,
            height,
            keypoints: keypoints.collect(),
            absent,
            cobb: None,
            spacing: None,
            seen: None,
            doubt: None,
            review: None,
        }
    }
}
