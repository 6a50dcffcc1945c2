//! Heatmaps that are never stored as a whole: of small logits, made row by row, and of Gaussians, in factors.

mod cross_entropy;
mod expectation;
mod gaussian;
mod known_maps;
mod pointwise;
mod pointwise_backward;
mod rows;
#[cfg(test)]
mod testing;

pub use cross_entropy::heatmap_cross_entropy;
pub use expectation::{expected_points, expected_points_backward};
pub use gaussian::Gaussian;
pub use known_maps::KnownMaps;
pub use pointwise::pointwise_conv;
pub use pointwise_backward::pointwise_conv_backward;
pub use rows::{Logits, heatmap_into, heatmap_peak};
#[cfg(test)]
pub(crate) use testing::dense;
