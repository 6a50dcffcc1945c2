use candle_core::{DType, Device, Result as CandleResult, Tensor, Var};
use ikem_core::{Decoding, Detection, Size};

use crate::cancel::Cancel;
use crate::config::{ModelConfig, NetworkConfig};
use crate::error::{BuildError, BuildResult, Result};
use crate::hrnet::HrnetOcr;
use crate::inputs::{EncodedImage, HintMaps, ImageInput, Inputs, PreviousMaps};
use crate::layers::{Mode, Pass, Stem};
use crate::onnx::{Graph, GraphInputs, Value};
use crate::ops;
use crate::params::{Builder, Parameters, Purpose, StateDict};
use crate::summary::{NetworkSummary, Recorder};
use crate::unet::Unet;

/// The output of a network, at the resolution of its last layer (a quarter of the grid).
#[derive(Debug, Clone)]
pub struct Logits {
    /// One map a keypoint: (B, K, H/4, W/4).
    pub main: Tensor,
    /// The maps of the auxiliary head, if the network has one.
    pub auxiliary: Option<Tensor>,
    /// Height and width of the grid.
    pub(crate) full: (usize, usize),
}

impl Logits {
    /// Logits for a `grid`: `main` and `auxiliary` (B, K, h, w).
    #[must_use]
    pub const fn new(main: Tensor, auxiliary: Option<Tensor>, grid: Size) -> Self {
        Self { main, auxiliary, full: (grid.height, grid.width) }
    }

    /// The main logits on the grid: (B, K, H, W), resized bilinearly with aligned corners.
    ///
    /// # Errors
    /// When the device fails.
    pub fn upsampled(&self) -> CandleResult<Tensor> {
        ops::resize_bilinear(&self.main, self.full.0, self.full.1)
    }

    /// The keypoints of every image, in pixels of the grid: B lists of K. Each thread holds one heatmap at a time.
    ///
    /// # Errors
    /// When the device fails.
    pub fn detect(&self, decoding: &Decoding) -> CandleResult<Vec<Vec<Detection>>> {
        let grid = Size::new(self.full.1, self.full.0);
        let keypoints = self.main.dim(1)?.max(1);
        let all = ops::for_each_heatmap(&self.main, grid, |map| decoding.detect(map))?;
        Ok(all.chunks(keypoints).map(<[Detection]>::to_vec).collect())
    }

    /// The confidences of [`detect`](Self::detect) alone: B lists of K.
    pub(crate) fn confidences(&self) -> CandleResult<Vec<Vec<f32>>> {
        let grid = Size::new(self.full.1, self.full.0);
        let keypoints = self.main.dim(1)?.max(1);
        Ok(ops::heatmap_peaks(&self.main, grid)?.chunks(keypoints).map(<[f32]>::to_vec).collect())
    }

    /// The auxiliary logits on the grid.
    ///
    /// # Errors
    /// When the device fails.
    pub fn auxiliary_upsampled(&self) -> CandleResult<Option<Tensor>> {
        self.auxiliary.as_ref().map(|aux| ops::resize_bilinear(aux, self.full.0, self.full.1)).transpose()
    }
}

/// Either of the networks behind one interface.
#[derive(Debug)]
pub struct Network {
    body: Body,
    parameters: Parameters,
    parameter_count: usize,
    config: ModelConfig,
    device: Device,
    dtype: DType,
}

#[derive(Debug)]
enum Body {
    Unet(Box<Unet>),
    HrnetOcr(Box<HrnetOcr>),
}

impl Network {
    /// A network for training, with PyTorch's default initialisation drawn from `seed`.
    ///
    /// # Errors
    /// A config field out of range; a device that fails.
    pub fn fresh(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        config.check()?;
        Self::unchecked_fresh(config, seed, device).map_err(BuildError::of_memory)
    }

    /// As [`fresh`](Self::fresh), for a config that was checked.
    pub(crate) fn unchecked_fresh(config: &ModelConfig, seed: u64, device: &Device) -> BuildResult<Self> {
        Self::build(config, Builder::fresh(seed, device, None, Purpose::Training), device, DType::F32)
    }

    /// A network for training that starts with the values of `tensors`, in their type (f32; f64 to check gradients).
    ///
    /// # Errors
    /// A config field out of range; a tensor missing, left over or of another shape; a device that fails.
    pub fn trainable(config: &ModelConfig, tensors: StateDict, device: &Device) -> Result<Self> {
        config.check()?;
        let dtype = tensors.values().next().map_or(DType::F32, Tensor::dtype);
        let builder = Builder::from_state_dict(tensors, device, None, Purpose::Training);
        Self::build(config, builder, device, dtype).map_err(BuildError::of_memory)
    }

    /// A network for inference: weights are folded and packed, and nothing else is kept; `dtype` is f32, or f16 on a
    /// GPU.
    pub(crate) fn frozen(
        config: &ModelConfig,
        tensors: StateDict,
        device: &Device,
        dtype: DType,
    ) -> BuildResult<Self> {
        let builder = Builder::from_state_dict(tensors, device, Some(dtype), Purpose::Inference);
        Self::build(config, builder, device, dtype)
    }

