//! What the small networks beside the keypoint network have in common: how they are built, and their parameters.

use std::fmt::Debug;

use candle_core::{DType, Device};

use crate::checkpoint::Part;
use crate::error::{BuildError, BuildResult, Result};
use crate::params::{Builder, Parameters, Purpose, StateDict};

/// The layers of a network beside the keypoint network; see [`PartNetwork`]. Only this crate has such layers.
pub trait Layers: Build {}

impl<L: Build> Layers for L {}

/// How layers are made; private, so that a builder is not part of the interface.
pub trait Build: Debug + Sized {
    /// The dimensions.
    type Config: Part + Copy + Debug;

    /// The layers of `config`.
    fn build(config: Self::Config, builder: &Builder) -> BuildResult<Self>;
}

/// A network that a checkpoint may have beside the keypoint network, for training or inference.
#[derive(Debug)]
pub struct PartNetwork<L: Layers> {
    pub(crate) layers: L,
    parameters: Parameters,
    parameter_count: usize,
    config: L::Config,
    device: Device,
}

impl<L: Layers> PartNetwork<L> {
    /// A network for training, with PyTorch's default initialisation drawn from `seed`.
    ///
    /// # Errors
    /// A config field out of range; a device that fails.
    pub fn fresh(config: L::Config, seed: u64, device: &Device) -> Result<Self> {
        config.check()?;
        Self::build(config, Builder::fresh(seed, device, None, Purpose::Training), device)
            .map_err(BuildError::of_memory)
    }

    /// A network for training that starts with the values of `tensors`.
    ///
    /// # Errors
    /// A config field out of range; a tensor missing, left over or of another shape; a device that fails.
    pub fn trainable(config: L::Config, tensors: StateDict, device: &Device) -> Result<Self> {
        config.check()?;
        let builder = Builder::from_state_dict(tensors, device, None, Purpose::Training);
        Self::build(config, builder, device).map_err(BuildError::of_memory)
    }

    /// A network for inference: weights are folded and packed, and nothing else is kept.
    pub(crate) fn frozen(config: L::Config, tensors: StateDict, device: &Device) -> BuildResult<Self> {
        let builder = Builder::from_state_dict(tensors, device, Some(DType::F32), Purpose::Inference);
        Self::build(config, builder, device)
    }

    fn build(config: L::Config, builder: Builder, device: &Device) -> BuildResult<Self> {
        let layers = L::build(config, &builder)?;
        let (parameters, parameter_count) = builder.finish()?;
        Ok(Self { layers, parameters, parameter_count, config, device: device.clone() })
    }

    /// Its dimensions.
    #[must_use]
    pub const fn config(&self) -> L::Config {
        self.config
    }

    /// The device that it computes on.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// The variables of a network for training; empty in a network for inference.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The number of trainable parameters.
    #[must_use]
    pub const fn parameter_count(&self) -> usize {
        self.parameter_count
    }
}
