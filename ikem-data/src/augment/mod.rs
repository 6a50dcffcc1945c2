//! Random changes to images and their keypoints, so that a network does not learn the images by heart.
//!
//! Each augmentation is a small type with its range and a probability. A [`Pipeline`] of them is drawn for each sample:
//! all that move pixels become one affine map and a shift of each row, so that an image is sampled once, however many
//! there are; all that change grey values follow, in order.

mod bend;
mod geometry;
mod pipeline;
mod tone;

pub use bend::Bend;
pub use geometry::{Crop, Flip, Rotation, Scaling, Surroundings, Translation};
pub use pipeline::{Augmentation, AugmentationPlan, Pipeline};
pub(crate) use tone::Tone;
pub use tone::{BrightnessContrast, Gamma, Noise};
