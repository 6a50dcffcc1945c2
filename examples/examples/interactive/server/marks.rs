//! What a person says of a film: of each state of its points, which undo restores, and of the film as such.

use std::collections::BTreeSet;

use ikem_core::{Hints, Point, Skeleton, Spacing};
use ikem_data::{Review, Verdict};
use ikem_eval::Side;
use ikem_models::{Doubt, Shown, UNDO_STEPS, suspects};
use serde::{Deserialize, Serialize};

use super::api::Status;
use super::failure::{Kind, Result};
use super::measures::{Measure, Measurement};

/// The most curves whose end vertebrae are fixed.
const MOST_ENDS: usize = 8;
/// The longest remark, in characters.
const LONGEST_REMARK: usize = 2000;
/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 100;
/// The most people that work on one film.
const MOST_PEOPLE: usize = 20;

/// The most states of marks that are kept: as many as the session keeps of points.
pub(super) const STEPS: usize = UNDO_STEPS;

/// What a person says of a state of the points.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marks {
    /// The network that predicted the points; none where they were imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The keypoints that are not visible on the film.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub absent: BTreeSet<usize>,
    /// The end vertebrae of curves that the person chose: the upper and the lower one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<[usize; 2]>,
    /// What the person thinks of the points.
    #[serde(default)]
    pub verdict: Verdict,
    /// The action that led to this state, in words; none for the first prediction, and in sidecars of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// The status of a film that was worked on.
pub(super) const fn status(verdict: &Verdict) -> Status {
    match verdict {
        Verdict::Open => Status::InWork,
        Verdict::Accepted => Status::Accepted,
        Verdict::Unusable(_) => Status::Unusable,
    }
}

impl Marks {
    /// Marks of points that `network` predicted.
    pub(super) fn of(network: String) -> Self {
        Self { network: Some(network), ..Self::default() }
    }

    /// What of them is exported with the points.
    pub(super) fn review(&self, skeleton: &Skeleton) -> Review {
        Review::new(self.verdict.clone(), &self.ends, skeleton)
    }

    /// Takes over what a file says of the points that it brings.
    pub(super) fn adopt(&mut self, review: &Review, skeleton: &Skeleton) -> Result<()> {
        let unknown = |name| Kind::Invalid.because(format!("{name:?} is none of the network's vertebrae"));
        self.ends = checked_ends(&review.end_indices(skeleton).map_err(unknown)?, skeleton)?;
        self.verdict = match &review.verdict {
            Verdict::Unusable(reason) => unusable(reason)?,
            verdict => verdict.clone(),
        };
        Ok(())
    }

    /// Whether all four corners of a vertebra are visible.
    pub(super) fn shows(&self, corners: &[usize]) -> bool {
        corners.iter().all(|corner| !self.absent.contains(corner))
    }

    /// The reason to doubt the visible points, if there is one.
    pub(super) fn doubt(&self, shown: &Shown<'_>) -> Option<Doubt> {
        let mut visible = shown.keypoints.to_vec();
        for (_, point) in visible.iter_mut().enumerate().filter(|(k, _)| self.absent.contains(k)) {
            *point = Point::ABSENT;
        }
        Shown { keypoints: &visible, ..*shown }.doubt()
    }

    /// The confidences of the points that are visible.
    pub(super) fn visible(&self, confidences: &[f32]) -> Vec<Option<f32>> {
        let visible = |(k, &confidence)| (!self.absent.contains(&k)).then_some(confidence);
        confidences.iter().enumerate().map(visible).collect()
    }

    /// Visible points that may be wrong and are not hinted, the most doubtful first.
    pub(super) fn suspects(&self, skeleton: &Skeleton, confidences: &[f32], hints: &Hints) -> Vec<usize> {
        suspects(skeleton, &self.visible(confidences), hints)
    }

