//! The outlines of vertebrae.

use crate::geometry::Point;
use crate::skeleton::Skeleton;
use crate::vector::Vector;

/// So many vertebrae above and below also tell what is usual around one.
const NEIGHBOURS: usize = 2;

/// A vertebra with all four corners.
pub(crate) struct Outline {
    /// Its index in the skeleton.
    pub level: usize,
    /// Clockwise as seen on the image, from the top left.
    ring: [Vector; 4],
    pub center: Vector,
    /// From the middle of the left side to that of the right one, and from the middle of the top to that of the bottom.
    pub across: Vector,
    pub down: Vector,
}

impl Outline {
    /// The vertebrae of which all corners are seen, from top to bottom; `None` unless all have four corners (top left, top
    /// right, bottom left, bottom right).
    pub(crate) fn all(skeleton: &Skeleton, keypoints: &[Point]) -> Option<Vec<Self>> {
        let corners = skeleton.corners()?;
        let seen = |(level, corners): (usize, &[usize; 4])| Self::new(level, corners, keypoints);
        Some(corners.iter().enumerate().filter_map(seen).collect())
    }

    fn new(level: usize, corners: &[usize; 4], keypoints: &[Point]) -> Option<Self> {
        let point = |corner: usize| {
            keypoints.get(corner).copied().filter(|point| point.is_finite()).map(Vector::from)
        };
        let [a, b, c, d] = corners.map(point);
        let (a, b, c, d) = (a?, b?, c?, d?);
        let (across, down) = ((b + d - a - c) * 0.5, (c + d - a - b) * 0.5);
        Some(Self { level, ring: [a, b, d, c], center: (a + b + c + d) * 0.25, across, down })
    }

    pub(crate) fn width(&self) -> f64 {
        self.across.length()
    }

    pub(crate) fn height(&self) -> f64 {
        self.down.length()
    }

    /// 1 if it is convex and its corners are clockwise on the image, −1 if it is convex and they are anticlockwise, else 0.
    pub(crate) fn turning(&self) -> i32 {
        let side = |index: usize| self.ring[(index + 1) % 4] - self.ring[index % 4];
        let turns = [0, 1, 2, 3].map(|index| side(index).cross(side(index + 1)));
        let all = |sign: f64| turns.iter().all(|turn| turn * sign > 0.0);
        i32::from(all(1.0)) - i32::from(all(-1.0))
    }

    /// How far two outlines overlap, if both are convex: the least distance by which one would have to move to be clear of the
    /// other; 0 or less if they do not overlap (separating axis theorem).
    pub(crate) fn overlap(&self, other: &Self) -> f64 {
        let sides = |ring: [Vector; 4]| [0, 1, 2, 3].map(|index| ring[(index + 1) % 4] - ring[index]);
        let along = |side: &Vector| {
            let range = |outline: &Self| {
                let places = outline.ring.map(|corner| side.cross(corner) / side.length());
                (
                    places.into_iter().fold(f64::INFINITY, f64::min),
                    places.into_iter().fold(f64::NEG_INFINITY, f64::max),
                )
            };
            let (a, b) = (range(self), range(other));
            (a.1 - b.0).min(b.1 - a.0)
        };
        let sides = sides(self.ring).into_iter().chain(sides(other.ring)).filter(|side| side.length() > 0.0);
        sides.map(|side| along(&side)).fold(f64::INFINITY, f64::min)
    }
}

/// The distance between the centres of neighbouring vertebrae at `index`.
pub(crate) fn pitch(outlines: &[Outline], index: usize) -> f64 {
    let (a, b) = (&outlines[index.saturating_sub(1)], &outlines[(index + 1).min(outlines.len() - 1)]);
    (b.center - a.center).length() / (b.level - a.level) as f64
}

/// The median of something over the vertebra at `index` and its neighbours, so that it depends little on errors of single
/// corners.
pub(crate) fn around(outlines: &[Outline], index: usize, size: impl Fn(usize) -> f64) -> f64 {
    median((index.saturating_sub(NEIGHBOURS)..(index + NEIGHBOURS + 1).min(outlines.len())).map(size))
}

/// The median; the mean of the two in the middle of an even number, 0 of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        count if count % 2 == 0 => 0.5 * (values[middle - 1] + values[middle]),
        _ => values[middle],
    }
}