    /// A network for inference with random weights.
    pub(crate) fn frozen_fresh(
        config: &ModelConfig,
        seed: u64,
        device: &Device,
        dtype: DType,
    ) -> BuildResult<Self> {
        Self::build(config, Builder::fresh(seed, device, Some(dtype), Purpose::Inference), device, dtype)
    }

    fn build(config: &ModelConfig, builder: Builder, device: &Device, dtype: DType) -> BuildResult<Self> {
        let body = match config.network {
            NetworkConfig::Unet(unet) => Body::Unet(Box::new(Unet::new(&builder, unet, config.keypoints())?)),
            NetworkConfig::HrnetOcr(hrnet) => {
                Body::HrnetOcr(Box::new(HrnetOcr::new(&builder, hrnet, config.keypoints())?))
            }
        };
        let (parameters, parameter_count) = builder.finish()?;
        Ok(Self { body, parameters, parameter_count, config: config.clone(), device: device.clone(), dtype })
    }

    /// One forward pass.
    ///
    /// # Errors
    /// When a shape does not fit the config, or the device fails.
    pub fn forward(&self, inputs: &Inputs, mode: Mode) -> CandleResult<Logits> {
        ops::in_pool(|| self.run(inputs, Pass::new(mode)))
    }

    /// An evaluation that ends early when `cancel` is cancelled.
    pub(crate) fn forward_until(&self, inputs: &Inputs, cancel: Option<&Cancel>) -> Result<Logits> {
        Cancel::explain(cancel, ops::in_pool(|| self.run(inputs, Pass::until(cancel))))
    }

    /// The features of an image, pixels (B, 3, H, W), that do not depend on hints: for many passes on one image.
    ///
    /// # Errors
    /// When a shape does not fit the config, or the device fails.
    pub fn encode_image(&self, pixels: &Tensor) -> CandleResult<EncodedImage> {
        let (_, _, height, width) = pixels.dims4()?;
        let stem = match &self.body {
            Body::Unet(unet) => unet.stem(),
            Body::HrnetOcr(hrnet) => hrnet.stem(),
        };
        let features = ops::in_pool(|| stem.encode_image(pixels, Pass::new(Mode::Eval)))?;
        Ok(EncodedImage { features, grid: Size::new(width, height) })
    }

    /// The layers of an evaluation of one image, recorded by running it.
    ///
    /// # Errors
    /// When the device fails.
    pub fn summary(&self) -> CandleResult<NetworkSummary> {
        let Self { config: ModelConfig { size, .. }, device, dtype, .. } = self;
        let pixels = Tensor::zeros((1, 3, size.height, size.width), *dtype, device)?;
        let (hints, image) = (HintMaps::none(1), ImageInput::Pixels(pixels));
        let recorder = Recorder::default();
        self.run(&Inputs { hints, previous: PreviousMaps::None, image }, Pass::recorded(&recorder))?;
        Ok(recorder.finish())
    }

    fn run(&self, inputs: &Inputs, pass: Pass<'_>) -> CandleResult<Logits> {
        let grid = inputs.grid()?;
        let (main, auxiliary) = match &self.body {
            Body::Unet(unet) => (unet.forward(inputs, pass)?, None),
            Body::HrnetOcr(hrnet) => {
                let (main, auxiliary) = hrnet.forward(inputs, pass)?;
                (main, Some(auxiliary))
            }
        };
        Ok(Logits::new(main, auxiliary, grid))
    }

    /// Adds an evaluation to an ONNX graph: main and auxiliary logits.
    ///
    /// # Errors
    /// For a network for inference, whose weights are packed.
    pub(crate) fn export(
        &self,
        graph: &mut Graph,
        inputs: &GraphInputs,
    ) -> CandleResult<(Value, Option<Value>)> {
        match &self.body {
            Body::Unet(unet) => Ok((unet.export(graph, inputs)?, None)),
            Body::HrnetOcr(hrnet) => {
                let (main, auxiliary) = hrnet.export(graph, inputs)?;
                Ok((main, Some(auxiliary)))
            }
        }
    }

    /// The dimensions of the network and of its input.
    #[must_use]
    pub const fn config(&self) -> &ModelConfig {
        &self.config
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

    /// The biases of the last layer of every head: the logits where the features are zero. Empty in a network for
    /// inference.
    #[must_use]
    pub fn head_biases(&self) -> Vec<&Var> {
        let names: &[&str] = match self.body {
            Body::Unet(_) => &Unet::HEAD_BIASES,
            Body::HrnetOcr(_) => &HrnetOcr::HEAD_BIASES,
        };
        names.iter().filter_map(|&name| self.parameters.trainable().get(name)).collect()
    }

    /// The factor of everything that hints and previous heatmaps add to the image's features; `None` in a network
    /// without hints and in a network for inference.
    #[must_use]
    pub fn hint_scale(&self) -> Option<&Var> {
        self.parameters.trainable().get(Stem::HINT_SCALE)
    }

    /// The number of trainable parameters.
    #[must_use]
    pub const fn parameter_count(&self) -> usize {
        self.parameter_count
    }
}
