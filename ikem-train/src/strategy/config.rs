use ikem_data::Draw;
use ikem_models::ConfigError;
use serde::{Deserialize, Serialize};

use super::{Clicks, HintStrategy, Plan, PreHint, SimulatedInteraction};

/// The most hints or rounds that a config may ask for.
const MOST: usize = 1000;

/// How training gives hints.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HintConfig {
    /// How many, and when: `"none"`, `simulated`, `pre-hint` or `clicks`. Default `pre-hint`.
    pub strategy: Strategy,
    /// How hints are put.
    pub placing: Placing,
}

/// How hints are put.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Placing {
    /// How far a hint is from the label, as hands are: the standard deviation of x and of y, in pixels of the grid.
    /// Default 0, on the label.
    pub error: f64,
    /// Whether a keypoint that has a hint may get another. Default true, as published.
    pub repeats: bool,
}

impl Default for Placing {
    fn default() -> Self {
        Self { error: 0.0, repeats: true }
    }
}

/// A hint strategy by its name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// No hints at all.
    None,
    /// The published ver1.
    Simulated(SimulatedInteraction),
    /// The published ver2.
    PreHint(PreHint),
    /// Of our own.
    Clicks(Clicks),
}

impl Default for Strategy {
    fn default() -> Self {
        Self::PreHint(PreHint::default())
    }
}

impl HintStrategy for Strategy {
    fn plan(&self, epoch: usize, draw: &mut Draw) -> Plan {
        match self {
            Self::None => Plan::default(),
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
    /// The first field that is out of range, by name.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.strategy {
            Strategy::None => {}
            Strategy::Simulated(SimulatedInteraction { warm_up: _, most, worst }) => {
                within("hints.strategy.simulated.most", most, 0)?;
                within("hints.strategy.simulated.worst", worst, 1)?;
            }
            Strategy::PreHint(PreHint { warm_up: _, most, rounds, worst }) => {
                within("hints.strategy.pre-hint.most", most, 0)?;
                within("hints.strategy.pre-hint.rounds", rounds, 0)?;
                within("hints.strategy.pre-hint.worst", worst, 1)?;
            }
            Strategy::Clicks(Clicks { first, at_once, many, most, more, worst }) => {
                part("hints.strategy.clicks.first", first)?;
                part("hints.strategy.clicks.at_once", at_once)?;
                within("hints.strategy.clicks.many", many, 1)?;
                within("hints.strategy.clicks.most", most, 1)?;
                part("hints.strategy.clicks.more", more)?;
                within("hints.strategy.clicks.worst", worst, 1)?;
            }
        }
        let error = self.placing.error;
        if error.is_finite() && error >= 0.0 {
            return Ok(());
        }
        let expected = "a number of at least 0".to_owned();
        Err(ConfigError { field: "hints.placing.error", expected, found: error.to_string() })
    }
}

fn part(field: &'static str, found: f64) -> Result<(), ConfigError> {
    // NaN is in no range.
    if (0.0..=1.0).contains(&found) {
        return Ok(());
    }
    Err(ConfigError { field, expected: "0 to 1".to_owned(), found: found.to_string() })
}

fn within(field: &'static str, found: usize, least: usize) -> Result<(), ConfigError> {
    if (least..=MOST).contains(&found) {
        return Ok(());
    }
    Err(ConfigError { field, expected: format!("{least} to {MOST}"), found: found.to_string() })
}
