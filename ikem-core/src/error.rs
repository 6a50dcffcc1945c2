use crate::frame::Frame;
use crate::geometry::{Point, Size};

/// What was wrong with an argument. Every variant is for the caller to mend.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two collections that must have the same length have not.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// What was counted.
        what: &'static str,
        /// How many it had to be.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// A width or height of zero.
    #[error("an image of {0} has no pixels; expected at least 1 x 1")]
    EmptySize(Size),
    /// A keypoint's index that the skeleton does not have.
    #[error("there is no keypoint {index}; expected an index below {count}")]
    UnknownIndex {
        /// The index given.
        index: usize,
        /// How many keypoints there are.
        count: usize,
    },
    /// A keypoint's name that the skeleton does not have.
    #[error("there is no keypoint {name:?}; expected one of {first:?} … {last:?} or an index below {count}")]
    UnknownName {
        /// The name given.
        name: String,
        /// The skeleton's first name.
        first: String,
        /// The skeleton's last name.
        last: String,
        /// How many keypoints there are.
        count: usize,
    },
    /// A point that lies outside the image, or is not a number.
    #[error("the point ({}, {}) of keypoint {keypoint} is not inside the image of {size}", point.x, point.y)]
    OutsideImage {
        /// The keypoint the point was given for.
        keypoint: usize,
        /// The point given.
        point: Point,
        /// The image's size.
        size: Size,
    },
    /// A skeleton that contradicts itself.
    #[error("not a skeleton: {0}")]
    Skeleton(String),
    /// A rectangle that no frame can be.
    #[error("the frame {0:?} can't be; expected finite numbers and sides above 0")]
    Frame(Frame),
    /// A pixel value that is not a number.
    #[error("pixel {index} is {value}; expected a finite value")]
    Pixel {
        /// The pixel's place in row-major order.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A value that a covariance cannot have.
    #[error(
        "the error covariance in row {row}, column {column} is {value}; expected a finite value, above 0 on the diagonal"
    )]
    Covariance {
        /// Its keypoint.
        row: usize,
        /// The keypoint that it varies with.
        column: usize,
        /// The value.
        value: f32,
    },
}
