use ikem_core::Draw;
use serde::{Deserialize, Serialize};

use super::counts::hint_count;
use super::{HintPlan, HintStrategy};

/// Pre-hint, the published ver2: hints at random keypoints before the first prediction, as many as
/// [`SimulatedInteraction`](super::SimulatedInteraction) draws, then a few predictions without gradient, each followed
/// by a hint at the worst keypoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreHint {
    /// The number of initial epochs without hints before the first prediction. Default: 20.
    pub warm_up: usize,
    /// The maximum number of hints before the first prediction. Default: 10.
    pub most: usize,
    /// The maximum number of predictions without gradient, from the first epoch on; their number is uniform from 0.
    /// Default: 2.
    pub rounds: usize,
    /// The number of worst keypoints among which a hint is drawn. Default: 1.
    pub worst: usize,
}

impl Default for PreHint {
    fn default() -> Self {
        Self { warm_up: 20, most: 10, rounds: 2, worst: 1 }
    }
}

impl HintStrategy for PreHint {
    fn plan(&self, epoch: usize, draw: &mut Draw) -> HintPlan {
        let random = if epoch < self.warm_up { 0 } else { hint_count(self.most, draw) };
        let rounds = draw.below(self.rounds as u64 + 1) as usize;
        HintPlan { random, rounds, worst: self.worst }
    }
}
