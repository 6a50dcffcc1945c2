use ikem_core::{Draw, FieldError};
use serde::{Deserialize, Serialize};

use super::clicks::Clicks;
use super::pre_hint::PreHint;
use super::simulated::SimulatedInteraction;
use super::{HintPlan, HintStrategy};

/// The most hints or rounds that a config may ask for.
const MOST: usize = 1000;

/// Simulation of hints in training.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HintConfig {
    /// The number and timing of hints: `"none"`, `simulated`, `pre-hint` or `clicks`. Default: `pre-hint`.
    pub strategy: Strategy,
    /// The placement of hints.
    pub placing: Placing,
}

/// The placement of hints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Placing {
    /// Standard deviation of the distance of a hint from its label along each axis, in pixels of the grid: the
    /// imprecision of a person's click. Default: 0.
    pub error: f64,
    /// Whether a keypoint that already has a hint may get another. Default: true, as published.
    pub repeats: bool,
}

impl Default for Placing {
    fn default() -> Self {
        Self { error: 0.0, repeats: true }
    }
}

/// A hint strategy, by its name in a config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// No hints.
    None,
    /// Simulated interaction, the published ver1.
    Simulated(SimulatedInteraction),
    /// Pre-hint, the published ver2.
    PreHint(PreHint),
    /// Sequences of clicks as in use, and many hints at once.
    Clicks(Clicks),
}

impl Default for Strategy {
    fn default() -> Self {
        Self::PreHint(PreHint::default())
    }
}

impl HintStrategy for Strategy {
    fn plan(&self, epoch: usize, draw: &mut Draw) -> HintPlan {
        match self {
            Self::None => HintPlan::default(),
            Self::Simulated(simulated) => simulated.plan(epoch, draw),
            Self::PreHint(pre_hint) => pre_hint.plan(epoch, draw),
            Self::Clicks(clicks) => clicks.plan(epoch, draw),
        }
    }
}

impl HintConfig {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), FieldError> {
        let fraction = |field, found| FieldError::check_range(field, found, 0.0..=1.0);
        let count = |field, found, least| FieldError::check_range(field, found, least..=MOST);
        match self.strategy {
            Strategy::None => {}
            Strategy::Simulated(SimulatedInteraction { warm_up: _, most, worst }) => {
                count("hints.strategy.simulated.most", most, 0)?;
                count("hints.strategy.simulated.worst", worst, 1)?;
            }
            Strategy::PreHint(PreHint { warm_up: _, most, rounds, worst }) => {
                count("hints.strategy.pre-hint.most", most, 0)?;
                count("hints.strategy.pre-hint.rounds", rounds, 0)?;
                count("hints.strategy.pre-hint.worst", worst, 1)?;
            }
            Strategy::Clicks(Clicks { first, at_once, many, most, more, worst }) => {
                fraction("hints.strategy.clicks.first", first)?;
                fraction("hints.strategy.clicks.at_once", at_once)?;
                count("hints.strategy.clicks.many", many, 1)?;
                count("hints.strategy.clicks.most", most, 1)?;
                fraction("hints.strategy.clicks.more", more)?;
                count("hints.strategy.clicks.worst", worst, 1)?;
            }
        }
        FieldError::check_not_negative("hints.placing.error", self.placing.error)
    }
}
