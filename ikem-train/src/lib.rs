#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Training of interactive keypoint networks.
//!
//! - [`Loss`]: what is made small, a weighted sum of terms that [`LossConfig`] names.
//! - [`HintStrategy`], [`Interaction`]: which hints a batch has got before the pass that learns from it.
//! - [`Adam`]: the optimiser; AdamW and Muon, too.
//! - [`TrainConfig`]: a whole training as a TOML file says it.
//! - [`Trainer`]: the loop, which can be interrupted anywhere and taken up to the same bits. [`Learner`] is its step.
//! - [`LocatorTrainer`]: the same for the network that finds spines on whole films.
//! - [`EpochRow`], [`draw_curves`]: its log and its curves.

mod adam;
mod average;
mod config;
mod descent;
mod error;
mod gradients;
mod learner;
mod locating;
mod log;
mod loss;
mod moving;
mod muon;
mod observer;
mod progress;
mod state;
mod strategy;
mod trainable;
mod trainer;
mod training_data;
mod typical_errors;
mod validation;

pub use adam::{Adam, AdamConfig, AdamState};
pub use average::MovingAverage;
pub use config::{
    DataConfig, FreshConfig, InitialWeights, OptimiserConfig, OptimiserKind, PhantomShare, RateShape,
    ScheduleConfig, TrainConfig, WeightsLayout,
};
pub use descent::Descent;
pub use error::{Error, Result};
pub use gradients::Gradients;
pub use learner::Learner;
pub use locating::{
    FilmSets, LocatorData, LocatorEpoch, LocatorLoss, LocatorTrainConfig, LocatorTrainer, LocatorWeights,
};
pub use log::{EpochRow, EventWriter, Run, curve_files, draw_curves, read_log, write_log};
pub use loss::{Loss, LossConfig, LossParts, LossValue, Morphology, MorphologyConfig};
pub use observer::{Observer, StepReport};
pub use progress::Progress;
pub use strategy::{
    Clicks, HintConfig, HintStrategy, Interaction, Placing, Plan, PreHint, SimulatedInteraction, Strategy,
};
pub use trainable::Trainable;
pub use trainer::{Ending, Trainer};
pub use training_data::TrainingData;
pub use validation::Validation;
