use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use ikem_core::{
    ErrorCovariance, Frame, GrayImage, Hint, Hints, History, Keypoints, Size, Tones, decode_column,
};

use crate::checkpoint::{Checkpoint, Precision};
use crate::config::ModelConfig;
use crate::error::{BuildError, BuildResult, Result};
use crate::inputs::{EncodedImage, HintMaps, ImageInput, Inputs, PreviousMaps};
use crate::locator::Locator;
use crate::network::{Logits, Mode, Network};
use crate::ops;
use crate::prediction::{Maps, Prediction};
use crate::session::{Session, Snapshot};
use crate::summary::NetworkSummary;
use crate::view::View;

/// A network with its weights, ready to mark images, and the locator that finds spines for it, if there is one. Clones share the
/// weights.
#[derive(Debug, Clone)]
pub struct Predictor {
    model: Arc<Model>,
    locator: Option<Locator>,
}

#[derive(Debug)]
struct Model {
    network: Network,
    errors: Option<ErrorCovariance>,
    config: ModelConfig,
    device: Device,
    dtype: DType,
}

/// A film as the network sees it.
#[derive(Debug, Clone)]
pub(crate) struct PreparedImage {
    /// The film's size.
    pub size: Size,
    pub view: View,
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
        let model = Model { network, errors: None, config, device, dtype: DType::F32 };
        Ok(Self { model: Arc::new(model), locator: None })
    }

    fn build(checkpoint: Checkpoint, device: &Device, dtype: DType) -> BuildResult<Self> {
        let Checkpoint { config, tensors, errors, locator } = checkpoint;
        let network = Network::frozen(&config, tensors, device, dtype)?;
        let locator = locator.map(|locator| Locator::build(locator, device)).transpose()?;
        let model = Model { network, errors, config, device: device.clone(), dtype };
        Ok(Self { model: Arc::new(model), locator })
    }

    /// The same network with another locator, or with none: then it sees whole films unless told otherwise.
    #[must_use]
    pub fn with_locator(self, locator: Option<Locator>) -> Self {
        Self { locator, ..self }
    }

    /// The locator that finds spines for the network.
    #[must_use]
    pub const fn locator(&self) -> Option<&Locator> {
        self.locator.as_ref()
    }

    /// How the network is built and what it expects.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.model.config
    }

    /// The network's layers, with their parameters and mult-adds for one image. Runs it once.
    ///
    /// # Errors
    /// When the device fails.
    pub fn summary(&self) -> Result<NetworkSummary> {
        Ok(self.model.network.summary()?)
    }

    /// Finds the spine on a film and marks it, without hints.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predict(&self, image: &GrayImage) -> Result<Prediction> {
        self.first(image).map(|(_, prediction)| prediction)
    }

    /// Marks what `view` shows of a film, without hints.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predict_in(&self, image: &GrayImage, view: impl Into<View>) -> Result<Prediction> {
        self.predict_prepared(&self.prepare(image, &view.into())?, &Hints::new(), None)
    }

    /// Begins to annotate an image: finds the spine, predicts in the frame in which the network is surest (some ten predictions), and
    /// then answers corrections. [`Session::view`] tells what was found. Without a locator the network sees the whole film.
    ///
    /// # Errors
    /// When the device fails.
    pub fn session(&self, image: &GrayImage) -> Result<Session> {
        let (prepared, first) = self.first(image)?;
        Ok(Session::new(self.clone(), image, prepared, first))
    }

    /// As [`session`](Self::session), of the part of the film that it is told.
    ///
    /// ```
    /// # use ikem_core::{Frame, GrayImage, Size};
    /// # use ikem_models::{Device, ModelConfig, NetworkConfig, Predictor, UnetConfig};
    /// # let unet = UnetConfig { width: 1, gate_width: None, ..UnetConfig::default() };
    /// # let config = ModelConfig { size: Size::new(64, 64), ..ModelConfig::new(NetworkConfig::Unet(unet)) };
    /// # let predictor = Predictor::untrained(&config, 1, &Device::Cpu)?;
    /// # let image = GrayImage::new(Size::new(300, 700), vec![0.5; 300 * 700])?;
    /// let session = predictor.session_in(&image, Frame::new(50.0, 100.0, 200.0, 480.0)?)?;
    /// assert_eq!(session.view().frame.height(), 480.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the device fails.
    pub fn session_in(&self, image: &GrayImage, view: impl Into<View>) -> Result<Session> {
        let prepared = self.prepare(image, &view.into())?;
        let first = self.predict_prepared(&prepared, &Hints::new(), None)?;
        Ok(Session::new(self.clone(), image, prepared, first))
    }

    /// Goes on annotating `image` where another session of it was left, whichever network predicted there. Until the next
    /// prediction, heatmaps are Gaussians at the keypoints.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) when a state is not of this image and these keypoints; when the device
    /// fails.
    pub fn resume(&self, image: &GrayImage, states: &History<Snapshot>) -> Result<Session> {
        Session::resume(self, image, states)
    }

    /// The logits of a batch whose hints and previous heatmaps are given as dense maps.
    ///
    /// # Errors
    /// When a shape does not fit the config, or the device fails.
    pub fn forward(&self, inputs: &Inputs) -> Result<Logits> {
        Ok(self.model.network.forward(inputs, Mode::Eval)?)
    }

    /// A film as the network sees it in `view`.
    pub(crate) fn prepare(&self, film: &GrayImage, view: &View) -> Result<PreparedImage> {
        self.prepare_toned(&toned(film, view.negative), view)
    }

    /// As [`prepare`](Self::prepare), of a film that has its tones already: for many frames of one film.
    pub(crate) fn prepare_toned(&self, film: &GrayImage, view: &View) -> Result<PreparedImage> {
        let grid = self.config().size;
        let gray = self.config().preparation().apply_in(film, &view.frame)?;
        let gray = Tensor::from_vec(gray, (1, 1, grid.height, grid.width), &self.model.device)?
            .to_dtype(self.model.dtype)?;
        let encoded = self.model.network.encode_image(&gray.repeat((1, 3, 1, 1))?)?;
        Ok(PreparedImage { size: film.size(), view: *view, encoded })
    }

    /// One forward pass; `hints` in image space, `previous` the prediction that they correct.
    pub(crate) fn predict_prepared(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        previous: Option<&Prediction>,
    ) -> Result<Prediction> {
        let &ModelConfig { size: grid, std, decoding, column, .. } = self.config();
        let PreparedImage { size: film, view: View { frame, .. }, .. } = *image;
        let on_grid = |hint: &Hint| Hint::new(hint.keypoint, frame.to_grid(hint.point, film, grid));
        let previous = match previous {
            Some(previous) if previous.frame != frame => {
                previous.reframed(frame, std).as_input(&self.model.device, self.model.dtype)?
            }
            Some(previous) => previous.as_input(&self.model.device, self.model.dtype)?,
            None => PreviousMaps::None,
        };
        let hints: Vec<Hint> = hints.iter().map(on_grid).collect();
        let inputs = Inputs {
            hints: HintMaps::Gaussians { hints: vec![hints.clone()], std },
            previous,
            image: ImageInput::Encoded(image.encoded.clone()),
        };
        let answer = self.model.network.forward(&inputs, Mode::Eval)?;
        let detections = answer.detect(&decoding)?.concat();
        let mut keypoints: Keypoints = detections.iter().map(|detection| detection.point).collect();
        if let Some(errors) = &self.model.errors {
            keypoints = errors.moved(&keypoints, &hints);
        }
        let mut alternatives = Vec::new();
        if column {
            let (_, _, height, width) = answer.main.dims4()?;
            let maps = ops::heatmaps(&answer.main, Size::new(width, height))?;
            let skeleton = &self.config().skeleton;
            if let Some(column) = decode_column(skeleton, &keypoints, maps.view(), grid, &hints) {
                (keypoints, alternatives) = (column.keypoints, column.alternatives);
            }
        }
        let shown = |keypoints: &Keypoints| {
            let keypoints = keypoints.iter().map(|&point| grid.nearest(point)).collect();
            on_film(&keypoints, &frame, film, grid)
        };
        for other in &mut alternatives {
            other.keypoints = shown(&other.keypoints);
        }
        Ok(Prediction {
            keypoints: shown(&keypoints),
            alternatives,
            confidences: detections.iter().map(|detection| detection.confidence).collect(),
            maps: Maps::Logits(answer.main),
            grid,
            film,
            frame,
        })
    }
}

/// A film with the tones that networks see: stretched where it uses little of its range, inverted where it is a negative.
pub(crate) fn toned(film: &GrayImage, negative: bool) -> GrayImage {
    let tones = Tones::of(film);
    let tones = if negative { tones.inverted() } else { tones };
    tones.apply_to(film)
}

/// Keypoints of the grid on the film; those beyond its edges at the edge.
fn on_film(keypoints: &Keypoints, frame: &Frame, film: Size, grid: Size) -> Keypoints {
    let points = keypoints.iter().map(|&point| frame.to_image(point, film, grid));
    match frame.is_whole(film) {
        true => points.collect(),
        false => points.map(|point| film.nearest(point)).collect(),
    }
}
