//! The Cobb angles of an image, with the lines that show them.

use ikem_core::{Frame, Hints, Keypoints, Point, Size, Skeleton, Spacing};
use ikem_eval::{CobbCurve, Region, Script, Severity, Side, challenge_angles, curves_with_chosen};
use ikem_models::{Session, UNSURE_BELOW};
use serde::Serialize;

use super::marks::{Marks, SeenFrom};

/// A straight line from one point to another.
pub(super) type Line = [[f64; 2]; 2];

/// The Cobb angles of both conventions.
#[derive(Debug, Serialize)]
pub(super) struct Angles {
    /// The three of the AASCE challenge.
    pub challenge: [ChallengeAngle; 3],
    /// Those of a clinician, from the top.
    pub clinical: Vec<ClinicalAngle>,
}

impl Angles {
    /// The largest angle between end plates.
    pub(super) fn largest(&self) -> Option<f64> {
        self.clinical.iter().find(|curve| curve.major).map(|curve| curve.degrees)
    }
}

/// One angle of the challenge.
#[derive(Debug, Serialize)]
pub(super) struct ChallengeAngle {
    /// `largest`, `second` or `third`.
    pub name: &'static str,
    /// The angle.
    pub degrees: f64,
    /// The upper end vertebra's index.
    pub upper: usize,
    /// The lower end vertebra's index.
    pub lower: usize,
    /// Whether a corner of its end vertebrae is unsure, or off the film.
    pub doubtful: bool,
    /// Through the middles of the two end vertebrae.
    pub lines: [Line; 2],
}

/// One curve as a clinician measures it.
#[derive(Debug, Serialize)]
pub(super) struct ClinicalAngle {
    /// The region of its apex.
    pub name: &'static str,
    /// The angle.
    pub degrees: f64,
    /// The upper end vertebra's index.
    pub upper: usize,
    /// The lower end vertebra's index.
    pub lower: usize,
    /// The apical vertebra's index.
    pub apex: usize,
    /// The side it bulges to, of the image as the network sees it.
    pub convex: Side,
    /// The side of the patient, where it is known from where the film shows the patient.
    pub convex_patient: Option<Side>,
    /// How severe it is.
    pub severity: Severity,
    /// Whether it is the largest.
    pub major: bool,
    /// Whether the person chose its end vertebrae.
    pub fixed: bool,
    /// Whether a corner of its end plates is unsure, or off the film.
    pub doubtful: bool,
    /// The upper end plate of the upper and the lower end plate of the lower end vertebra.
    pub lines: [Line; 2],
}

/// A curve counts from here on, as a scoliosis does.
const MINIMUM: f64 = 10.0;

/// The points of an image, and what is needed to measure them.
pub(super) struct Measured<'a> {
    /// Where the points are, in pixels of the image.
    pub points: &'a Keypoints,
    /// The peak of each one's heatmap, 0…1.
    pub confidences: &'a [f32],
    /// The points that a person put.
    pub hints: &'a Hints,
    /// The film's size and pixel spacing.
    pub film: (Size, Option<Spacing>),
    /// What the network sees of it.
    pub frame: &'a Frame,
    /// What the points are called.
    pub skeleton: &'a Skeleton,
    /// What the person says of them.
    pub marks: &'a Marks,
    /// From where the film shows the patient.
    pub seen_from: Option<SeenFrom>,
}

