#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Interactive vertebra keypoint estimation: the networks, their checkpoints, the predictor and the session.
//!
//! A network marks the 68 corners of the vertebrae T1–L5 on a spinal radiograph. When a person corrects one of them,
//! the network moves all the others: its input then contains the correction, as a Gaussian *hint map*, and the heatmaps
//! of its previous prediction. Research software, not a medical device.
//!
//! # Loading
//!
//! `Predictor::pretrained` needs no file (feature `pretrained`). [`Predictor::load`] reads a checkpoint: a
//! `.safetensors` file that contains the network's config, or a published PyTorch `.pth`. [`Predictor::builder`] sets
//! the device, the precision and the locator.
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
//! A session first looks for the spine. A [`Locator`], a small network that sees the whole film, finds its position,
//! recognises negatives and films turned by quarter turns, and says whether there is a spine at all. The network then
//! sees the film in the [`View`] in which it is most confident. [`Session::view`] returns that view,
//! [`Session::set_view`] changes it, and [`Predictor::session_in`] starts in a given one. [`Session::doubt`] says when
//! a film does not look like a spine. Checkpoints without a locator see the whole film.
//!
//! A [`CornerDetector`], if the checkpoint has one, looks at that view once, at a higher resolution. It shows where corners
//! of vertebrae are; which vertebrae they belong to is the network's answer. A [`CornerRefiner`], if the checkpoint has one, then
//! looks at each vertebra and places its corners precisely.
//!
//! Points are in pixels of the image, x to the right and y down, whatever its size. A [`Session`] is one image being
//! annotated, with undo, redo and previews. A hinted point is always shown exactly where the person put it. The other
//! points are the network's, shifted by the errors that the hints reveal if the checkpoint has an error covariance
//! ([`ErrorCovariance`](ikem_core::ErrorCovariance)).
//!
//! # Threads and speed
//!
//! [`for_each_film`] marks many films, each on a core of its own, and [`Predictor::predict_batch`] those in memory.
//!
//! [`Predictor`] is `Send + Sync`, its clones share the weights, and a session can be sent to another thread.
//! Predictions run on a thread pool of their own, which has as many threads as rayon's global pool. A `Mutex<Session>` may
//! therefore be locked in the tasks of any other pool, such as those of `par_iter`. A [`Cancel`] ends predictions early, and
//! [`Turns`] lets the clients of a service share a network. Call [`keep_freed_memory`] first in
//! `main`: it makes predictions faster on Linux.
//!
//! # Training
//!
//! [`Network::fresh`] and [`Network::trainable`] make a [`Network`] whose weights are variables ([`Parameters`]); its
//! forward pass in [`Mode::Train`] has gradients, and [`training`] has losses on its logits. The crate `ikem-train` has losses, optimisers and the training loop.
//!
//! # Safety
//!
//! Nothing in a checkpoint is executed, sizes are checked before memory is allocated, and errors name the file, what
//! was found and what was expected. This crate has no `unsafe` code, no network access and no telemetry.
//!
//! # Features
//!
//! - `pretrained`: the bundled weights (10 MB).
//! - `cuda`, `cudnn`: NVIDIA GPUs, through candle.

mod cancel;
mod checkpoint;
mod config;
mod corners;
mod error;
mod framing;
mod hrnet;
mod inputs;
mod layers;
mod locator;
mod many;
mod network;
mod onnx;
mod ops;
mod params;
mod part_network;
mod prediction;
mod predictor;
mod predictor_builder;
mod prepared_image;
#[cfg(feature = "pretrained")]
mod pretrained;
mod refiner;
mod session;
mod shape;
mod summary;
mod threads;
pub mod training;
mod turns;
mod unet;
mod view;

pub use cancel::Cancel;
pub use candle_core;
pub use candle_core::Device;
pub use checkpoint::{Checkpoint, Import, ImportOptions, Layout, Part, PartCheckpoint, Precision};
pub use config::{HrnetOcrConfig, ModelConfig, NetworkConfig, NetworkKind, UnetConfig};
pub use corners::{
    CORNER_MAPS, CORNER_STRIDE, CornerCheckpoint, CornerConfig, CornerDetector, CornerLayers, CornerNetwork,
};
pub use error::{CheckpointFault, Error, Result};
pub use hrnet::HrnetOcr;
pub use ikem_kernels::{Geometry, Level, keep_freed_memory};
pub use ikem_pth::{PthError, PthErrorKind};
pub use inputs::{EncodedImage, HintMaps, ImageInput, Inputs, PreviousMaps};
pub use layers::Mode;
pub use locator::{
    LOCATOR_ANSWERS, LOCATOR_MAPS, LOCATOR_STRIDE, Located, Location, Locator, LocatorCheckpoint,
    LocatorConfig, LocatorLayers, LocatorLogits, LocatorNetwork,
};
pub use many::for_each_film;
pub use network::{Logits, Network};
pub use params::{Parameters, StateDict};
pub use part_network::{Layers, PartNetwork};
pub use prediction::Prediction;
pub use predictor::Predictor;
pub use predictor_builder::PredictorBuilder;
#[cfg(feature = "pretrained")]
pub use pretrained::PRETRAINED;
pub use refiner::{
    CornerRefiner, REFINED_CORNERS, RefinerCheckpoint, RefinerConfig, RefinerLayers, RefinerNetwork,
    RefinerOutput,
};
pub use session::{
    Cancellable, Doubt, ExpectedErrors, Preview, Session, Shown, Snapshot, UNDO_STEPS, UNSURE_BELOW, suspects,
};
pub use summary::{Layer, LayerKind, NetworkSummary};
pub use turns::{NoTurn, Turn, TurnLimits, TurnRequest, Turns};
pub use unet::Unet;
pub use view::View;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
