use std::fmt;

use serde::{Deserialize, Serialize};

/// How far apart the centres of neighbouring pixels lie, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spacing {
    /// From one column to the next.
    pub x: f64,
    /// From one row to the next.
    pub y: f64,
}

impl Spacing {
    /// A spacing, if both are lengths: finite and above zero.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        let length = |value: f64| value.is_finite() && value > 0.0;
        (length(x) && length(y)).then_some(Self { x, y })
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.x == self.y {
            write!(f, "{} mm", self.x)
        } else {
            write!(f, "{} mm across, {} mm down", self.x, self.y)
        }
    }
}
