#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! The vocabulary of interactive keypoint estimation, without tensors and files.
//!
//! A network predicts the keypoints of an image; a person corrects one; the network, given that correction as a
//! Gaussian *hint map* and its own previous heatmaps, moves the others. This crate defines the types that all other
//! crates of the workspace share:
//!
//! - [`Point`], [`Size`] and [`Keypoints`]: x to the right, y down, in pixels; whole numbers are pixel centres.
//! - [`Skeleton`]: the names, grouping, mirror pairs and edges of the keypoints.
//! - [`Heatmaps`] and [`Decoding`]: from points to Gaussian maps and back.
//! - [`Hint`], [`Hints`] and [`History`]: the corrections of an image, with undo and redo.
//! - [`GrayImage`] and [`Preparation`]: an image in memory and its conversion to a network's input.
//! - [`Spacing`]: the pixel spacing, in millimetres where it is known.
//! - [`Frame`]: the region of a film that a network sees, and the map between the two.
//! - [`Reviser`]: anything that responds to a correction with better keypoints.
//! - [`Draw`]: seeded random numbers; [`Vector`]: plane geometry in double precision; [`FieldError`]: an invalid
//!   configuration field.
//!
//! ```
//! use ikem_core::{Decoding, Heatmaps, Point, Size};
//!
//! let points = [Point::new(70.25, 120.5)].into_iter().collect();
//! let maps = Heatmaps::gaussian(&points, Size::new(256, 512), 7.5);
//! let found = maps.decode(&Decoding::Expected)[0];
//! assert!(found.point.distance(points[0]) < 1e-3);
//! ```

mod affine;
mod column;
mod decode;
mod draw;
mod error;
mod error_covariance;
mod field_error;
mod fnv;
mod frame;
mod geometry;
mod heatmaps;
mod hints;
mod history;
mod image;
mod keypoints;
mod letterbox;
mod outline;
mod pixel;
mod preparation;
mod resample;
mod reviser;
mod shape;
mod skeleton;
mod spacing;
mod tones;
mod vector;
mod warp;

pub use affine::Affine;
pub use column::{Column, ColumnEvidence, CornerMaps, Recount, decode_column, in_order};
pub use decode::{Decoding, Detection, LocalWindow};
pub use draw::Draw;
pub use error::Error;
pub use error_covariance::ErrorCovariance;
pub use field_error::FieldError;
pub use fnv::fnv1a;
pub use frame::Frame;
pub use geometry::{Point, Size};
pub use heatmaps::{GaussianFactors, Heatmaps};
pub use hints::{Hint, Hints};
pub use history::History;
pub use image::GrayImage;
pub use keypoints::Keypoints;
pub use letterbox::Letterbox;
pub use pixel::Pixel;
pub use preparation::Preparation;
pub use resample::{Resampling, resample, resample_frame, resample_pixels};
pub use reviser::Reviser;
pub use shape::Misshapen;
pub use skeleton::{Skeleton, Vertebra};
pub use spacing::{Spacing, SpacingPlane};
pub use tones::Tones;
pub use vector::Vector;
pub use warp::{Beyond, warp};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
