//! Rendering of keypoints and heatmaps over a radiograph.

#[cfg(feature = "drawing")]
mod annotations;
#[cfg(feature = "drawing")]
mod canvas;
#[cfg(feature = "drawing")]
mod lettering;
mod mark;
#[cfg(feature = "drawing")]
mod measures;
mod palette;
#[cfg(feature = "drawing")]
mod picture;
mod png;
#[cfg(feature = "drawing")]
mod render;

#[cfg(feature = "drawing")]
pub use annotations::{Annotations, MarkedAngle};
#[cfg(feature = "drawing")]
pub(crate) use lettering::Lettering;
pub use mark::is_overlay;
#[cfg(feature = "drawing")]
pub use picture::Picture;
pub use png::{film_png, gray_png, heatmap_png, write_gray_png};
#[cfg(feature = "drawing")]
pub use render::{annotated_overlay, heatmap_overlay, overlay};
