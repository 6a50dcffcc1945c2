//! Training of the corner detector, the network that finds the corners of vertebrae without naming them.

mod config;
mod lesson;
mod loss;

pub use config::CornerTrainConfig;
pub use lesson::{CornerEpoch, CornerLesson, CornerTrainer};
