//! Training of the corner refiner, the network that looks at one vertebra at a time.

mod config;
mod lesson;
mod loss;
mod patches;

pub use config::{Jitter, RefinerTrainConfig};
pub use lesson::{RefinerEpoch, RefinerLesson, RefinerTrainer};
