use ikem_core::Draw;
use serde::{Deserialize, Serialize};

use super::{HintPlan, HintStrategy};

/// Clicks as they occur in use. A batch is one of three kinds:
///
/// - The first prediction, without any hint. Every session starts with one, and the published strategies hardly ever
///   train it (ver1 in a fifth of the batches, ver2 in a fifteenth).
/// - Many hints at random keypoints at once, so that the effect of each keypoint's hint is seen often; then at most one
///   prediction without gradient and one more hint.
/// - Predictions without gradient, each followed by a hint at one of the worst keypoints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clicks {
    /// The fraction of batches that train the first prediction, 0 to 1. Default: 0.3.
    pub first: f64,
    /// The fraction of the other batches that get many hints at once, 0 to 1. Default: 0.5.
    pub at_once: f64,
    /// The maximum number of hints at once; their number is uniform from 1. Default: 20.
    pub many: usize,
    /// The maximum number of successive clicks. Default: 10.
    pub most: usize,
    /// The probability of another click after each click, 0 to 1: the number of clicks is geometric. Default: 0.6.
    pub more: f64,
    /// The number of worst keypoints among which a hint is drawn. Default: 3.
    pub worst: usize,
}

impl Default for Clicks {
    fn default() -> Self {
        Self { first: 0.3, at_once: 0.5, many: 20, most: 10, more: 0.6, worst: 3 }
    }
}

impl HintStrategy for Clicks {
    fn plan(&self, _epoch: usize, draw: &mut Draw) -> HintPlan {
        let (mut random, mut rounds) = (0, 0);
        if draw.unit() >= self.first {
            if draw.unit() < self.at_once {
                random = 1 + draw.below(self.many as u64) as usize;
                rounds = draw.below(2) as usize;
            } else {
                rounds = self.clicks(draw);
            }
        }
        HintPlan { random, rounds, worst: self.worst }
    }
}

impl Clicks {
    /// A geometric number of clicks, at least 1.
    fn clicks(&self, draw: &mut Draw) -> usize {
        let mut clicks = 1;
        while clicks < self.most && draw.unit() < self.more {
            clicks += 1;
        }
        clicks
    }
}
