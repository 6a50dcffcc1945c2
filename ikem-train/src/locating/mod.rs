//! Training of the locator, the network that finds spines on whole films.

mod config;
mod data;
mod loss;
mod trainer;
mod validation;

pub use config::{LocatorTrainConfig, LocatorWeights};
pub use data::{FilmSets, LocatorData};
pub use loss::LocatorLoss;
pub use trainer::LocatorTrainer;
pub use validation::LocatorEpoch;
