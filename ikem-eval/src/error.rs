use std::path::PathBuf;

use ikem_core::Size;

/// Why something could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument that cannot be meant.
    #[error("{what} is {found}; expected {expected}")]
    Argument {
        /// Which argument.
        what: &'static str,
        /// Its value.
        found: String,
        /// What it had to be.
        expected: &'static str,
    },
    /// Labels and predictions of different lengths.
    #[error("{image}: {found} keypoints predicted, {expected} labelled")]
    Length {
        /// The image.
        image: String,
        /// How many are labelled.
        expected: usize,
        /// How many were predicted.
        found: usize,
    },
    /// An image of no pixels.
    #[error("{image} has {size}; expected at least 1 x 1")]
    EmptySize {
        /// The image.
        image: String,
        /// Its size.
        size: Size,
    },
    /// A coordinate that is no number.
    #[error("{image}: keypoint {keypoint} of the {what} is ({x}, {y}); expected finite coordinates")]
    NotFinite {
        /// The image.
        image: String,
        /// The keypoint's index.
        keypoint: usize,
        /// Labels or prediction.
        what: &'static str,
        /// The x found.
        x: f32,
        /// The y found.
        y: f32,
    },
    /// Keypoints that are not the corners of vertebrae.
    #[error("{found} keypoints found; Cobb angles need four corners of each of two vertebrae or more")]
    Corners {
        /// How many keypoints there were.
        found: usize,
    },
    /// A vertebra whose corners give no direction.
    #[error("vertebra {vertebra} (from 0) has corners that coincide or are no numbers; its tilt is unknown")]
    Tilt {
        /// The vertebra's place from the top, from 0.
        vertebra: usize,
    },
    /// The reviser did not take a click.
    #[error("{image}: click {click}, on keypoint {keypoint}, was refused")]
    Refused {
        /// The image.
        image: String,
        /// The click's number from 1.
        click: usize,
        /// The keypoint that was clicked.
        keypoint: usize,
        /// What the reviser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file that could not be read or written.
    #[error("{}: cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file larger than any report.
    #[error("{}: {bytes} bytes; a report has at most {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// A file that is no report of this format.
    #[error("{}: not a report: {reason}", path.display())]
    NotAReport {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A plot that could not be drawn.
    #[error("the plot {name:?} cannot be drawn: {reason}")]
    Drawing {
        /// The plot.
        name: &'static str,
        /// What the drawing library said.
        reason: String,
    },
}
