//! The network of the corner detector: a small U-Net on the film in a frame, with maps at half its size.

use candle_core::{Result as CandleResult, Tensor};
use ikem_core::{FieldError, Size};
use serde::{Deserialize, Serialize};

use crate::cancel::Cancel;
use crate::error::{BuildResult, Result};
use crate::layers::{ConvSpec, ConvUnit, Mode, Pass, UPath};
use crate::ops::{self, Activation};
use crate::params::Builder;
use crate::part_network::{Build, PartNetwork};

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
pub type CornerNetwork = PartNetwork<CornerLayers>;

/// Its layers.
#[derive(Debug)]
pub struct CornerLayers {
    stem: [ConvUnit; 2],
    levels: UPath,
    maps: ConvUnit,
}

impl Build for CornerLayers {
    type Config = CornerConfig;

    fn build(config: CornerConfig, builder: &Builder) -> BuildResult<Self> {
        let levels = LEVELS.map(|level| level * config.width);
        let stem = builder.pp("stem");
        let halve = ConvSpec::new(1, levels[0], 3).stride(CORNER_STRIDE).then(ACTIVATION);
        let mix = ConvSpec::new(levels[0], levels[0], 3).then(ACTIVATION);
        Ok(Self {
            stem: [ConvUnit::in_sequence(&stem.pp("0"), halve)?, ConvUnit::in_sequence(&stem.pp("1"), mix)?],
            levels: UPath::numbered(&levels, ACTIVATION, builder)?,
            maps: ConvUnit::new(&builder.pp("maps"), ConvSpec::new(levels[0], CORNER_MAPS, 1).with_bias())?,
        })
    }
}

impl CornerNetwork {
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
        let x = self.layers.stem[1].forward(&[&self.layers.stem[0].forward(&[films], pass)?], pass)?;
        self.layers.maps.forward(&[&self.layers.levels.forward(x, pass)?.top], pass)
    }
}
