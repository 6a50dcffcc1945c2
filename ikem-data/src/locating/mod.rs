//! Random scenes of films, for a locator: a small network that looks at a whole film and tells where the vertebral column
//! is, how the film is turned, and whether it is a negative or has no spine at all.
//!
//! A scene is a view of a film (part of it, more than it, tilted, mirrored, turned) on a square grid, sampled once, with
//! marks drawn over it and its tones changed; or a picture without a spine.

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
