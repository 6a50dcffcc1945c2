//! Training of the locator, the network that finds the spine on a whole film.

mod config;
mod data;
mod lesson;
mod loss;
mod validation;

pub use config::{LocatorTrainConfig, LocatorWeights};
pub use data::{FilmSets, LocatorData};
pub use lesson::{LocatorLesson, LocatorTrainer};
pub use validation::LocatorEpoch;