    /// As the names move down by some vertebrae.
    pub(super) fn shift(&mut self, by: isize, skeleton: &Skeleton) {
        let sources = skeleton.shifted(by).unwrap_or_default();
        let renamed = |keypoint: &usize| sources.iter().position(|source| *source == Some(*keypoint));
        self.absent = self.absent.iter().filter_map(renamed).collect();
        let vertebrae = skeleton.vertebrae().len();
        let moved = |vertebra: usize| vertebra.checked_add_signed(by).filter(|moved| *moved < vertebrae);
        self.ends =
            self.ends.iter().filter_map(|[upper, lower]| Some([moved(*upper)?, moved(*lower)?])).collect();
    }

    /// As left and right change places.
    pub(super) fn mirror(&mut self, skeleton: &Skeleton) {
        let other = |keypoint: &usize| {
            let pairs = skeleton.flip_pairs().iter();
            let mut other = pairs.filter_map(|(a, b)| match keypoint {
                k if k == a => Some(*b),
                k if k == b => Some(*a),
                _ => None,
            });
            other.next().unwrap_or(*keypoint)
        };
        self.absent = self.absent.iter().map(other).collect();
    }
}

/// End vertebrae that a person may fix: pairs of different vertebrae, the upper one first, from the top. Curves do not overlap; the
/// lower end of one may be the upper end of the next.
pub(super) fn checked_ends(ends: &[[usize; 2]], skeleton: &Skeleton) -> Result<Vec<[usize; 2]>> {
    let name = |index: usize| skeleton.vertebrae().get(index).map(|vertebra| vertebra.name.as_str());
    for &[upper, lower] in ends {
        let (Some(upper_name), Some(lower_name)) = (name(upper), name(lower)) else {
            let last = skeleton.vertebrae().len().saturating_sub(1);
            return Err(Kind::Invalid
                .because(format!("end vertebrae {upper} and {lower}; expected indices from 0 to {last}")));
        };
        if upper >= lower {
            return Err(Kind::Invalid.because(format!(
                "end vertebrae {upper_name} and {lower_name}; expected the upper one first"
            )));
        }
    }
    if ends.len() > MOST_ENDS {
        let found = ends.len();
        return Err(Kind::Invalid.because(format!("{found} curves; expected at most {MOST_ENDS}")));
    }
    let mut sorted = ends.to_vec();
    sorted.sort_unstable();
    if let Some((a, b)) =
        sorted.iter().zip(sorted.iter().skip(1)).find(|([_, lower], [upper, _])| upper < lower)
    {
        let curve = |[upper, lower]: &[usize; 2]| {
            format!("{}–{}", name(*upper).unwrap_or_default(), name(*lower).unwrap_or_default())
        };
        return Err(Kind::Invalid.because(format!(
            "the curves {} and {} overlap; a curve with chosen end vertebrae may begin only where the one above ends",
            curve(a),
            curve(b)
        )));
    }
    Ok(sorted)
}

/// That a film cannot be used, for a reason; without one, it can.
pub(super) fn unusable(reason: &str) -> Result<Verdict> {
    let reason = remark("the reason", reason)?;
    Ok(if reason.is_empty() { Verdict::Open } else { Verdict::Unusable(reason) })
}

/// A remark on one line; `what` names it where it is too long.
pub(super) fn remark(what: &str, text: &str) -> Result<String> {
    let text = one_line(text);
    match text.chars().count() {
        found if found > LONGEST_REMARK => Err(Kind::Invalid
            .because(format!("{what} has {found} characters; expected at most {LONGEST_REMARK}"))),
        _ => Ok(text),
    }
}

/// From where the film shows the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SeenFrom {
    /// The left of the patient is on the right of the film.
    Front,
    /// The left of the patient is on the left of the film.
    Behind,
}

impl SeenFrom {
    /// The side of the patient that is on a side of the film as it is shown.
    pub(super) const fn patients(self, side: Side) -> Side {
        match (self, side) {
            (Self::Front, Side::Left) | (Self::Behind, Side::Right) => Side::Right,
            (Self::Front, Side::Right) | (Self::Behind, Side::Left) => Side::Left,
        }
    }

    /// As it is written.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Behind => "behind",
        }
    }
}

