use ikem_core::Draw;
use serde::{Deserialize, Serialize};

use super::counts::hint_count;
use super::{HintPlan, HintStrategy};

/// Simulated interaction, the published ver1: a number of predictions without gradient, each followed by a hint at one
/// of the worst keypoints. The number i is drawn with p(i) ∝ 2⁻ⁱ and p(0) = p(1) / 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatedInteraction {
    /// The number of initial epochs without hints. Default: 20.
    pub warm_up: usize,
    /// The maximum number of hints. Default: 10.
    pub most: usize,
    /// The number of worst keypoints among which a hint is drawn. Default: 10.
    pub worst: usize,
}

impl Default for SimulatedInteraction {
    fn default() -> Self {
        Self { warm_up: 20, most: 10, worst: 10 }
    }
}

impl HintStrategy for SimulatedInteraction {
    fn plan(&self, epoch: usize, draw: &mut Draw) -> HintPlan {
        let rounds = if epoch < self.warm_up { 0 } else { hint_count(self.most, draw) };
        HintPlan { random: 0, rounds, worst: self.worst }
    }
}
