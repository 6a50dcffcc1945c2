use ikem_data::Draw;
use serde::{Deserialize, Serialize};

use super::counts::hint_count;
use super::{HintStrategy, Plan};

/// Simulated interaction (the published ver1): a number of predictions without gradient, each followed by a hint at one of
/// the worst keypoints. The number is drawn with p(i) ∝ 2⁻ⁱ and p(0) = p(1) / 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatedInteraction {
    /// Epochs without any hint at the beginning. Default 20.
    pub warm_up: usize,
    /// The most hints. Default 10.
    pub most: usize,
    /// From how many of the worst keypoints a hint is drawn. Default 10.
    pub worst: usize,
}

impl Default for SimulatedInteraction {
    fn default() -> Self {
        Self { warm_up: 20, most: 10, worst: 10 }
    }
}

impl HintStrategy for SimulatedInteraction {
    fn plan(&self, epoch: usize, draw: &mut Draw) -> Plan {
        let rounds = if epoch < self.warm_up { 0 } else { hint_count(self.most, draw) };
        Plan { random: 0, rounds, worst: self.worst }
    }
}
