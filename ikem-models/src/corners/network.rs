//! The network of the corner detector: a small U-Net on the film in a frame, with maps at half its size.

use candle_core::{DType, Device, Result as CandleResult, Tensor};
use ikem_core::{FieldError, Size};
use serde::{Deserialize, Serialize};

use crate::cancel::Cancel;
use crate::error::{BuildError, BuildResult, Result};
use crate::layers::{ConvSpec, ConvUnit, Mode, Pass, UPath};
use crate::ops::{self, Activation};
use crate::params::{Builder, Parameters, Purpose, StateDict};

/// The number of maps: one for each corner of a vertebra, top left, top right, bottom left, bottom right.
pub const CORNER_MAPS: usize = 4;
/// Pixels of the grid between neighbouring pixels of the maps.
pub const CORNER_STRIDE: usize = 2;

/// Channels of the levels, relative to those of the first.
const LEVELS: [usize; 4] = [1, 2, 4, 4];
const ACTIVATION: Activation = Activation::LeakyRelu(0.01);

/// The dimensions of the corner detector's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CornerConfig {
    /// Its grid in pixels; both sides are multiples of 16.
    pub size: Size,
    /// Channels after its first convolution (w); the deepest level has 4 w.
    pub width: usize,
}

impl Default for CornerConfig {
    /// 256 × 512 pixels, width 10: 0.13 M parameters.
    fn default() -> Self {
        Self { size: Size::new(256, 512), width: 10 }
    }
}

impl CornerConfig {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    pub fn check(&self) -> std::result::Result<(), FieldError> {
        for (field, side) in
            [("corners.size.width", self.size.width), ("corners.size.height", self.size.height)]
        {
            FieldError::check_range(field, side, 32..=4096)?;
            if !side.is_multiple_of(16) {
                return Err(FieldError::new(field, "a multiple of 16", side));
            }
        }
        FieldError::check_range("corners.width", self.width, 1..=256)
    }

    /// The size of its maps.
    #[must_use]
    pub const fn map_size(&self) -> Size {
        Size::new(self.size.width / CORNER_STRIDE, self.size.height / CORNER_STRIDE)
    }
}

/// The network of the corner detector.
#[derive(Debug)]
pub struct CornerNetwork {
    stem: [ConvUnit; 2],
    levels: UPath,
    maps: ConvUnit,
    parameters: Parameters,
    parameter_count: usize,
    config: CornerConfig,
    device: Device,
}

impl CornerNetwork {
    /// A network for training, with PyTorch's default initialisation drawn from `seed`.
    ///
    /// # Errors
    /// A config field out of range; a device that fails.
    pub fn fresh(config: CornerConfig, seed: u64, device: &Device) -> Result<Self> {
        config.check()?;
        Self::build(config, Builder::fresh(seed, device, None, Purpose::Training), device)
            .map_err(BuildError::of_memory)
    }

    /// A network for training that starts with the values of `tensors`.
    ///
    /// # Errors
    /// A config field out of range; a tensor missing, left over or of another shape; a device that fails.
    pub fn trainable(config: CornerConfig, tensors: StateDict, device: &Device) -> Result<Self> {
        config.check()?;
        let builder = Builder::from_state_dict(tensors, device, None, Purpose::Training);
        Self::build(config, builder, device).map_err(BuildError::of_memory)
    }

    /// A network for inference: weights are folded and packed, and nothing else is kept.
    pub(crate) fn frozen(config: CornerConfig, tensors: StateDict, device: &Device) -> BuildResult<Self> {
        let builder = Builder::from_state_dict(tensors, device, Some(DType::F32), Purpose::Inference);
        Self::build(config, builder, device)
    }

    fn build(config: CornerConfig, builder: Builder, device: &Device) -> BuildResult<Self> {
        let levels = LEVELS.map(|level| level * config.width);
        let stem = builder.pp("stem");
        let halve = ConvSpec::new(1, levels[0], 3).stride(CORNER_STRIDE).then(ACTIVATION);
        let mix = ConvSpec::new(levels[0], levels[0], 3).then(ACTIVATION);
        let network = Self {
            stem: [ConvUnit::in_sequence(&stem.pp("0"), halve)?, ConvUnit::in_sequence(&stem.pp("1"), mix)?],
            levels: UPath::numbered(&levels, ACTIVATION, &builder)?,
            maps: ConvUnit::new(&builder.pp("maps"), ConvSpec::new(levels[0], CORNER_MAPS, 1).with_bias())?,
            parameters: Parameters::default(),
            parameter_count: 0,
            config,
            device: device.clone(),
        };
        let (parameters, parameter_count) = builder.finish()?;
        Ok(Self { parameters, parameter_count, ..network })
    }

    /// The logits of the maps (B, [`CORNER_MAPS`], H/2, W/2) of films (B, 1, H, W) in −1…1. Pixel i of a map lies at
    /// pixel 2 i of the grid.
    ///
    /// # Errors
    /// When a shape does not fit, or the device fails.
    pub fn forward(&self, films: &Tensor, mode: Mode) -> CandleResult<Tensor> {
        ops::in_pool(|| self.run(films, Pass::new(mode)))
    }

    /// An evaluation that ends early when `cancel` is cancelled.
    pub(crate) fn forward_until(&self, films: &Tensor, cancel: Option<&Cancel>) -> Result<Tensor> {
        Cancel::explain(cancel, ops::in_pool(|| self.run(films, Pass::until(cancel))))
    }

    fn run(&self, films: &Tensor, pass: Pass<'_>) -> CandleResult<Tensor> {
        let x = self.stem[1].forward(&[&self.stem[0].forward(&[films], pass)?], pass)?;
        self.maps.forward(&[&self.levels.forward(x, pass)?.top], pass)
    }

    /// Its dimensions.
    #[must_use]
    pub const fn config(&self) -> CornerConfig {
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
