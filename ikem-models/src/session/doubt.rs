//! Films that do not look like spinal radiographs, and points that do not form a spine.

use std::fmt;

use ikem_core::{Hints, Misshapen, Point, Skeleton};

use super::{Session, Snapshot};
use crate::view::View;

/// The confidence below which a keypoint is unsure: that of one in eight keypoints of the bundled model on the
/// validation films.
pub const UNSURE_BELOW: f32 = 0.26;
/// The share of unsure keypoints from which on all of them are doubtful.
const DOUBTFUL: f64 = 0.5;

/// Why the keypoints that a session shows may be wrong altogether.
#[derive(Debug, Clone, PartialEq)]
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
    /// The points do not form a spine ([`Skeleton::misshapen`]), as after a correction of the wrong point.
    Misshapen {
        /// The name of the first vertebra that is not placed as in a spine.
        vertebra: String,
        /// The name of the vertebra above, which it does not follow; `None` if its own corners outline no vertebra.
        above: Option<String>,
    },
}

/// What is shown of a film, as far as it can be doubted.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The names of the points.
    pub skeleton: &'a Skeleton,
    /// The view in which they were found; `None` is the whole film.
    pub view: Option<&'a View>,
    /// The points that a person placed. They are sure.
    pub hints: &'a Hints,
    /// All points, hinted ones where the person put them. Absent ones ([`Point::ABSENT`]) are in no doubt.
    pub keypoints: &'a [Point],
    /// The confidence of each point, 0…1.
    pub confidences: &'a [f32],
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
            Self::Misshapen { vertebra, above: None } => {
                write!(
                    f,
                    "the points do not form a spine: the corners of {vertebra} do not outline a vertebra"
                )
            }
            Self::Misshapen { vertebra, above: Some(above) } => write!(
                f,
                "the points do not form a spine: {vertebra} does not follow {above} as the next vertebra does"
            ),
        }
    }
}

impl Shown<'_> {
    /// The reason to doubt the points, if there is one.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        let nothing = self.view.filter(|view| !view.has_spine() && self.hints.is_empty());
        if let Some(confidence) = nothing.and_then(|view| view.confidence) {
            return Some(Doubt::NothingFound { confidence });
        }
        let present = |k: &usize| self.keypoints.get(*k).is_none_or(|point| !point.is_absent());
        let present: Vec<usize> = (0..self.confidences.len()).filter(present).collect();
        let (rows, of) = (self.view.map(|view| view.frame.height()), present.len());
        if let Some(rows) = rows.filter(|rows| *rows < of as f64) {
            return Some(Doubt::Coarse { rows, of });
        }
        let unsure = |k: &&usize| self.confidences[**k] < UNSURE_BELOW && self.hints.get(**k).is_none();
        let unsure = present.iter().filter(unsure).count();
        if unsure > 0 && unsure as f64 >= DOUBTFUL * of as f64 {
            return Some(Doubt::Unsure { unsure, of });
        }
        self.misshapen()
    }

    /// The first vertebra that is not placed as in a spine, if these are the points of one.
    fn misshapen(&self) -> Option<Doubt> {
        let spine = Some(self.skeleton).filter(|skeleton| skeleton.is_spine())?;
        let Misshapen { vertebra, above, .. } = *spine.misshapen(self.keypoints).first()?;
        let name = |index: usize| spine.vertebrae().get(index).map(|vertebra| vertebra.name.clone());
        Some(Doubt::Misshapen { vertebra: name(vertebra)?, above: above.and_then(name) })
    }
}

impl Session {
    /// The reason to doubt the present state, if there is one. Points that a person placed are sure.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        let shown = Shown {
            skeleton: &self.predictor().config().skeleton,
            view: Some(self.view()),
            hints: self.hints(),
            keypoints: &self.keypoints(),
            confidences: self.prediction().confidences(),
        };
        shown.doubt()
    }
}

impl Snapshot {
    /// The reason to doubt this state, if there is one; `skeleton` is that of the session.
    #[must_use]
    pub fn doubt(&self, skeleton: &Skeleton) -> Option<Doubt> {
        let shown = Shown {
            skeleton,
            view: self.view.as_ref(),
            hints: &self.hints,
            keypoints: &self.hints.applied_to(&self.keypoints),
            confidences: &self.confidences,
        };
        shown.doubt()
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{Frame, Hint, Size};

    use super::*;

    fn spine() -> Vec<Point> {
        let corner =
            |k: usize| Point::new(100.0 + 40.0 * (k % 2) as f32, (50 * (k / 4) + 30 * (k % 4 / 2)) as f32);
        (0..68).map(corner).collect()
    }

    fn doubt(view: Option<&View>, keypoints: &[Point], confidences: &[f32]) -> Option<Doubt> {
        let (skeleton, hints) = (&Skeleton::spine(), &Hints::new());
        Shown { skeleton, view, hints, keypoints, confidences }.doubt()
    }

    #[test]
    fn spines_of_a_few_pixels_are_doubted() {
        let doubt = |height: f64| {
            let frame = Frame::new(0.0, 0.0, 30.0, height).expect("a frame");
            doubt(Some(&View::from(frame)), &spine(), &[0.9; 68])
        };
        assert_eq!(doubt(67.0), Some(Doubt::Coarse { rows: 67.0, of: 68 }));
        assert_eq!(doubt(68.0), None);
    }

    #[test]
    fn it_is_said_first_that_there_is_no_spine_at_all() {
        let nothing = View { confidence: Some(0.1), ..View::whole(Size::new(12, 30)) };
        let doubt = doubt(Some(&nothing), &spine(), &[0.9; 68]);
        assert_eq!(doubt, Some(Doubt::NothingFound { confidence: 0.1 }));
    }

    #[test]
    fn points_that_form_no_spine_are_doubted_by_name() {
        let mut points = spine();
        points.swap(16, 17);
        let told = doubt(None, &points, &[0.9; 68]).map(|doubt| doubt.to_string());
        assert_eq!(
            told.as_deref(),
            Some("the points do not form a spine: the corners of T5 do not outline a vertebra")
        );
        // Also where the person put them.
        let hints: Hints = (16..20).map(|k| Hint::new(k, spine()[k] + Point::new(0.0, 75.0))).collect();
        let points = hints.applied_to(&spine().into());
        let shown = Shown {
            skeleton: &Skeleton::spine(),
            view: None,
            hints: &hints,
            keypoints: &points,
            confidences: &[0.9; 68],
        };
        let told = shown.doubt().map(|doubt| doubt.to_string());
        assert_eq!(
            told.as_deref(),
            Some("the points do not form a spine: T6 does not follow T5 as the next vertebra does")
        );
        let numbered = &Skeleton::numbered(68);
        assert_eq!(Shown { skeleton: numbered, ..shown }.doubt(), None);
    }

    #[test]
    fn absent_points_are_in_no_doubt() {
        let confidences: Vec<f32> = (0..68).map(|k| if k < 34 { 0.1 } else { 0.9 }).collect();
        let mut points = spine();
        assert_eq!(doubt(None, &points, &confidences), Some(Doubt::Unsure { unsure: 34, of: 68 }));
        points[0] = Point::ABSENT;
        assert_eq!(doubt(None, &points, &confidences), None);
        (34..67).for_each(|k| points[k] = Point::ABSENT);
        assert_eq!(doubt(None, &points, &confidences), Some(Doubt::Unsure { unsure: 33, of: 34 }));
    }
}
