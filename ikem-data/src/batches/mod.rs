//! Batches of prepared images and their keypoints.

mod cache;
mod config;
mod loader;
mod phantoms;
mod workers;

#[cfg(test)]
mod tests;

pub use config::{Batch, BatchConfig, Framing};
pub use loader::{Batches, Loader};
pub use phantoms::Phantoms;
