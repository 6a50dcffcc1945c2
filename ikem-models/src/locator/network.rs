//! The locator's network: a small U-Net on the whole film. Its outputs are maps of the spinal column at a quarter of
//! the grid, and answers about the film as a whole.

use candle_core::{Result as CandleResult, Tensor};
use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

use crate::cancel::Cancel;
use crate::error::{BuildResult, Result};
use crate::layers::{ConvSpec, ConvUnit, Features, Mode, Pass, UPath};
use crate::ops::{self, Activation};
use crate::params::Builder;
use crate::part_network::{Build, PartNetwork};

/// The number of maps of [`LocatorLogits`]: the column, the upper end of T1, the lower end of L5.
pub const LOCATOR_MAPS: usize = 3;
/// The number of answers of [`LocatorLogits`]: one for each number of quarter turns, whether the film is a negative,
/// whether it shows a spine.
pub const LOCATOR_ANSWERS: usize = 6;
/// Pixels of the grid between neighbouring pixels of the maps.
pub const LOCATOR_STRIDE: usize = 4;

/// Channels of the layer before the answers.
const ANSWER_CHANNELS: usize = 32;
const ACTIVATION: Activation = Activation::LeakyRelu(0.01);

/// The dimensions of the locator's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocatorConfig {
    /// Width and height of its grid in pixels, a multiple of 32.
    pub size: usize,
    /// Channels after its first convolution (w); the deepest level has 8 w.
    pub width: usize,
}

impl Default for LocatorConfig {
    /// 256 pixels, width 8: 0.3 M parameters.
    fn default() -> Self {
        Self { size: 256, width: 8 }
    }
}

impl LocatorConfig {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    pub fn check(&self) -> std::result::Result<(), FieldError> {
        FieldError::check_range("locator.size", self.size, 64..=2048)?;
        FieldError::check_range("locator.width", self.width, 1..=256)?;
        if !self.size.is_multiple_of(32) {
            return Err(FieldError::new("locator.size", "a multiple of 32", self.size));
        }
        Ok(())
    }

    /// Width and height of its maps.
    #[must_use]
    pub const fn map_size(&self) -> usize {
        self.size / LOCATOR_STRIDE
    }
}

/// The output of the locator's network for a batch of B films.
#[derive(Debug, Clone)]
pub struct LocatorLogits {
    /// (B, [`LOCATOR_MAPS`], S/4, S/4).
    pub maps: Tensor,
    /// (B, [`LOCATOR_ANSWERS`]).
    pub answers: Tensor,
}

/// The locator's network.
pub type LocatorNetwork = PartNetwork<LocatorLayers>;

/// Its layers.
#[derive(Debug)]
pub struct LocatorLayers {
    stem: [ConvUnit; 2],
    levels: UPath,
    maps: [ConvUnit; 2],
    answers: [ConvUnit; 2],
}

impl Build for LocatorLayers {
    type Config = LocatorConfig;

    fn build(config: LocatorConfig, builder: &Builder) -> BuildResult<Self> {
        let width = config.width;
        // At a quarter, an eighth, a 16th and a 32nd of the grid.
        let levels = [2 * width, 4 * width, 8 * width, 8 * width];
        let halving = |name: &str, inputs, outputs| {
            let spec = ConvSpec::new(inputs, outputs, 3).stride(2).then(ACTIVATION);
            ConvUnit::in_sequence(&builder.pp("stem").pp(name), spec)
        };
        let (maps, answers) = (builder.pp("maps"), builder.pp("answers"));
        let mix = ConvSpec::new(levels[0], levels[0], 3).then(ACTIVATION);
        let pooled = ConvSpec::new(2 * levels[3], ANSWER_CHANNELS, 1).with_bias().then(ACTIVATION);
        Ok(Self {
            stem: [halving("0", 1, width)?, halving("1", width, levels[0])?],
            levels: UPath::numbered(&levels, ACTIVATION, builder)?,
            maps: [
                ConvUnit::in_sequence(&maps.pp("0"), mix)?,
                ConvUnit::new(&maps.pp("1"), ConvSpec::new(levels[0], LOCATOR_MAPS, 1).with_bias())?,
            ],
            answers: [
                ConvUnit::new(&answers.pp("0"), pooled)?,
                ConvUnit::new(
                    &answers.pp("1"),
                    ConvSpec::new(ANSWER_CHANNELS, LOCATOR_ANSWERS, 1).with_bias(),
                )?,
            ],
        })
    }
}

impl LocatorNetwork {
    /// One forward pass of films (B, 1, S, S) in -1…1.
    ///
    /// # Errors
    /// When a shape does not fit, or the device fails.
    pub fn forward(&self, films: &Tensor, mode: Mode) -> CandleResult<LocatorLogits> {
        ops::in_pool(|| self.run(films, Pass::new(mode)))
    }

    /// An evaluation that ends early when `cancel` is cancelled.
    pub(crate) fn forward_until(&self, films: &Tensor, cancel: Option<&Cancel>) -> Result<LocatorLogits> {
        Cancel::explain(cancel, ops::in_pool(|| self.run(films, Pass::until(cancel))))
    }

    fn run(&self, films: &Tensor, pass: Pass<'_>) -> CandleResult<LocatorLogits> {
        let x = self.layers.stem[1].forward(&[&self.layers.stem[0].forward(&[films], pass)?], pass)?;
        let Features { bottom, top } = self.layers.levels.forward(x, pass)?;
        let pooled = Tensor::cat(&[ops::global_max(&bottom)?, bottom.mean_keepdim((2, 3))?], 1)?;
        let answers =
            self.layers.answers[1].forward(&[&self.layers.answers[0].forward(&[&pooled], pass)?], pass)?;
        let maps = self.layers.maps[1].forward(&[&self.layers.maps[0].forward(&[&top], pass)?], pass)?;
        Ok(LocatorLogits { maps, answers: answers.flatten_from(1)? })
    }
}
