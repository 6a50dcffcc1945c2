use std::fmt;

use ikem_core::Skeleton;
use serde::{Deserialize, Serialize};

use crate::manifest::Subset;

/// A fault in the labels of an image. Refers to vertebrae and keypoints by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The topmost vertebra is last in the list, so that each vertebra has the name of its neighbour.
    Rolled,
    /// Left and right of a vertebra are swapped.
    Swapped {
        /// The vertebra.
        vertebra: String,
        /// Whether the upper corners are swapped.
        top: bool,
        /// Whether the lower corners are swapped.
        bottom: bool,
    },
    /// A corner is above the one that precedes it on the same side.
    NotMonotone {
        /// The corner.
        keypoint: String,
        /// How far above, in pixels.
        pixels: f64,
    },
    /// A corner is exactly level with the one that precedes it on the same side. Unusual, but no reason to drop the
    /// labels.
    Level {
        /// The corner.
        keypoint: String,
    },
    /// A corner lies outside the image.
    Outside {
        /// The corner.
        keypoint: String,
        /// Its x coordinate, relative to the image width.
        x: f64,
        /// Its y coordinate, relative to the image height.
        y: f64,
    },
    /// The corners of a vertebra, in order, do not form a convex clockwise quadrilateral: it is inside out or upside
    /// down.
    InsideOut {
        /// The vertebra.
        vertebra: String,
    },
    /// A vertebra's height is less than a sixth of its width.
    Flat {
        /// The vertebra.
        vertebra: String,
        /// The ratio of height to width.
        ratio: f64,
    },
    /// Two corners coincide: they are less than a pixel apart or, within a vertebra, less than a tenth of its longest
    /// side. Corners of adjacent vertebrae may touch.
    Coinciding {
        /// The first keypoint.
        first: String,
        /// The second keypoint.
        second: String,
    },
    /// Images of the same study, hence of one patient, are also in a subset held out from this one: validation or test
    /// for training images, test for validation images.
    SharedStudy {
        /// The study number.
        study: String,
        /// The other subset.
        with: Subset,
    },
}

impl Fault {
    /// Whether [`LabelPolicy::Strict`](crate::LabelPolicy::Strict) drops labels with this fault.
    #[must_use]
    pub const fn is_serious(&self) -> bool {
        !matches!(self, Self::Level { .. })
    }

    /// The short name of the check.
    #[must_use]
    pub const fn check(&self) -> &'static str {
        match self {
            Self::Rolled => "rolled",
            Self::Swapped { .. } => "swapped",
            Self::NotMonotone { .. } => "not monotone",
            Self::Level { .. } => "level",
            Self::Outside { .. } => "outside",
            Self::InsideOut { .. } => "inside out",
            Self::Flat { .. } => "flat",
            Self::Coinciding { .. } => "coinciding",
            Self::SharedStudy { .. } => "shared study",
        }
    }

    /// The indices in `skeleton` of the keypoints concerned; all if the whole list is wrong.
    #[must_use]
    pub fn keypoints(&self, skeleton: &Skeleton) -> Vec<usize> {
        let named = |names: &[&String]| names.iter().filter_map(|name| skeleton.index(name).ok()).collect();
        match self {
            Self::Rolled => (0..skeleton.len()).collect(),
            Self::Swapped { vertebra, .. } | Self::InsideOut { vertebra } | Self::Flat { vertebra, .. } => {
                let wanted = skeleton.vertebrae().iter().find(|v| v.name == *vertebra);
                wanted.map(|v| v.corners.clone()).unwrap_or_default()
            }
            Self::NotMonotone { keypoint, .. }
            | Self::Level { keypoint }
            | Self::Outside { keypoint, .. } => named(&[keypoint]),
            Self::Coinciding { first, second } => named(&[first, second]),
            Self::SharedStudy { .. } => Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolled => write!(f, "the topmost vertebra is last in the list"),
            Self::Swapped { vertebra, top, bottom } => {
                let which = match (top, bottom) {
                    (true, false) => " at its top",
                    (false, true) => " at its bottom",
                    _ => "",
                };
                write!(f, "left and right of {vertebra} are swapped{which}")
            }
            Self::NotMonotone { keypoint, pixels } => {
                write!(f, "{keypoint} is {pixels:.1} px above the corner that should be above it")
            }
            Self::Level { keypoint } => {
                write!(f, "{keypoint} is level with the corner that should be above it")
            }
            Self::Outside { keypoint, x, y } => {
                write!(f, "{keypoint} is outside the image, at ({x}, {y}) relative to its size")
            }
            Self::InsideOut { vertebra } => write!(f, "{vertebra} is inside out"),
            Self::Flat { vertebra, ratio } => {
                write!(f, "{vertebra} is flat: its height is {ratio:.2} of its width")
            }
            Self::Coinciding { first, second } => write!(f, "{first} and {second} are at the same place"),
            Self::SharedStudy { study, with } => {
                write!(f, "study {study} is also in the subset {:?}", with.name())
            }
        }
    }
}
