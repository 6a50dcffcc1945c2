//! Simulation of hints for a batch before its training pass.

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

use ikem_core::Draw;

pub use clicks::Clicks;
pub use config::{HintConfig, Placing, Strategy};
pub use interaction::Interaction;
pub use pre_hint::PreHint;
pub use simulated::SimulatedInteraction;

/// A rule for the number and timing of a batch's hints, which [`Interaction::follow`] carries out.
pub trait HintStrategy: fmt::Debug + Send + Sync {
    /// Draws the interaction that precedes the training pass of a batch in `epoch` (from 0).
    fn plan(&self, epoch: usize, draw: &mut Draw) -> HintPlan;
}

/// The interaction that precedes the training pass of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HintPlan {
    /// Hints per image at random keypoints before the first prediction.
    pub random: usize,
    /// Predictions without gradient, each followed by one hint per image.
    pub rounds: usize,
    /// The number of keypoints with the largest errors among which that hint is drawn; 1 takes the worst.
    pub worst: usize,
}
