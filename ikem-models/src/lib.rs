#![deny(missing_docs)]
//! Interactive vertebra keypoint estimation: the networks, their checkpoints, the predictor and the session.
//!
//! A network marks the 68 corners of the vertebrae T1–L5 on a spinal radiograph. A person corrects one; the network, given
//! the correction as a Gaussian *hint map* and its own last heatmaps, moves all the others. Research software, not a
//! medical device.
//!
//! # Loading
//!
//! `Predictor::pretrained` needs no file (feature `pretrained`); [`Predictor::load`] takes a [`Checkpoint`]: one
//! `.safetensors` file that says all of its network, or a published PyTorch `.pth`.
//!
//! # Predicting and correcting
//!
#![cfg_attr(feature = "pretrained", doc = "```")]
#![cfg_attr(not(feature = "pretrained"), doc = "```ignore")]
//! use ikem_core::{GrayImage, Hint, Point, Size};
//! use ikem_models::Predictor;
//!
//! let predictor = Predictor::pretrained()?;
//! let image = GrayImage::new(Size::new(300, 700), vec![0.5; 300 * 700])?;
//! let mut session = predictor.session(&image)?;
//! let t5 = predictor.config().skeleton.index("T5-TL")?;
//! session.revise(Hint::new(t5, Point::new(120.0, 250.0)))?;
//! assert_eq!(session.keypoints()[t5], Point::new(120.0, 250.0));
//! session.undo();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A session first looks for the spine: a [`Locator`], a small network on the whole film, tells where it is, whether the film is a
//! negative or turned by quarter turns, and whether there is a spine at all; the network then sees the [`View`] of the film in
//! which it is surest. [`Session::view`] tells it, [`Session::set_view`] changes it, [`Predictor::session_in`] is told it.
//! [`Session::doubt`] says when a film does not look like a spine. Checkpoints without a locator see the whole film.
//!
//! Points are x to the right, y down, in pixels of the image, whatever its size. A [`Session`] is one image being
//! annotated, with undo, redo and previews. A hinted point is shown exactly where the person put it, always. The others are
//! where the network puts them, moved by what the hints tell of its errors where the checkpoint knows how these vary together
//! ([`ErrorCovariance`](ikem_core::ErrorCovariance)).
//!
//! # Threads and speed
//!
//! [`Predictor`] is `Send + Sync`, a clone shares its weights, and a session can be sent to another thread. Predictions
//! run on rayon's pool. Call [`ops::keep_freed_memory`] first in `main`: it makes predictions faster on Linux.
//!
//! # Training
//!
//! A [`Network`] of [`Network::fresh`] or [`Network::trainable`] holds its weights as variables ([`Parameters`]); its
//! forward pass in [`Mode::Train`] has gradients. The crate `ikem-train` does the rest.
//!
//! # Safety
//!
//! Nothing in a checkpoint is executed, sizes are checked before memory is taken, and errors name the file, what was
//! found and what was expected. No network access, no telemetry.
//!
//! # Features
//!
//! - `pretrained`: the bundled weights (10 MB).
//! - `cuda`, `cudnn`: NVIDIA GPUs, through candle.

mod checkpoint;
mod config;
mod error;
mod framing;
mod hrnet;
mod inputs;
mod layers;
mod locator;
mod network;
pub mod ops;
mod params;
mod prediction;
mod predictor;
#[cfg(feature = "pretrained")]
mod pretrained;
mod pth;
mod session;
mod summary;
mod unet;
mod view;

pub use candle_core::Device;
pub use checkpoint::{Checkpoint, Import, ImportOptions, Layout, LocatorCheckpoint, Precision};
pub use config::{HrnetOcrConfig, ModelConfig, NetworkConfig, NetworkKind, UnetConfig};
pub use error::{CheckpointFault, Error, Result};
pub use hrnet::HrnetOcr;
pub use inputs::{EncodedImage, HintMaps, ImageInput, Inputs, PreviousMaps};
pub use locator::{
    LOCATOR_ANSWERS, LOCATOR_MAPS, LOCATOR_STRIDE, Located, Location, Locator, LocatorConfig, LocatorLogits,
    LocatorNetwork,
};
pub use network::{Logits, Mode, Network};
pub use params::{Parameters, StateDict};
pub use prediction::Prediction;
pub use predictor::Predictor;
#[cfg(feature = "pretrained")]
pub use pretrained::PRETRAINED;
pub use pth::{PthError, PthErrorKind};
pub use session::{Doubt, Session, Snapshot, UNSURE_BELOW};
pub use summary::{Layer, LayerKind, NetworkSummary};
pub use unet::Unet;
pub use view::View;
