use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Threshold;
use crate::bootstrap::{Interval, Resamples};
use crate::error::Error;
use crate::noc::{Noc, first_pass};

/// The number of clicks (NoC) to each target by both published conventions, and the failure rate (FR), each with its confidence
/// interval. An image passes at the first click after which its MRE is at most the target, even if it rises again later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Effort {
    /// Failure rate: the fraction of images that never pass, 0…1.
    pub fr: BTreeMap<Threshold, f64>,
    /// Interval of [`fr`](Self::fr).
    pub fr_interval: BTreeMap<Threshold, Option<Interval>>,
    /// Mean number of clicks to the pass, with N clicks for a failure.
    pub noc: BTreeMap<Threshold, f64>,
    /// Interval of [`noc`](Self::noc).
    pub noc_interval: BTreeMap<Threshold, Option<Interval>>,
    /// Mean number of clicks to the pass over the images that pass; `None` if none does.
    pub noc_successes: BTreeMap<Threshold, Option<f64>>,
    /// Interval of [`noc_successes`](Self::noc_successes).
    pub noc_successes_interval: BTreeMap<Threshold, Option<Interval>>,
}

impl Effort {
    pub(super) fn new(
        curves: &[Vec<f64>],
        clicks: usize,
        targets: &[f64],
        draws: &Resamples,
    ) -> Result<Self, Error> {
        let mut effort = Self {
            fr: BTreeMap::new(),
            fr_interval: BTreeMap::new(),
            noc: BTreeMap::new(),
            noc_interval: BTreeMap::new(),
            noc_successes: BTreeMap::new(),
            noc_successes_interval: BTreeMap::new(),
        };
        for &target in targets {
            let (noc, key) = (Noc::new(curves, clicks, target)?, Threshold(target));
            let passes: Vec<Option<f64>> =
                curves.iter().map(|curve| first_pass(curve, target).map(|clicks| clicks as f64)).collect();
            let every = |value: fn(Option<f64>, f64) -> f64| {
                let values: Vec<_> = passes.iter().map(|pass| Some(value(*pass, clicks as f64))).collect();
                draws.mean_interval(&values)
            };
            effort.fr.insert(key, noc.fr);
            effort.fr_interval.insert(key, every(|pass, _| f64::from(u8::from(pass.is_none()))));
            effort.noc.insert(key, noc.failures_as_clicks);
            effort.noc_interval.insert(key, every(|pass, clicks| pass.unwrap_or(clicks)));
            effort.noc_successes.insert(key, noc.successes_only);
            effort.noc_successes_interval.insert(key, draws.mean_interval(&passes));
        }
        Ok(effort)
    }
}
