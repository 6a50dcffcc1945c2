use ikem_data::Draw;
use serde::{Deserialize, Serialize};

use super::counts::hint_count;
use super::{HintStrategy, Plan};

/// Pre-hint (the published ver2): hints at random keypoints before the first prediction, as many as
/// [`SimulatedInteraction`](super::SimulatedInteraction) draws, then a few predictions without gradient, each followed by a
/// hint at the worst keypoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreHint {
    /// Epochs without hints before the first prediction, at the beginning. Default 20.
    pub warm_up: usize,
    /// The most hints before the first prediction. Default 10.
    pub most: usize,
    /// The most predictions without gradient, from the first epoch on; each number up to it is as likely. Default 2.
    pub rounds: usize,
    /// From how many of the worst keypoints a hint is drawn. Default 1.
    pub worst: usize,
}

impl Default for PreHint {
    fn default() -> Self {
        Self { warm_up: 20, most: 10, rounds: 2, worst: 1 }
    }
}

impl HintStrategy for PreHint {
    fn plan(&self, epoch: usize, draw: &mut Draw) -> Plan {
        let random = if epoch < self.warm_up { 0 } else { hint_count(self.most, draw) };
        let rounds = draw.below(self.rounds as u64 + 1) as usize;
        Plan { random, rounds, worst: self.worst }
    }
}
