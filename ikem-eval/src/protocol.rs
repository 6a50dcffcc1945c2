use ikem_core::{FieldError, Size};
use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// The protocol of a simulated correction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protocol {
    /// The maximum number of clicks (N).
    pub clicks: usize,
    /// The choice of the keypoint to correct.
    pub rule: Rule,
    /// Standard deviation of a click's distance from the label along each axis, in pixels of the image.
    pub click_std: f64,
    /// The seed of all random choices.
    pub seed: u64,
    /// The size of the network's grid, in which errors are compared to choose a keypoint.
    pub model_size: Size,
}

impl Default for Protocol {
    /// Ten exact clicks by [`Rule::WorstNew`], 256 × 512.
    fn default() -> Self {
        Self { clicks: 10, rule: Rule::WorstNew, click_std: 0.0, seed: 0, model_size: Size::new(256, 512) }
    }
}

impl Protocol {
    /// Checks every field's range.
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        FieldError::check_not_negative("click_std", self.click_std)?;
        if self.model_size.area() == 0 {
            return Err(FieldError::new("model_size", "at least 1 x 1", self.model_size));
        }
        match self.rule {
            Rule::FirstWrong(threshold) => FieldError::check_not_negative("rule.first-wrong", threshold),
            _ => Ok(()),
        }
    }
}
