use ikem_data::Draw;
use serde::{Deserialize, Serialize};

use super::{HintStrategy, Plan};

/// Clicks as they come in use: first a prediction without any hint, then one hint after the other at a keypoint that is among
/// the worst. How often the pass that learns is the first prediction is a number of its own, since every session begins with
/// one and the published strategies hardly ever learn from it (ver1 in a fifth of batches, ver2 in a fifteenth).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clicks {
    /// The part of batches that learn the first prediction, 0 to 1. Default 0.4.
    pub first: f64,
    /// The most clicks. Default 10.
    pub most: usize,
    /// How likely one click more is, over how likely one less is; 0 to 1. Default 0.6.
    pub more: f64,
    /// From how many of the worst keypoints a hint is drawn. Default 3.
    pub worst: usize,
}

impl Default for Clicks {
    fn default() -> Self {
        Self { first: 0.4, most: 10, more: 0.6, worst: 3 }
    }
}

impl HintStrategy for Clicks {
    fn plan(&self, _epoch: usize, draw: &mut Draw) -> Plan {
        let mut rounds = 0;
        let mut goes_on = draw.unit() >= self.first;
        while goes_on && rounds < self.most {
            rounds += 1;
            goes_on = draw.unit() < self.more;
        }
        Plan { random: 0, rounds, worst: self.worst }
    }
}