/// What a person says of the film as such.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// Who worked on it, in the order in which they began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotators: Vec<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// From where it shows the patient, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_from: Option<SeenFrom>,
    /// Whether the film was shown mirrored when that was said; missing in sidecars of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_mirrored: Option<bool>,
    /// What was measured apart from the keypoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
}

impl About {
    /// What the measurements come to on a film of this spacing.
    pub(super) fn measured(&self, spacing: Option<Spacing>) -> Vec<Measurement> {
        self.measures.iter().map(|measure| measure.measured(spacing)).collect()
    }

    /// Whether the film was mirrored, or no longer, since it was said from where it shows the patient.
    pub(super) fn was_mirrored_since(&self, mirrored: bool) -> bool {
        self.seen_from.is_some() && self.seen_mirrored.is_some_and(|then| then != mirrored)
    }

    /// Notes down that a person worked on the film.
    pub(super) fn add_annotator(&mut self, name: &str) {
        if !self.annotators.iter().any(|known| known == name) && self.annotators.len() < MOST_PEOPLE {
            self.annotators.push(name.to_owned());
        }
    }
}

/// A text that a person typed, on one line.
fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The name of a person.
pub(super) fn person(name: &str) -> Option<String> {
    let name: String = one_line(name).chars().take(LONGEST_NAME).collect();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_follow_names_and_sides() {
        let spine = Skeleton::spine();
        let mut marks = Marks { absent: [0, 3, 64].into(), ends: vec![[0, 5], [5, 16]], ..Marks::default() };
        marks.mirror(&spine);
        assert_eq!(marks.absent, [1, 2, 65].into());
        marks.shift(1, &spine);
        assert_eq!((&marks.absent, &marks.ends), (&[5, 6].into(), &vec![[1, 6]]));
        marks.shift(-1, &spine);
        assert_eq!((&marks.absent, &marks.ends), (&[1, 2].into(), &vec![[0, 5]]));
    }

    #[test]
    fn points_that_are_not_visible_are_in_no_doubt() {
        let confidences: Vec<f32> = (0..8).map(|k| if k < 4 { 0.1 } else { 0.9 }).collect();
        let doubt = |absent: &[usize]| {
            let marks = Marks { absent: absent.iter().copied().collect(), ..Marks::default() };
            let (skeleton, hints, points) = (&Skeleton::numbered(8), &Hints::new(), [Point::default(); 8]);
            let confidences = &confidences;
            marks.doubt(&Shown { skeleton, view: None, hints, keypoints: &points, confidences })
        };
        assert_eq!(doubt(&[]), Some(Doubt::Unsure { unsure: 4, of: 8 }));
        assert_eq!(doubt(&[0]), None);
        assert_eq!(doubt(&[4, 5, 6]), Some(Doubt::Unsure { unsure: 4, of: 5 }));
    }

    #[test]
    fn ends_are_sorted_and_checked() {
        let spine = Skeleton::spine();
        assert_eq!(checked_ends(&[[9, 14], [3, 9]], &spine).expect("ends"), [[3, 9], [9, 14]]);
        for wrong in [
            vec![[3, 3]],
            vec![[4, 3]],
            vec![[3, 17]],
            vec![[3, 9], [3, 9]],
            vec![[3, 9], [8, 14]],
            vec![[3, 14], [5, 9]],
            (0..9).map(|place| [place, place + 1]).collect(),
        ] {
            assert!(checked_ends(&wrong, &spine).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_side_is_the_patients_or_the_films() {
        assert_eq!(SeenFrom::Front.patients(Side::Left), Side::Right);
        assert_eq!(SeenFrom::Behind.patients(Side::Left), Side::Left);
        assert_eq!(remark("it", " a\n\tb  c ").expect("a remark"), "a b c");
        assert!(remark("it", &"é".repeat(LONGEST_REMARK)).is_ok());
        let told = remark("it", &"é".repeat(LONGEST_REMARK + 1)).expect_err("too long");
        assert_eq!(told.message(), "it has 2001 characters; expected at most 2000");
        assert_eq!(person(" \n"), None);
    }
}
