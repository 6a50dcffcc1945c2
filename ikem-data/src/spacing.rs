use std::fmt;

use serde::{Deserialize, Serialize};

/// How far apart the centres of neighbouring pixels lie, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spacing {
    /// From one column to the next.
    pub x: f64,
    /// From one row to the next.
    pub y: f64,
}

/// Where a spacing holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpacingPlane {
    /// In the patient: it was calibrated (DICOM's Pixel Spacing).
    Patient,
    /// On a film that was scanned (Nominal Scanned Pixel Spacing). The patient appears larger there than it is.
    Film,
    /// On the detector (Imager Pixel Spacing). The patient appears larger there than it is.
    Detector,
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
