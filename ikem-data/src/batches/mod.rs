//! Batches of network inputs and keypoints.

mod cache;
mod config;
mod labelled_image;
mod loader;
mod phantoms;
mod resized;
mod workers;

#[cfg(test)]
mod tests;

#[cfg(feature = "drawing")]
pub(crate) use cache::Cache;
pub use config::{Batch, BatchConfig, Framing};
pub use labelled_image::{ImagesInMemory, LabelledImage};
pub use loader::{Batches, Loader};
pub use phantoms::Phantoms;
#[cfg(feature = "drawing")]
pub(crate) use workers::{Source, Steps};
