//! Random augmentation of images and their keypoints, against overfitting.
//!
//! Each augmentation is a small type with a range and a probability. A [`Pipeline`] is drawn once per sample: all
//! geometric steps combine into one affine map and a shift per row, so that the image is resampled only once; the steps
//! on grey values follow in order.

mod bend;
mod geometry;
mod implants;
mod pipeline;
mod tone;

pub use bend::Bend;
pub use geometry::{Crop, Flip, Rotation, Scaling, Surroundings, Translation};
pub use implants::Implants;
pub use pipeline::{Augmentation, AugmentationPlan, Pipeline};
#[cfg(feature = "drawing")]
pub(crate) use tone::Tone;
pub use tone::{BrightnessContrast, Gamma, Noise};
