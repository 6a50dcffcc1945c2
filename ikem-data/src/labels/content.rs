//! The formats of label files, detected from their content.

use serde::Deserialize;
use serde::de::IgnoredAny;

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
