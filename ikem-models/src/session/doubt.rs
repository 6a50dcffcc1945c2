//! Films that do not look like what the network knows.

use std::fmt;

use super::Session;

/// Below this confidence a keypoint is unsure.
pub const UNSURE_BELOW: f32 = 0.37;
/// From this part of unsure keypoints on, all of them are doubtful.
const DOUBTFUL: f64 = 0.5;

/// Why what a session shows may be no spine, or one in the wrong place.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// The locator found no spine on the film.
    NothingFound {
        /// How sure it is that there is a spine, 0…1: below one half.
        confidence: f32,
    },
    /// Half of the keypoints or more are unsure.
    Unsure {
        /// How many are.
        unsure: usize,
        /// How many there are.
        of: usize,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this does not look like an upright AP film of a spine: ")?;
        match self {
            Self::NothingFound { .. } => f.write_str("no spine was found"),
            Self::Unsure { unsure, of } => write!(f, "{unsure} of {of} points are unsure"),
        }
    }
}

impl Session {
    /// What is doubtful about the present state; `None` where nothing is. Points that a person placed are sure.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        let view = self.view();
        if let Some(confidence) = view.confidence.filter(|_| !view.has_spine() && self.hints().is_empty()) {
            return Some(Doubt::NothingFound { confidence });
        }
        let confidences = self.prediction().confidences();
        let unsure = |(keypoint, confidence): (usize, &f32)| {
            *confidence < UNSURE_BELOW && self.hints().get(keypoint).is_none()
        };
        let (unsure, of) =
            (confidences.iter().enumerate().filter(|point| unsure(*point)).count(), confidences.len());
        (unsure > 0 && unsure as f64 >= DOUBTFUL * of as f64).then_some(Doubt::Unsure { unsure, of })
    }
}
