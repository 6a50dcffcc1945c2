#![deny(missing_docs)]
//! Training of interactive keypoint networks: the optimiser.

mod adam;
mod error;

pub use adam::{Adam, AdamConfig, AdamState};
pub use error::{Error, Result};
