//! Predictors from files, checkpoints and the bundled weights.

use std::path::Path;

use candle_core::Device;

use crate::checkpoint::{Checkpoint, Precision};
use crate::config::ModelConfig;
use crate::corners::CornerDetector;
use crate::error::{BuildError, BuildResult, Result};
use crate::locator::Locator;
use crate::network::Network;
use crate::predictor::{Parts, Predictor};
use crate::refiner::CornerRefiner;

/// Settings of a [`Predictor`]: where and in which precision it computes, and its locator. The defaults are the CPU,
/// single precision and the locator of the checkpoint.
///
/// ```no_run
/// use ikem_models::{Device, Precision, Predictor};
///
/// let gpu = Device::new_cuda(0)?;
/// let predictor = Predictor::builder().device(&gpu).precision(Precision::Half).load("model.safetensors")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it loads or builds a predictor"]
pub struct PredictorBuilder {
    device: Device,
    precision: Precision,
    locator: LocatorChoice,
}

#[derive(Debug, Clone)]
enum LocatorChoice {
    OfCheckpoint,
    Given(Option<Locator>),
}

impl Default for PredictorBuilder {
    fn default() -> Self {
        Self { device: Device::Cpu, precision: Precision::Single, locator: LocatorChoice::OfCheckpoint }
    }
}

impl PredictorBuilder {
    /// The device that the network and the checkpoint's locator compute on.
    pub fn device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// The precision of the network; a locator computes in single precision. On GPUs half precision is faster and takes
    /// half the memory; on a CPU it is slow.
    pub const fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The locator to use instead of the checkpoint's; with `None` the network sees whole films unless it is given a
    /// view.
    pub fn locator(mut self, locator: Option<Locator>) -> Self {
        self.locator = LocatorChoice::Given(locator);
        self
    }

    /// Loads a checkpoint: a `.safetensors` file of this crate, or a published `.pth`.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) and [`Error::Pth`](crate::Error::Pth) name the file, what was
    /// found and what was expected.
    pub fn load(self, path: impl AsRef<Path>) -> Result<Predictor> {
        let path = path.as_ref();
        self.try_build(Checkpoint::read(path)?).map_err(|error| error.at(path))
    }

    /// The model that ships with the crate: no path, no download.
    ///
    /// # Errors
    /// When the device fails.
    #[cfg(feature = "pretrained")]
    pub fn pretrained(self) -> Result<Predictor> {
        self.build(crate::pretrained::checkpoint()?)
    }

    /// A predictor of a checkpoint in memory.
    ///
    /// # Errors
    /// When the tensors are not those of the config's network, or the device fails.
    pub fn build(self, checkpoint: Checkpoint) -> Result<Predictor> {
        self.try_build(checkpoint).map_err(BuildError::of_memory)
    }

    /// A predictor with random weights and without a locator unless one was given, to measure time and memory.
    ///
    /// # Errors
    /// A config field out of range; a device that fails.
    pub fn untrained(self, config: &ModelConfig, seed: u64) -> Result<Predictor> {
        config.check()?;
        let dtype = self.precision.dtype();
        let network =
            Network::frozen_fresh(config, seed, &self.device, dtype).map_err(BuildError::of_memory)?;
        let locator = match self.locator {
            LocatorChoice::OfCheckpoint => None,
            LocatorChoice::Given(locator) => locator,
        };
        let parts = Parts { locator, ..Parts::default() };
        Ok(Predictor::new(network, None, &self.device, dtype, parts))
    }

    fn try_build(self, checkpoint: Checkpoint) -> BuildResult<Predictor> {
        let (device, dtype) = (self.device, self.precision.dtype());
        let Checkpoint { config, tensors, errors, locator, corners, refiner, metadata: _ } = checkpoint;
        let network = Network::frozen(&config, tensors, &device, dtype)?;
        let locator = match self.locator {
            LocatorChoice::OfCheckpoint => {
                locator.map(|locator| Locator::build(locator, &device)).transpose()?
            }
            LocatorChoice::Given(locator) => locator,
        };
        let corners = corners.map(|corners| CornerDetector::build(corners, &device)).transpose()?;
        let refiner = refiner.map(|refiner| CornerRefiner::build(refiner, &device)).transpose()?;
        Ok(Predictor::new(network, errors, &device, dtype, Parts { locator, corners, refiner }))
    }
}

impl Predictor {
    /// Settings for a predictor on a GPU, in half precision or with another locator.
    pub fn builder() -> PredictorBuilder {
        PredictorBuilder::default()
    }

    /// Loads a checkpoint on the CPU: a `.safetensors` file of this crate, or a published `.pth`.
    ///
    /// # Errors
    /// As [`PredictorBuilder::load`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().load(path)
    }

    /// The model that ships with the crate, on the CPU: no path, no download.
    ///
    /// # Errors
    /// When the device fails.
    #[cfg(feature = "pretrained")]
    pub fn pretrained() -> Result<Self> {
        Self::builder().pretrained()
    }
}
