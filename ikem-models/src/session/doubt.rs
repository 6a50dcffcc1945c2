//! Films that do not look like spinal radiographs.

use std::fmt;

use ikem_core::Hints;

use super::{Session, Snapshot};
use crate::view::View;

/// The confidence below which a keypoint is unsure: that of one in eight keypoints of the bundled model on the
/// validation films.
pub const UNSURE_BELOW: f32 = 0.26;
/// The share of unsure keypoints from which on all of them are doubtful.
const DOUBTFUL: f64 = 0.5;

/// Why the keypoints that a session shows may be wrong altogether.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// The locator found no spine on the film.
    NothingFound {
        /// The locator's confidence that there is a spine, 0…1: below one half.
        confidence: f32,
    },
    /// The part of the film that the network sees has fewer rows of pixels than there are keypoints.
    Coarse {
        /// The rows, by the height of the frame.
        rows: f64,
        /// All keypoints.
        of: usize,
    },
    /// Half of the keypoints or more are unsure.
    Unsure {
        /// Unsure keypoints.
        unsure: usize,
        /// All keypoints.
        of: usize,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingFound { .. } => {
                f.write_str("this does not look like an upright AP film of a spine: no spine was found")
            }
            Self::Coarse { rows, of } => {
                write!(
                    f,
                    "the network sees {:.0} px of the film's height, too few to place {of} points",
                    rows.floor()
                )
            }
            Self::Unsure { unsure, of } => {
                write!(
                    f,
                    "this may not be a film of the kind that the network knows: {unsure} of {of} points are unsure"
                )
            }
        }
    }
}

impl Doubt {
    /// The reason to doubt keypoints with these confidences that were found in `view` (`None`: the whole film), if
    /// there is one. Points that a person placed are sure.
    #[must_use]
    pub fn of(view: Option<&View>, hints: &Hints, confidences: &[f32]) -> Option<Self> {
        let nothing = view.filter(|view| !view.has_spine() && hints.is_empty());
        if let Some(confidence) = nothing.and_then(|view| view.confidence) {
            return Some(Self::NothingFound { confidence });
        }
        let (rows, of) = (view.map(|view| view.frame.height()), confidences.len());
        if let Some(rows) = rows.filter(|rows| *rows < of as f64) {
            return Some(Self::Coarse { rows, of });
        }
        let unsure = |(keypoint, confidence): &(usize, &f32)| {
            **confidence < UNSURE_BELOW && hints.get(*keypoint).is_none()
        };
        let unsure = confidences.iter().enumerate().filter(unsure).count();
        (unsure > 0 && unsure as f64 >= DOUBTFUL * of as f64).then_some(Self::Unsure { unsure, of })
    }
}

impl Session {
    /// The reason to doubt the present state, if there is one. Points that a person placed are sure.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        Doubt::of(Some(self.view()), self.hints(), self.prediction().confidences())
    }
}

impl Snapshot {
    /// The reason to doubt this state, if there is one.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        Doubt::of(self.view.as_ref(), &self.hints, &self.confidences)
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{Frame, Size};

    use super::*;

    #[test]
    fn spines_of_a_few_pixels_are_doubted() {
        let sure = [0.9; 68];
        let doubt = |height: f64| {
            let frame = Frame::new(0.0, 0.0, 30.0, height).expect("a frame");
            Doubt::of(Some(&View::from(frame)), &Hints::new(), &sure)
        };
        assert_eq!(doubt(67.0), Some(Doubt::Coarse { rows: 67.0, of: 68 }));
        assert_eq!(doubt(68.0), None);
        // It is said first that there is no spine at all.
        let nothing = View { confidence: Some(0.1), ..View::whole(Size::new(12, 30)) };
        let doubt = Doubt::of(Some(&nothing), &Hints::new(), &sure);
        assert_eq!(doubt, Some(Doubt::NothingFound { confidence: 0.1 }));
    }
}
