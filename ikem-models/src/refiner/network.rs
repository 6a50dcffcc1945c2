//! The network of the corner refiner: convolutions on a patch around one vertebra, then two layers on all of it.

use candle_core::{Result as CandleResult, Tensor};
use ikem_core::{FieldError, Size};
use serde::{Deserialize, Serialize};

use crate::cancel::Cancel;
use crate::error::{BuildResult, Result};
use crate::layers::{ConvSpec, ConvUnit, Mode, Pass};
use crate::ops::{self, Activation};
use crate::params::Builder;
use crate::part_network::{Build, PartNetwork};

/// The corners of a vertebra: top left, top right, bottom left, bottom right.
pub const REFINED_CORNERS: usize = 4;

/// Channels of the levels, relative to those of the first. Each level halves the patch.
const LEVELS: [usize; 4] = [1, 2, 3, 4];
/// Values for each corner: x, y, and the logarithms of their spreads.
const VALUES: usize = 4 * REFINED_CORNERS;
const ACTIVATION: Activation = Activation::LeakyRelu(0.01);

/// The dimensions of the corner refiner's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefinerConfig {
    /// The side of its square patches in pixels; a multiple of 16.
    pub size: usize,
    /// Channels after its first convolution (w); the deepest level has 4 w.
    pub width: usize,
    /// Channels between its last two layers.
    pub hidden: usize,
}

impl Default for RefinerConfig {
    /// 64 pixels, width 16, 64 hidden channels: 0.18 M parameters.
    fn default() -> Self {
        Self { size: 64, width: 16, hidden: 64 }
    }
}

impl RefinerConfig {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    pub fn check(&self) -> std::result::Result<(), FieldError> {
        FieldError::check_range("refiner.size", self.size, 16..=256)?;
        if !self.size.is_multiple_of(1 << LEVELS.len()) {
            return Err(FieldError::new("refiner.size", "a multiple of 16", self.size));
        }
        FieldError::check_range("refiner.width", self.width, 1..=256)?;
        FieldError::check_range("refiner.hidden", self.hidden, 1..=4096)
    }

    /// The size of its patches.
    #[must_use]
    pub const fn patch(&self) -> Size {
        Size::new(self.size, self.size)
    }
}

/// The output of the corner refiner's network for B patches, each (B, 8): x and y of the four corners in turn.
#[derive(Debug, Clone)]
pub struct RefinerOutput {
    /// The offsets of the corners from their [usual places](ikem_core::Frame::usual_corner), in half sides of the patch.
    pub offsets: Tensor,
    /// The logarithms of the offsets' spreads: of the mean absolute errors that the network expects of them.
    pub spreads: Tensor,
}

/// The network of the corner refiner.
pub type RefinerNetwork = PartNetwork<RefinerLayers>;

/// Its layers.
#[derive(Debug)]
pub struct RefinerLayers {
    levels: Vec<[ConvUnit; 2]>,
    head: [ConvUnit; 2],
}

impl Build for RefinerLayers {
    type Config = RefinerConfig;

    fn build(config: RefinerConfig, builder: &Builder) -> BuildResult<Self> {
        let unit = |level: usize, name: &str, inputs: usize, stride: usize| {
            let spec = ConvSpec::new(inputs, LEVELS[level] * config.width, 3).stride(stride).then(ACTIVATION);
            ConvUnit::in_sequence(&builder.pp(&format!("level{level}")).pp(name), spec)
        };
        let level = |level: usize| {
            let before = if level == 0 { 1 } else { LEVELS[level - 1] * config.width };
            Ok([unit(level, "0", before, 2)?, unit(level, "1", LEVELS[level] * config.width, 1)?])
        };
        let levels = (0..LEVELS.len()).map(level).collect::<BuildResult<Vec<_>>>()?;
        let side = config.size >> LEVELS.len();
        let all = LEVELS[LEVELS.len() - 1] * config.width * side * side;
        let hidden = ConvSpec::new(all, config.hidden, 1).with_bias().then(ACTIVATION);
        let values = ConvSpec::new(config.hidden, VALUES, 1).with_bias();
        let head = builder.pp("head");
        Ok(Self {
            levels,
            head: [ConvUnit::new(&head.pp("0"), hidden)?, ConvUnit::new(&head.pp("1"), values)?],
        })
    }
}

impl RefinerNetwork {
    /// The corners on patches (B, 1, S, S), normalised as by [`Frame::patch`](ikem_core::Frame::patch).
    ///
    /// # Errors
    /// When a shape does not fit, or the device fails.
    pub fn forward(&self, patches: &Tensor, mode: Mode) -> CandleResult<RefinerOutput> {
        ops::in_pool(|| self.run(patches, Pass::new(mode)))
    }

    /// An evaluation that ends early when `cancel` is cancelled.
    pub(crate) fn forward_until(&self, patches: &Tensor, cancel: Option<&Cancel>) -> Result<RefinerOutput> {
        Cancel::explain(cancel, ops::in_pool(|| self.run(patches, Pass::until(cancel))))
    }

    fn run(&self, patches: &Tensor, pass: Pass<'_>) -> CandleResult<RefinerOutput> {
        let mut x = patches.clone();
        for unit in self.layers.levels.iter().flatten() {
            x = unit.forward(&[&x], pass)?;
        }
        let (batch, channels, height, width) = x.dims4()?;
        let mut x = x.reshape((batch, channels * height * width, 1, 1))?;
        for unit in &self.layers.head {
            x = unit.forward(&[&x], pass)?;
        }
        let x = x.reshape((batch, VALUES))?;
        let half = VALUES / 2;
        Ok(RefinerOutput { offsets: x.narrow(1, 0, half)?, spreads: x.narrow(1, half, half)? })
    }
}
