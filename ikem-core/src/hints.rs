use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::geometry::{Point, Size};
use crate::keypoints::Keypoints;

/// A hint: the correct position of one keypoint in image space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hint {
    /// The keypoint's index in the skeleton.
    pub keypoint: usize,
    /// The position, in pixels of the original image.
    pub point: Point,
}

impl Hint {
    /// A hint that `keypoint` is at `point`.
    #[must_use]
    pub const fn new(keypoint: usize, point: Point) -> Self {
        Self { keypoint, point }
    }

    /// Checks that the hint is for one of `count` keypoints and lies on an image of `size`.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`], or [`Error::OutsideImage`], which includes NaN.
    pub fn checked(self, count: usize, size: Size) -> Result<Self, Error> {
        if self.keypoint >= count {
            return Err(Error::UnknownIndex { index: self.keypoint, count });
        }
        if !size.contains(self.point) {
            return Err(Error::OutsideImage { keypoint: self.keypoint, point: self.point, size });
        }
        Ok(self)
    }
}

/// The hints of one image in the order in which they were first given, at most one per keypoint.
///
/// For undo and redo, see [`History`](crate::History).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Hint>", into = "Vec<Hint>")]
pub struct Hints(Vec<Hint>);

impl Hints {
    /// No hints.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds `hint`, or moves the existing hint of its keypoint; returns the previous position.
    pub fn set(&mut self, hint: Hint) -> Option<Point> {
        match self.0.iter_mut().find(|held| held.keypoint == hint.keypoint) {
            Some(held) => Some(std::mem::replace(&mut held.point, hint.point)),
            None => {
                self.0.push(hint);
                None
            }
        }
    }

    /// Removes the hint of `keypoint`; returns its position, if there was one.
    pub fn remove(&mut self, keypoint: usize) -> Option<Point> {
        let index = self.0.iter().position(|held| held.keypoint == keypoint)?;
        Some(self.0.remove(index).point)
    }

    /// The position of the hint of `keypoint`, if there is one.
    #[must_use]
    pub fn get(&self, keypoint: usize) -> Option<Point> {
        self.0.iter().find(|held| held.keypoint == keypoint).map(|held| held.point)
    }

    /// The hints in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Hint> {
        self.0.iter()
    }

    /// The number of hints.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `keypoints` with every hinted one at its hint.
    #[must_use]
    pub fn applied_to(&self, keypoints: &Keypoints) -> Keypoints {
        let mut shown = keypoints.clone();
        for hint in self {
            if let Some(point) = shown.get_mut(hint.keypoint) {
                *point = hint.point;
            }
        }
        shown
    }
}

impl<'a> IntoIterator for &'a Hints {
    type Item = &'a Hint;
    type IntoIter = std::slice::Iter<'a, Hint>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Hint> for Hints {
    /// The last hint of a keypoint counts.
    fn from_iter<I: IntoIterator<Item = Hint>>(hints: I) -> Self {
        let mut set = Self::new();
        for hint in hints {
            set.set(hint);
        }
        set
    }
}

impl From<Vec<Hint>> for Hints {
    fn from(hints: Vec<Hint>) -> Self {
        hints.into_iter().collect()
    }
}

impl From<Hints> for Vec<Hint> {
    fn from(hints: Hints) -> Self {
        hints.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::History;

    fn edit() -> impl Strategy<Value = (usize, f32, bool)> {
        (0_usize..8, 0_f32..100.0, any::<bool>())
    }

    proptest! {
        #[test]
        fn undo_restores_every_state_after_any_edits(edits in prop::collection::vec(edit(), 1..30)) {
            let mut history = History::new(Hints::new());
            let mut seen = vec![Hints::new()];
            for (keypoint, x, remove) in edits {
                let mut hints = history.present().clone();
                if remove {
                    hints.remove(keypoint);
                } else {
                    hints.set(Hint::new(keypoint, Point::new(x, x)));
                }
                seen.push(hints.clone());
                history.push(hints);
            }
            for expected in seen.iter().rev().skip(1) {
                prop_assert!(history.undo());
                prop_assert_eq!(history.present(), expected);
            }
            prop_assert!(!history.undo());
            for expected in &seen[1..] {
                prop_assert!(history.redo());
                prop_assert_eq!(history.present(), expected);
            }
        }

        #[test]
        fn a_keypoint_has_at_most_one_hint_and_the_last_one_counts(
            given in prop::collection::vec((0_usize..5, 0_f32..9.0), 0..20),
        ) {
            let hints: Hints = given.iter().map(|&(k, x)| Hint::new(k, Point::new(x, 0.0))).collect();
            for k in 0..5 {
                let last = given.iter().rev().find(|(keypoint, _)| *keypoint == k).map(|(_, x)| Point::new(*x, 0.0));
                prop_assert_eq!(hints.get(k), last);
                prop_assert_eq!(hints.iter().filter(|h| h.keypoint == k).count(), usize::from(last.is_some()));
            }
        }
    }

    #[test]
    fn moving_a_hint_keeps_its_place_in_the_order() {
        let mut hints: Hints = [3, 1, 2].into_iter().map(|k| Hint::new(k, Point::default())).collect();
        assert_eq!(hints.set(Hint::new(1, Point::new(4.0, 5.0))), Some(Point::default()));
        assert_eq!(hints.iter().map(|h| h.keypoint).collect::<Vec<_>>(), [3, 1, 2]);
        assert_eq!(hints.remove(3), Some(Point::default()));
        assert_eq!(hints.get(1), Some(Point::new(4.0, 5.0)));
    }

    #[test]
    fn errors_of_invalid_hints_state_what_was_found() {
        let size = Size::new(10, 10);
        let error = |k, x, y| Hint::new(k, Point::new(x, y)).checked(4, size).expect_err("bad").to_string();
        assert_eq!(error(4, 1.0, 1.0), "there is no keypoint 4; expected an index below 4");
        assert!(error(0, f32::NAN, 1.0).contains("(NaN, 1)"));
        assert!(error(0, 11.0, 1.0).contains("10 x 10 px"));
    }
}
