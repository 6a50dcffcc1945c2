#![deny(missing_docs)]
//! Interactive vertebra keypoint estimation: the networks, their checkpoints, the predictor and the session.
//!
//! PLACEHOLDER

mod checkpoint;
mod config;
mod error;
mod hrnet;
mod layers;
mod network;
pub mod ops;
mod params;
mod predictor;
#[cfg(feature = "pretrained")]
mod pretrained;
mod pth;
mod session;
mod summary;
mod unet;

pub use candle_core::Device;
pub use checkpoint::{Checkpoint, Import, ImportOptions, Layout, Precision};
pub use config::{ConfigError, HrnetOcrConfig, ModelConfig, NetworkConfig, NetworkKind, UnetConfig};
pub use error::{CheckpointFault, Error, Result};
pub use hrnet::HrnetOcr;
pub use network::{Inputs, Logits, Mode, Network};
pub use params::{Parameters, StateDict};
pub use predictor::{Prediction, Predictor};
pub use pth::{PthError, PthErrorKind};
pub use session::Session;
pub use summary::{Layer, Summary};
pub use unet::Unet;
