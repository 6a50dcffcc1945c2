#![deny(missing_docs)]
//! The words of interactive keypoint estimation: no tensors, no files.
//!
//! A network marks the keypoints of an image; a person corrects one; the network, given that correction as a
//! Gaussian *hint map* and its own last heatmaps, moves the others. This crate holds what every other crate of
//! the workspace speaks of:
//!
//! - [`Point`], [`Size`] and [`Keypoints`]: x to the right, y down, in pixels; an integer is a pixel's index.
//! - [`Skeleton`]: what the keypoints are called, which belong together, which change sides in a mirror.
//! - [`Heatmaps`] and [`Decoding`]: points to Gaussian maps and back.
//! - [`Hint`], [`Hints`] and [`History`]: the corrections of one image, in order, with undo and redo.
//! - [`GrayImage`] and [`Preparation`]: an image in memory and the one way it becomes a network's input.
//! - [`Spacing`]: how far apart pixels lie, in millimetres where that is known.
//! - [`Frame`]: the part of a film that a network sees, and the map between the two.
//! - [`Reviser`]: anything that answers a correction with better keypoints.
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
mod pixel;
mod preparation;
mod resample;
mod reviser;
mod skeleton;
mod spacing;
mod tones;
mod vector;
mod warp;

pub use affine::Affine;
pub use column::{Column, Recount, decode_column};
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
pub use skeleton::{Skeleton, Vertebra};
pub use spacing::{Spacing, SpacingPlane};
pub use tones::Tones;
pub use vector::Vector;
pub use warp::{Beyond, warp};
