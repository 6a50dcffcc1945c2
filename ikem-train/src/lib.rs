#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Training of interactive keypoint networks.
//!
//! - [`TrainConfig`]: the configuration of a training run, read from TOML; [`Checked`] once its fields have been
//!   validated.
//! - [`Trainer`]: the training loop, which can be interrupted anywhere and resumed with bitwise identical results.
//!   [`Learner`] is its step, [`Observer`] follows its progress.
//! - [`Loss`]: a weighted sum of terms, with the weights of [`LossConfig`]; [`Objective`] is a loss of your own.
//! - [`HintStrategy`], [`Interaction`]: simulation of hints for a batch before its training pass, by a rule of your own
//!   if you like ([`Trainer::with_strategy`]).
//! - [`TrainingData`]: images from files, from memory, or phantoms.
//! - [`Optimiser`]: [`Adam`] (and AdamW) and [`Muon`].
//! - [`LocatorTrainer`]: the training of the network that finds the spine on whole films.
//! - [`EpochRow`], [`draw_curves`]: the log and its curves.

mod adam;
mod average;
mod config;
mod cornering;
mod descent;
mod error;
mod fit_error_covariance;
mod folder;
mod gradients;
mod learner;
mod locating;
mod log;
mod loss;
mod moving;
mod muon;
mod observer;
mod optimiser;
mod part_config;
mod part_trainer;
mod progress;
mod refining;
mod state;
mod strategy;
mod trainable;
mod trainer;
mod training_data;
mod validation;

pub use adam::{Adam, AdamConfig};
pub use average::MovingAverage;
pub use config::{
    Checked, DataConfig, FreshConfig, InitialWeights, OptimiserConfig, OptimiserKind, PhantomShare,
    RateShape, Resumable, ScheduleConfig, TrainConfig, WeightsLayout,
};
pub use cornering::{CornerEpoch, CornerLesson, CornerTrainConfig, CornerTrainer};
pub use error::{Error, FileFault, Result, StateFault, TomlError};
pub use gradients::Gradients;
pub use learner::Learner;
pub use locating::{
    FilmSets, LocatorData, LocatorEpoch, LocatorLesson, LocatorTrainConfig, LocatorTrainer, LocatorWeights,
};
pub use log::{EpochRow, EventWriter, Run, curve_files, draw_curves, read_log};
pub use loss::{Loss, LossConfig, LossParts, LossValue, Morphology, MorphologyConfig, Objective};
pub use muon::Muon;
pub use observer::{Observer, StepReport};
pub use optimiser::{Optimiser, OptimiserState};
pub use part_config::PartTrainConfig;
pub use part_trainer::{EpochResults, Lesson, NetworkOf, PartTrainer};
pub use progress::Progress;
pub use refining::{Jitter, RefinerEpoch, RefinerLesson, RefinerTrainConfig, RefinerTrainer};
pub use strategy::{
    Clicks, HintConfig, HintPlan, HintStrategy, Interaction, Placing, PreHint, SimulatedInteraction, Strategy,
};
pub use trainable::Trainable;
pub use trainer::{Ending, Trainer};
pub use training_data::{DataPlan, TrainingData};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