impl Measured<'_> {
    /// The angles of both conventions between the visible vertebrae, as the network sees the film; none where the points are not
    /// the spine's, or a vertebra has no direction.
    pub(super) fn angles(&self) -> Option<Angles> {
        if *self.skeleton != Skeleton::spine() {
            return None;
        }
        let visible: Vec<usize> = self
            .skeleton
            .vertebrae()
            .iter()
            .enumerate()
            .filter(|(_, vertebra)| self.marks.shows(&vertebra.corners))
            .map(|(place, _)| place)
            .collect();
        let (size, spacing) = self.film;
        let (seen, seen_size) = self.frame.upright(self.points, size, spacing);
        let seen: Keypoints =
            visible.iter().flat_map(|vertebra| seen.iter().skip(4 * vertebra).take(4).copied()).collect();
        let challenge = challenge_angles(&seen, seen_size, Script::Matlab).ok()?;
        let three = [0, 1, 2].map(|place| {
            let [upper, lower] = challenge.ends[place].map(|end| visible.get(end).copied());
            let name = ["largest", "second", "third"][place];
            self.challenge(name, challenge.degrees[place], [upper?, lower?])
        });
        let [Some(first), Some(second), Some(third)] = three else { return None };
        Some(Angles { challenge: [first, second, third], clinical: self.clinical(&seen, &visible) })
    }

    /// The curves between the end vertebrae that the person fixed, and those beside them, from the top.
    fn clinical(&self, seen: &Keypoints, visible: &[usize]) -> Vec<ClinicalAngle> {
        let place = |vertebra: usize| visible.iter().position(|own| *own == vertebra);
        let chosen =
            self.marks.ends.iter().filter_map(|[upper, lower]| Some([place(*upper)?, place(*lower)?]));
        let chosen: Vec<[usize; 2]> = chosen.collect();
        // Where an end plate has no length, there are none.
        let curves = curves_with_chosen(seen, &chosen, MINIMUM).unwrap_or_default();
        curves.iter().filter_map(|(curve, fixed)| self.curve(curve, visible, *fixed)).collect()
    }

    fn challenge(
        &self,
        name: &'static str,
        degrees: f64,
        [upper, lower]: [usize; 2],
    ) -> Option<ChallengeAngle> {
        let (above, below) = (self.corners(upper)?, self.corners(lower)?);
        let doubtful =
            [upper, lower].iter().flat_map(|end| 4 * end..4 * end + 4).any(|k| self.is_doubtful(k));
        Some(ChallengeAngle {
            name,
            degrees,
            upper,
            lower,
            doubtful,
            lines: [middle(&above), middle(&below)],
        })
    }

    /// A curve between vertebrae that are counted without those that are not visible.
    fn curve(&self, curve: &CobbCurve, visible: &[usize], fixed: bool) -> Option<ClinicalAngle> {
        let vertebra = |place: usize| visible.get(place).copied();
        let (upper, lower, apex) = (vertebra(curve.upper)?, vertebra(curve.lower)?, vertebra(curve.apex)?);
        let ([left, right, ..], [.., lower_left, lower_right]) = (self.corners(upper)?, self.corners(lower)?);
        let plates = [4 * upper, 4 * upper + 1, 4 * lower + 2, 4 * lower + 3];
        Some(ClinicalAngle {
            name: region(apex),
            degrees: curve.degrees,
            upper,
            lower,
            apex,
            convex: curve.convex,
            convex_patient: self.seen_from.map(|from| from.patients(curve.convex)),
            severity: curve.severity,
            major: curve.major,
            fixed,
            doubtful: plates.into_iter().any(|keypoint| self.is_doubtful(keypoint)),
            lines: [[place(left), place(right)], [place(lower_left), place(lower_right)]],
        })
    }

    fn corners(&self, vertebra: usize) -> Option<[Point; 4]> {
        self.points.get(4 * vertebra..4 * vertebra + 4)?.try_into().ok()
    }

    /// Whether a point is unsure, or off the film.
    fn is_doubtful(&self, keypoint: usize) -> bool {
        if self.hints.get(keypoint).is_some() {
            return false;
        }
        let unsure = self.confidences.get(keypoint).is_none_or(|confidence| *confidence < UNSURE_BELOW);
        unsure || self.points.get(keypoint).is_none_or(|point| !self.film.0.contains(*point))
    }
}

/// The name of the region of a curve with this apex.
const fn region(apex: usize) -> &'static str {
    match Region::of_apex(apex) {
        Region::ProximalThoracic => "proximal thoracic",
        Region::MainThoracic => "main thoracic",
        Region::Thoracolumbar => "thoracolumbar",
        Region::Lumbar => "lumbar",
        _ => "curve",
    }
}

/// The Cobb angles of what a session shows, a line a convention, or why there are none.
pub(crate) fn angles_in_words(session: &Session, spacing: Option<Spacing>) -> Vec<String> {
    if let Some(doubt) = session.doubt() {
        return vec![format!("no Cobb angles: {doubt}")];
    }
    let skeleton = &session.predictor().config().skeleton;
    let measured = Measured {
        points: &session.keypoints(),
        confidences: session.prediction().confidences(),
        hints: session.hints(),
        film: (session.image_size(), spacing),
        frame: &session.view().frame,
        skeleton,
        marks: &Marks::default(),
        seen_from: None,
    };
    let Some(angles) = measured.angles() else {
        return vec!["no Cobb angles: the points do not form a spine".to_owned()];
    };
    let name = |vertebra: usize| skeleton.vertebrae().get(vertebra).map_or("", |v| v.name.as_str());
    let clinical = angles.clinical.iter().map(|curve| {
        let major = if curve.major { ", major" } else { "" };
        let doubtful = if curve.doubtful { ", doubtful: a corner is unsure" } else { "" };
        let (upper, lower, apex) = (name(curve.upper), name(curve.lower), name(curve.apex));
        let side = side(curve.convex);
        let convex = format!("convex to the {side} of the image");
        format!(
            "{} {upper}–{lower} {:.1}° (apex {apex}, {convex}{major}{doubtful})",
            curve.name, curve.degrees
        )
    });
    let challenge = angles.challenge.iter().map(|angle| {
        format!("{} {}–{} {:.1}°", angle.name, name(angle.upper), name(angle.lower), angle.degrees)
    });
    vec![
        format!("Cobb angles between end plates: {}", clinical.collect::<Vec<_>>().join("; ")),
        format!("Cobb angles of the AASCE challenge: {}", challenge.collect::<Vec<_>>().join("; ")),
    ]
}

/// A side as it is written.
pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Right => "right",
    }
}

/// From the middle of a vertebra's left side to the middle of its right side.
fn middle([top_left, top_right, bottom_left, bottom_right]: &[Point; 4]) -> Line {
    [place((*top_left + *bottom_left) * 0.5), place((*top_right + *bottom_right) * 0.5)]
}

fn place(point: Point) -> [f64; 2] {
    [point.x.into(), point.y.into()]
}
