use ikem_models::ConfigError;
use serde::{Deserialize, Serialize};

use super::within;

/// How long, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The most epochs. Default: 250.
    pub epochs: usize,
    /// Epochs without a lower validation error after one hint until the training stops; 0 is never. Default: 36.
    pub patience: usize,
    /// Epochs (or a part of one) in which the learning rate rises from nothing. Default: 0.
    pub warm_up: f64,
    /// What the learning rate does then: `constant`, or `cosine` down to the last step. Default: `constant`.
    pub rate: RateShape,
    /// Where the cosine ends, as a part of the largest learning rate. Default: 0.
    pub final_rate: f64,
}

/// What a learning rate does after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateShape {
    /// It stays.
    #[default]
    Constant,
    /// It falls as half a cosine (Loshchilov and Hutter 2017, without restarts).
    Cosine,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { epochs: 250, patience: 36, warm_up: 0.0, rate: RateShape::Constant, final_rate: 0.0 }
    }
}

impl ScheduleConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("schedule.epochs", self.epochs as f64, 1.0, 1e6)?;
        within("schedule.patience", self.patience as f64, 0.0, 1e6)?;
        within("schedule.warm_up", self.warm_up, 0.0, 1e6)?;
        within("schedule.final_rate", self.final_rate, 0.0, 1.0)
    }

    /// The part of the largest learning rate that the step at `place` has, counted from 0 over all epochs of
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
    fn rates_rise_stay_and_fall() {
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
