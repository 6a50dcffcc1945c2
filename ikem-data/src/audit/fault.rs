use std::fmt;

use ikem_core::Skeleton;
use serde::{Deserialize, Serialize};

use crate::Subset;

/// One thing that is wrong with the labels of an image. Vertebrae and keypoints are given by their names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The topmost vertebra stands last in the list, so that every name is one vertebra off.
    Rolled,
    /// Left and right of a vertebra have changed places.
    Swapped {
        /// The vertebra.
        vertebra: String,
        /// Whether its upper corners have.
        top: bool,
        /// Whether its lower corners have.
        bottom: bool,
    },
    /// A corner lies higher than the one above it on the same side.
    NotMonotone {
        /// The corner.
        keypoint: String,
        /// By how much, in pixels.
        pixels: f64,
    },
    /// A corner lies exactly as high as the one above it on the same side. Unusual, but no reason to drop labels.
    Level {
        /// The corner.
        keypoint: String,
    },
    /// A corner lies outside the image.
    Outside {
        /// The corner.
        keypoint: String,
        /// Its place, relative to the image's size.
        x: f64,
        /// Its place, relative to the image's size.
        y: f64,
    },
    /// The corners of a vertebra, in order, do not go round it: it is turned inside out or upside down.
    InsideOut {
        /// The vertebra.
        vertebra: String,
    },
    /// A vertebra is less than a sixth as high as it is wide.
    Flat {
        /// The vertebra.
        vertebra: String,
        /// Its height over its width.
        ratio: f64,
    },
    /// Two corners are at the same place: less than a pixel apart or, within a vertebra, less than a tenth of its
    /// longest side. Corners of neighbours may touch.
    Coinciding {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// Images of the same study, and so of one patient, are in another set as well. Told of the set that is learnt
    /// from.
    SharedStudy {
        /// The study's number.
        study: String,
        /// The other set.
        with: Subset,
    },
}

impl Fault {
    /// Whether labels with this fault are dropped under [`LabelPolicy::Strict`](crate::LabelPolicy::Strict).
    #[must_use]
    pub const fn is_serious(&self) -> bool {
        !matches!(self, Self::Level { .. })
    }

    /// The short name of the check that found it.
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

    /// The keypoints that it is about, by their indices in `skeleton`; all where the whole list is wrong.
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
            Self::Rolled => write!(f, "the topmost vertebra stands last"),
            Self::Swapped { vertebra, top, bottom } => {
                let which = match (top, bottom) {
                    (true, false) => " at its top",
                    (false, true) => " at its bottom",
                    _ => "",
                };
                write!(f, "left and right of {vertebra} are swapped{which}")
            }
            Self::NotMonotone { keypoint, pixels } => {
                write!(f, "{keypoint} is {pixels:.1} px above the corner that it should be below")
            }
            Self::Level { keypoint } => {
                write!(f, "{keypoint} is as high as the corner that it should be below")
            }
            Self::Outside { keypoint, x, y } => {
                write!(f, "{keypoint} is outside the image, at ({x}, {y}) of its size")
            }
            Self::InsideOut { vertebra } => write!(f, "{vertebra} is turned inside out"),
            Self::Flat { vertebra, ratio } => write!(f, "{vertebra} is flat: {ratio:.2} of its width high"),
            Self::Coinciding { first, second } => write!(f, "{first} and {second} are at the same place"),
            Self::SharedStudy { study, with } => {
                write!(f, "study {study} is also in the set {:?}", with.name())
            }
        }
    }
}
