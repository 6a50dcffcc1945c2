use ikem_core::{Frame, Keypoints, Point, Size, Spacing};
use serde::{Deserialize, Serialize};

use crate::cobb::{CobbCurve, Script, challenge_angles, clinical_curve, curves_with_chosen};
use crate::statistics::mean;

/// The smallest angle of a curve other than the major one, in degrees.
const MINIMUM: f64 = 10.0;
/// The corners of a vertebra.
const CORNERS: usize = 4;

/// One reader's keypoints of the spine on a film.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The film's name.
    pub film: String,
    /// The film's size.
    pub size: Size,
    /// The keypoints T1 to L5, in pixels of the film; `None` for those that are not visible.
    pub points: Vec<Option<Point>>,
    /// The pixel spacing, where it is known.
    pub spacing: Option<Spacing>,
    /// The frame in which the reader saw the film; Cobb angles are measured on the film upright in it.
    pub frame: Frame,
    /// The end vertebrae of curves that the reader chose, from 0, the upper one first.
    pub ends: Vec<[usize; 2]>,
}

/// How far two readers agree on a film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FilmAgreement {
    /// The film's name.
    pub film: String,
    /// The number of keypoints that are visible to both.
    pub points: usize,
    /// The mean distance between the readers' keypoints in pixels of the film.
    pub distance: Option<f64>,
    /// The same in millimetres, where both know them.
    pub distance_mm: Option<f64>,
    /// The largest curve between end plates of each reader.
    pub major: [Option<MajorCurve>; 2],
    /// The angle between the first reader's end vertebrae of the largest curve, on the points of each reader.
    pub same_ends: Option<[f64; 2]>,
    /// The three angles of the AASCE challenge of each reader.
    pub challenge: [Option<[f64; 3]>; 2],
}

/// The largest curve of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MajorCurve {
    /// The Cobb angle in degrees.
    pub degrees: f64,
    /// The upper end vertebra, from 0 at T1.
    pub upper: usize,
    /// The lower end vertebra.
    pub lower: usize,
    /// Whether the reader chose the end vertebrae.
    pub chosen: bool,
}

/// The visible vertebrae of a reading, upright in square pixels.
struct Upright {
    points: Keypoints,
    size: Size,
    /// The vertebra of each four points, from 0 at T1.
    vertebrae: Vec<usize>,
}

impl Upright {
    fn of(reading: &Reading) -> Self {
        let known: Keypoints = reading.points.iter().map(|point| point.unwrap_or_default()).collect();
        let (upright, size) = reading.frame.upright(&known, reading.size, reading.spacing);
        let visible = |vertebra: &usize| {
            let corners = reading.points.get(CORNERS * vertebra..CORNERS * (vertebra + 1));
            corners.is_some_and(|corners| corners.iter().all(Option::is_some))
        };
        let vertebrae: Vec<usize> = (0..reading.points.len() / CORNERS).filter(visible).collect();
        let corners = |vertebra: &usize| upright.iter().skip(CORNERS * vertebra).take(CORNERS).copied();
        Self { points: vertebrae.iter().flat_map(corners).collect(), size, vertebrae }
    }

    /// The index among the visible vertebrae.
    fn place(&self, vertebra: usize) -> Option<usize> {
        self.vertebrae.iter().position(|own| *own == vertebra)
    }

    fn major(&self, ends: &[[usize; 2]]) -> Option<MajorCurve> {
        let chosen =
            ends.iter().filter_map(|[upper, lower]| Some([self.place(*upper)?, self.place(*lower)?]));
        let curves = curves_with_chosen(&self.points, &chosen.collect::<Vec<_>>(), MINIMUM).ok()?;
        let (CobbCurve { degrees, upper, lower, .. }, chosen) =
            curves.into_iter().find(|(curve, _)| curve.major)?;
        let [upper, lower] = [*self.vertebrae.get(upper)?, *self.vertebrae.get(lower)?];
        Some(MajorCurve { degrees, upper, lower, chosen })
    }

    fn angle(&self, upper: usize, lower: usize) -> Option<f64> {
        Some(clinical_curve(&self.points, self.place(upper)?, self.place(lower)?).ok()?.degrees)
    }
}

impl FilmAgreement {
    /// Compares two readings of a film.
    pub(super) fn new(first: &Reading, second: &Reading) -> Self {
        let pairs: Vec<(Point, Point)> =
            first.points.iter().zip(&second.points).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
        let known = |values: Vec<f64>| (!values.is_empty()).then(|| mean(&values));
        let pixels = |(a, b): &(Point, Point)| f64::from(a.distance(*b));
        let spacing = first.spacing.filter(|spacing| Some(*spacing) == second.spacing);
        let millimetres = |(a, b): &(Point, Point)| spacing?.distance(*a, *b);
        let uprights = [first, second].map(Upright::of);
        let major = [uprights[0].major(&first.ends), uprights[1].major(&second.ends)];
        let same_ends = major[0].and_then(|MajorCurve { upper, lower, .. }| {
            Some([uprights[0].angle(upper, lower)?, uprights[1].angle(upper, lower)?])
        });
        let challenge = |upright: &Upright| {
            challenge_angles(&upright.points, upright.size, Script::Matlab).ok().map(|angles| angles.degrees)
        };
        Self {
            film: first.film.clone(),
            points: pairs.len(),
            distance: known(pairs.iter().map(pixels).collect()),
            distance_mm: known(pairs.iter().filter_map(millimetres).collect()),
            major,
            same_ends,
            challenge: [challenge(&uprights[0]), challenge(&uprights[1])],
        }
    }
}
