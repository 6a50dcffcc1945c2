use crate::geometry::{Point, Size};

/// An invalid argument. Every variant is for the caller to fix.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two collections of different lengths.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// The kind of value.
        what: &'static str,
        /// The required number.
        expected: usize,
        /// The number found.
        found: usize,
    },
    /// An image without pixels.
    #[error("an image of {0} has no pixels; expected at least 1 x 1")]
    EmptySize(Size),
    /// A keypoint index outside the skeleton.
    #[error("there is no keypoint {index}; expected an index below {count}")]
    UnknownIndex {
        /// The index.
        index: usize,
        /// The number of keypoints.
        count: usize,
    },
    /// A keypoint name that the skeleton lacks.
    #[error("there is no keypoint {name:?}; expected one of {first:?} … {last:?} or an index below {count}")]
    UnknownName {
        /// The name.
        name: String,
        /// The skeleton's first name.
        first: String,
        /// The skeleton's last name.
        last: String,
        /// The number of keypoints.
        count: usize,
    },
    /// A point outside the image, or not finite.
    #[error("the point ({}, {}) of keypoint {keypoint} is not inside the image of {size}", point.x, point.y)]
    OutsideImage {
        /// The keypoint.
        keypoint: usize,
        /// The point.
        point: Point,
        /// The image's size.
        size: Size,
    },
    /// An inconsistent skeleton.
    #[error("invalid skeleton: {0}")]
    Skeleton(String),
    /// An invalid frame.
    #[error(
        "invalid frame of {0}; expected finite numbers, sides of 0.01 to 10⁷ px and a centre within 10⁷ px"
    )]
    Frame(String),
    /// A pixel value that is infinite or NaN.
    #[error("pixel {index} is {value}; expected a finite value")]
    Pixel {
        /// The pixel's index in row-major order.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// An invalid value of a covariance matrix.
    #[error(
        "the error covariance is {value} in row {row}, column {column}; expected a finite value, positive on the diagonal"
    )]
    Covariance {
        /// The row's keypoint.
        row: usize,
        /// The column's keypoint.
        column: usize,
        /// The value.
        value: f32,
    },
}
