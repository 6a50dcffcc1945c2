use std::path::PathBuf;

use ikem_core::{FieldError, Size};

/// Why an evaluation failed, grouped by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The caller, who passes other arguments or settings.
    /// An argument or a setting is invalid.
    #[error(transparent)]
    Argument(#[from] FieldError),

    // Whoever made the labels or the prediction.
    /// The prediction and the labels of an image have different numbers of keypoints.
    #[error("{image}: {found} keypoints predicted, {expected} labelled")]
    Length {
        /// The image.
        image: String,
        /// The number of labelled keypoints.
        expected: usize,
        /// The number of predicted keypoints.
        found: usize,
    },
    /// An image without pixels.
    #[error("{image} has {size}; expected at least 1 x 1")]
    EmptySize {
        /// The image.
        image: String,
        /// Its size.
        size: Size,
    },
    /// A coordinate that is infinite or NaN.
    #[error("{image}: keypoint {keypoint} of the {what} is ({x}, {y}); expected finite coordinates")]
    NotFinite {
        /// The image.
        image: String,
        /// The keypoint's index.
        keypoint: usize,
        /// `labels` or `prediction`.
        what: &'static str,
        /// The x coordinate found.
        x: f32,
        /// The y coordinate found.
        y: f32,
    },
    /// The keypoints are not the corners of vertebrae.
    #[error("{found} keypoints found; Cobb angles need the four corners of each of at least two vertebrae")]
    Corners {
        /// The number of keypoints.
        found: usize,
    },
    /// A vertebra whose corners define no direction.
    #[error("vertebra {vertebra} (from 0) has coinciding or non-finite corners; its tilt is undefined")]
    Tilt {
        /// The vertebra's index from the top, from 0.
        vertebra: usize,
    },
    /// End vertebrae that are none.
    #[error(
        "a curve from vertebra {upper} to {lower} (from 0) of {vertebrae}; expected the upper one above the lower one"
    )]
    Ends {
        /// The upper end vertebra.
        upper: usize,
        /// The lower end vertebra.
        lower: usize,
        /// The number of vertebrae.
        vertebrae: usize,
    },

    // The author of the reviser.
    /// The reviser rejected a click.
    #[error("{image}: click {click}, on keypoint {keypoint}, was refused")]
    Refused {
        /// The image.
        image: String,
        /// The click's number, from 1.
        click: usize,
        /// The keypoint that was clicked.
        keypoint: usize,
        /// The reviser's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    // The user, who names another file or frees the disk.
    /// A file cannot be read or written.
    #[error("{}: cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file is larger than any report.
    #[error("{}: {bytes} bytes; a report has at most {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// A file is not JSON, or lacks fields of a report.
    #[error("{}: not a report: {source}", path.display())]
    ParseReport {
        /// The file.
        path: PathBuf,
        /// What does not parse, with its line.
        source: serde_json::Error,
    },
    /// A report is of another format version or contradicts itself.
    #[error("{}: not a report: {source}", path.display())]
    InvalidReport {
        /// The file.
        path: PathBuf,
        /// The field at fault.
        source: FieldError,
    },

    // The developer.
    /// The plotting library failed.
    #[error("cannot draw the plot {name:?}: {source}")]
    Drawing {
        /// The plot.
        name: &'static str,
        /// The library's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
