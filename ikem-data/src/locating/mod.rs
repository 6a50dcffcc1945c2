//! Training data for the locator, a small network that looks at a whole film and finds the spine, the film's
//! orientation and polarity, or the absence of a spine.
//!
//! A scene is a random view of a film (cropped or extended, tilted, mirrored, turned) on a square grid, sampled once,
//! with marks drawn over it and its tones changed; or a picture without a spine.

mod batch;
mod blank;
mod config;
mod fill;
mod loader;
mod marks;
mod scan;
mod scene;
mod scene_config;
mod shapes;
mod sheet;
mod target;
mod tones;
mod view;

#[cfg(test)]
mod tests;

pub use batch::{End, LocatingBatch, LocatingTarget};
pub use config::LocatingConfig;
pub use loader::{LocatingBatches, LocatingLoader};
pub use scene_config::{Fills, SceneConfig};
