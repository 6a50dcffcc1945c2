use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

/// The number of epochs and the learning-rate schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The maximum number of epochs, 1 to 1,000,000. Default: 250.
    pub epochs: usize,
    /// Early stopping: the training stops after this many epochs without a new lowest validation error after one hint;
    /// 0 disables it. Default: 36.
    pub patience: usize,
    /// Length of the linear learning-rate warm-up in epochs, fractions included. Default: 0.
    pub warm_up: f64,
    /// The learning rate after the warm-up: `constant`, or `cosine` annealing over the remaining steps. Default:
    /// `constant`.
    pub rate: RateShape,
    /// The final learning rate of cosine annealing as a fraction of the peak, 0 to 1. Default: 0.
    pub final_rate: f64,
}

/// The course of the learning rate after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RateShape {
    /// Constant.
    #[default]
    Constant,
    /// Cosine annealing without restarts (Loshchilov and Hutter 2017).
    Cosine,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { epochs: 250, patience: 36, warm_up: 0.0, rate: RateShape::Constant, final_rate: 0.0 }
    }
}

impl ScheduleConfig {
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("schedule.epochs", self.epochs, 1..=1_000_000)?;
        FieldError::check_range("schedule.patience", self.patience, 0..=1_000_000)?;
        FieldError::check_range("schedule.warm_up", self.warm_up, 0.0..=1e6)?;
        FieldError::check_range("schedule.final_rate", self.final_rate, 0.0..=1.0)
    }

    /// The learning rate of the step at `place` as a fraction of the peak; steps count from 0 over all epochs, each of
    /// `steps_per_epoch`.
    pub(crate) fn factor(&self, place: usize, steps_per_epoch: usize) -> f64 {
        let (place, steps) = (place as f64, steps_per_epoch as f64);
        let rising = self.warm_up * steps;
        let risen = if place + 1.0 < rising { (place + 1.0) / rising } else { 1.0 };
        let falling = self.epochs as f64 * steps - rising;
        match self.rate {
            RateShape::Cosine if place >= rising && falling > 0.0 => {
                let part = ((place - rising) / falling).min(1.0);
                let wave = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part));
                self.final_rate + (1.0 - self.final_rate) * wave
            }
            _ => risen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_warm_up_stay_and_anneal() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        let constant = ScheduleConfig { epochs: 10, warm_up: 0.5, ..ScheduleConfig::default() };
        for (place, expected) in [(0, 0.2), (3, 0.8), (4, 1.0), (99, 1.0)] {
            near(constant.factor(place, 10), expected);
        }
        let cosine = ScheduleConfig { rate: RateShape::Cosine, final_rate: 0.1, ..constant };
        for (place, expected) in [(0, 0.2), (5, 1.0), (100, 0.1), (1000, 0.1)] {
            near(cosine.factor(place, 10), expected);
        }
        // The middle of the fall lies between the steps 52 and 53.
        near(0.5 * (cosine.factor(52, 10) + cosine.factor(53, 10)), 0.55);
        near(ScheduleConfig { rate: RateShape::Cosine, ..ScheduleConfig::default() }.factor(0, 7), 1.0);
    }
}
