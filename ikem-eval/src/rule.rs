use std::fmt;
use std::str::FromStr;

use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

/// How a simulated annotator chooses the keypoint to correct. Errors are those of the *raw* prediction in model space.
///
/// Parsed from and displayed as `worst`, `worst-new`, `random`, `first-wrong:THRESHOLD`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The keypoint with the largest error in the raw prediction; one that was corrected may be chosen again. As
    /// published for UNet-IKEM and HRNet+OCR-IKEM.
    Worst,
    /// The keypoint with the largest error among those not yet corrected, as in the MICCAI 2022 paper.
    #[default]
    WorstNew,
    /// A keypoint not yet corrected, chosen uniformly at random.
    Random,
    /// In skeleton order (from top to bottom), the first keypoint not yet corrected whose error exceeds this threshold
    /// in pixels of model space.
    FirstWrong(f64),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worst => f.write_str("worst"),
            Self::WorstNew => f.write_str("worst-new"),
            Self::Random => f.write_str("random"),
            Self::FirstWrong(threshold) => write!(f, "first-wrong:{threshold}"),
        }
    }
}

impl FromStr for Rule {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        match text {
            "worst" => Some(Self::Worst),
            "worst-new" => Some(Self::WorstNew),
            "random" => Some(Self::Random),
            _ => {
                text.strip_prefix("first-wrong:").and_then(|number| number.parse().ok()).map(Self::FirstWrong)
            }
        }
        .ok_or_else(|| {
            let expected = "worst, worst-new, random or first-wrong:THRESHOLD";
            FieldError::new("rule of the simulated annotator", expected, format!("{text:?}"))
        })
    }
}
