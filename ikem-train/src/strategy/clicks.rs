use ikem_data::Draw;
use serde::{Deserialize, Serialize};

use super::{HintStrategy, Plan};

/// Clicks as they come in use, and what teaches a network to mind them. A batch is one of three:
///
/// - the first prediction, without any hint: every session begins with one, and the published strategies hardly ever learn from
///   it (ver1 in a fifth of batches, ver2 in a fifteenth);
/// - many hints at random keypoints at once, so that what each keypoint's hint means is seen often; then at most one
///   prediction without gradient and one hint more;
/// - predictions without gradient, each followed by one hint at a keypoint that is among the worst.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clicks {
    /// The part of batches that learn the first prediction, 0 to 1. Default 0.3.
    pub first: f64,
    /// The part of the other batches that get many hints at once, 0 to 1. Default 0.5.
    pub at_once: f64,
    /// The most hints at once; each number from 1 up to it is as likely. Default 20.
    pub many: usize,
    /// The most clicks, one after the other. Default 10.
    pub most: usize,
    /// How likely one click more is, over how likely one less is; 0 to 1. Default 0.6.
    pub more: f64,
    /// From how many of the worst keypoints a hint is drawn. Default 3.
    pub worst: usize,
}

impl Default for Clicks {
    fn default() -> Self {
        Self { first: 0.3, at_once: 0.5, many: 20, most: 10, more: 0.6, worst: 3 }
    }
}

impl HintStrategy for Clicks {
    fn plan(&self, _epoch: usize, draw: &mut Draw) -> Plan {
        let (mut random, mut rounds) = (0, 0);
        if draw.unit() >= self.first {
            if draw.unit() < self.at_once {
                random = 1 + draw.below(self.many as u64) as usize;
                rounds = draw.below(2) as usize;
            } else {
                rounds = self.clicks(draw);
            }
        }
        Plan { random, rounds, worst: self.worst }
    }
}

impl Clicks {
    /// A number of clicks from 1 on, each as likely as `more` of those before it.
    fn clicks(&self, draw: &mut Draw) -> usize {
        let mut clicks = 1;
        while clicks < self.most && draw.unit() < self.more {
            clicks += 1;
        }
        clicks
    }
}
