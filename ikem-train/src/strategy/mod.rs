//! Which hints a batch has got before the pass that learns from it.

mod choice;
mod clicks;
mod config;
mod counts;
mod interaction;
mod pre_hint;
mod simulated;

#[cfg(test)]
mod tests;

use std::fmt;

use ikem_data::Draw;

pub use clicks::Clicks;
pub use config::{HintConfig, Placing, Strategy};
pub use interaction::Interaction;
pub use pre_hint::PreHint;
pub use simulated::SimulatedInteraction;

/// How many hints a batch gets, and when: all that strategies differ in. [`Interaction::follow`] does it.
pub trait HintStrategy: fmt::Debug + Send + Sync {
    /// What comes before the pass that learns, in `epoch` (from 0); drawn once a batch.
    fn plan(&self, epoch: usize, draw: &mut Draw) -> Plan;
}

/// What a batch goes through before the pass that learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Hints at random keypoints, before the first prediction.
    pub random: usize,
    /// Predictions without gradient, each followed by one hint an image.
    pub rounds: usize,
    /// From how many of an image's worst keypoints that hint is drawn; with 1 it is the worst.
    pub worst: usize,
}
