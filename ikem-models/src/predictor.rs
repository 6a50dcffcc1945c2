use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use ikem_core::{ErrorCovariance, GrayImage, Hint, Hints, History, Keypoints, Size};

use crate::checkpoint::{Checkpoint, Precision};
use crate::config::ModelConfig;
use crate::error::{BuildError, BuildResult, Result};
use crate::inputs::{EncodedImage, HintMaps, ImageInput, Inputs, PreviousMaps};
use crate::network::{Logits, Mode, Network};
use crate::prediction::{Maps, Prediction};
use crate::session::{Session, Snapshot};
use crate::summary::Summary;

/// A network with its weights, ready to mark images. Clones share the weights.
#[derive(Debug, Clone)]
pub struct Predictor(Arc<Model>);

#[derive(Debug)]
struct Model {
    network: Network,
    errors: Option<ErrorCovariance>,
    config: ModelConfig,
    device: Device,
    dtype: DType,
}

/// An image as the network sees it, and the size it had.
#[derive(Debug, Clone)]
pub(crate) struct PreparedImage {
    pub size: Size,
    pub encoded: EncodedImage,
}

impl Predictor {
    /// Loads a checkpoint: a `.safetensors` of ours, or a published `.pth`. On a GPU the weights are f32.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) and [`Error::Pth`](crate::Error::Pth) name the file, what was
    /// found and what was expected.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::load_in(path, Precision::Single, device)
    }

    /// As [`load`](Self::load), computing in `precision`. Half precision is for GPUs: there it is faster and takes half the
    /// memory, on a CPU it is slow.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_in(path: impl AsRef<Path>, precision: Precision, device: &Device) -> Result<Self> {
        let path = path.as_ref();
        Self::build(Checkpoint::read(path)?, device, precision.dtype()).map_err(|error| error.at(path))
    }

    /// The model that ships with the crate, on the CPU: no path, no download.
    ///
    /// # Errors
    /// When the device fails.
    #[cfg(feature = "pretrained")]
    pub fn pretrained() -> Result<Self> {
        Self::pretrained_on(&Device::Cpu)
    }

    /// The model that ships with the crate, on `device`.
    ///
    /// # Errors
    /// When the device fails.
    #[cfg(feature = "pretrained")]
    pub fn pretrained_on(device: &Device) -> Result<Self> {
        Self::from_checkpoint(crate::pretrained::checkpoint()?, device)
    }

    /// A predictor of a checkpoint in memory.
    ///
    /// # Errors
    /// When the tensors are not those of the config's network, or the device fails.
    pub fn from_checkpoint(checkpoint: Checkpoint, device: &Device) -> Result<Self> {
        Self::build(checkpoint, device, DType::F32).map_err(BuildError::of_memory)
    }

    /// A predictor that knows nothing yet, to measure what it costs.
    ///
    /// # Errors
    /// A config field out of range; a device that fails.
    pub fn untrained(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        config.check()?;
        let network = Network::frozen_fresh(config, seed, device).map_err(BuildError::of_memory)?;
        let (config, device) = (config.clone(), device.clone());
        Ok(Self(Arc::new(Model { network, errors: None, config, device, dtype: DType::F32 })))
    }

    fn build(checkpoint: Checkpoint, device: &Device, dtype: DType) -> BuildResult<Self> {
        let Checkpoint { config, tensors, errors } = checkpoint;
        let network = Network::frozen(&config, tensors, device, dtype)?;
        Ok(Self(Arc::new(Model { network, errors, config, device: device.clone(), dtype })))
    }

    /// How the network is built and what it expects.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.0.config
    }

    /// The network's layers, with their parameters and mult-adds for one image. Runs it once.
    ///
    /// # Errors
    /// When the device fails.
    pub fn summary(&self) -> Result<Summary> {
        Ok(self.0.network.summary()?)
    }

    /// Marks an image, without hints.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predict(&self, image: &GrayImage) -> Result<Prediction> {
        self.predict_prepared(&self.prepare(image)?, &Hints::new(), None)
    }

    /// Begins to annotate an image: predicts once, then answers corrections.
    ///
    /// # Errors
    /// When the device fails.
    pub fn session(&self, image: &GrayImage) -> Result<Session> {
        Session::new(self.clone(), image)
    }

    /// Goes on annotating `image` where another session of it was left, whichever network predicted there. Until the next
    /// prediction, heatmaps are Gaussians at the keypoints.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) when a state is not of this image and these keypoints; when the device
    /// fails.
    pub fn resume(&self, image: &GrayImage, states: &History<Snapshot>) -> Result<Session> {
        Session::resume(self.clone(), image, states)
    }

    /// The logits of a batch whose hints and previous heatmaps are given as dense maps.
    ///
    /// # Errors
    /// When a shape does not fit the config, or the device fails.
    pub fn forward(&self, inputs: &Inputs) -> Result<Logits> {
        Ok(self.0.network.forward(inputs, Mode::Eval)?)
    }

    pub(crate) fn prepare(&self, image: &GrayImage) -> Result<PreparedImage> {
        let grid = self.config().size;
        let gray = self.config().preparation().apply(image)?;
        let gray = Tensor::from_vec(gray, (1, 1, grid.height, grid.width), &self.0.device)?
            .to_dtype(self.0.dtype)?;
        let encoded = self.0.network.encode_image(&gray.repeat((1, 3, 1, 1))?)?;
        Ok(PreparedImage { size: image.size(), encoded })
    }

    /// One forward pass; `hints` in image space, `previous` the prediction that they correct.
    pub(crate) fn predict_prepared(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        previous: Option<&Prediction>,
    ) -> Result<Prediction> {
        let &ModelConfig { size: grid, std, decoding, .. } = self.config();
        let on_grid = |hint: &Hint| Hint::new(hint.keypoint, hint.point.rescaled(image.size, grid));
        let previous = match previous {
            Some(previous) => previous.as_input(&self.0.device, self.0.dtype)?,
            None => PreviousMaps::None,
        };
        let hints: Vec<Hint> = hints.iter().map(on_grid).collect();
        let inputs = Inputs {
            hints: HintMaps::Gaussians { hints: vec![hints.clone()], std },
            previous,
            image: ImageInput::Encoded(image.encoded.clone()),
        };
        let answer = self.0.network.forward(&inputs, Mode::Eval)?;
        let detections = answer.detect(&decoding)?.concat();
        let mut keypoints: Keypoints = detections.iter().map(|detection| detection.point).collect();
        if let Some(errors) = &self.0.errors {
            keypoints = errors.moved(&keypoints, &hints).iter().map(|&point| grid.nearest(point)).collect();
        }
        Ok(Prediction {
            keypoints: keypoints.rescaled(grid, image.size),
            confidences: detections.iter().map(|detection| detection.confidence).collect(),
            maps: Maps::Logits(answer.main),
            grid,
        })
    }
}
