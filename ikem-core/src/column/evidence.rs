use ndarray::{Array2, ArrayView2, ArrayView3};

use super::midline::Midline;
use super::plate_shape::PlateShape;
use super::{
    ColumnEvidence, FARTHEST, HINTED_SPREAD, LEAST_SPREAD, MidlinePosition, Plate, SEEN, Source, smoothed,
};
use crate::geometry::{Point, Size};
use crate::hints::Hint;

/// Search offsets of corners from the lateral edges of vertebrae, in half widths.
pub(super) const BESIDE: [f32; 7] = [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3];
/// Standard deviation of the neighbourhood with which the evidence for end plates is compared, in steps.
const SURROUNDINGS: f32 = 12.0;
/// The standard deviation of an end plate's position from one that was shown before, and from one beyond the ends of the spine, in
/// steps.
const BEFORE_SPREAD: f32 = 3.0;
const UNSEEN_SPREAD: f32 = 4.0;
/// The standard deviation of how much further an end plate moves than the one whose hint moves it furthest, in steps.
const FURTHER_SPREAD: f32 = 2.0;
/// The background level of the evidence, as a fraction of its mean.
const NOTHING: f32 = 2e-3;

/// The evidence for the positions of end plates along a midline.
pub(super) struct Evidence {
    /// The prior of each end plate.
    plates: Vec<Expected>,
    /// Whether the keypoints before the newest hint are known.
    before_known: bool,
    /// For upper and for lower end plates: the logarithm of the evidence at each position relative to its
    /// neighbourhood.
    seen: [Vec<f32>; 2],
}

/// The prior of an end plate's position, in steps along the midline.
#[derive(Debug, Clone, Copy)]
struct Expected {
    along: f32,
    spread: f32,
    /// Its position before the newest hint, if that is known; otherwise the expected one.
    before: f32,
    /// The position given by hints.
    hinted: Option<f32>,
}

impl Evidence {
    /// The evidence along a midline, where `positions` are the expected positions of the keypoints. `None` when the maps are
    /// empty.
    pub(super) fn new(
        midline: &Midline,
        plates: &[Plate],
        positions: &[MidlinePosition],
        column: &ColumnEvidence<'_>,
        grid: Size,
    ) -> Option<Self> {
        let &ColumnEvidence { expected, before, maps, corners } = column;
        let (before_known, before) = (before.is_some(), before.unwrap_or(expected));
        let (_, height, width) = maps.dim();
        let scale = [pixels(grid.width, width), pixels(grid.height, height)];
        let expected = plates.iter().map(|plate| {
            let along = plate.iter().map(|&corner| positions[corner].along).sum::<f32>() / 2.0;
            let variances = plate.iter().map(|&corner| {
                variance_along(maps.index_axis(ndarray::Axis(0), corner), midline.down(along), scale)
            });
            let spread = (variances.sum::<f32>() / 2.0).sqrt() / midline.step();
            let before = plate.map(|corner| midline.project(before[corner]).along);
            let before = before.iter().sum::<f32>() / 2.0;
            Expected { along, spread: spread.max(LEAST_SPREAD), before, hinted: None }
        });
        let mut seen = [Vec::new(), Vec::new()];
        for (kind, seen) in seen.iter_mut().enumerate() {
            *seen = match corners {
                Some(corners) => corners.seen(kind, midline, plates, positions, grid),
                None => {
                    let any = any_level(plates.iter().skip(kind).step_by(2), maps);
                    contrast(&along_edges(midline, plates, positions, any.view(), scale))?
                }
            };
        }
        Some(Self { plates: expected.collect(), before_known, seen })
    }

    /// Applies a hint as certain: its end plate lies at the hint, corrected for the expected offset of the corner from
    /// its end plate.
    pub(super) fn hint(
        &mut self,
        hint: &Hint,
        midline: &Midline,
        plates: &[Plate],
        positions: &[MidlinePosition],
    ) {
        let plate = plates.iter().position(|corners| corners.contains(&hint.keypoint));
        let Some(plate) = plate else { return };
        let other = plates[plate].iter().find(|&&corner| corner != hint.keypoint);
        let (own, other) =
            (positions[hint.keypoint].along, other.map_or(0.0, |&corner| positions[corner].along));
        let along = midline.project(hint.point).along - 0.5 * (own - other);
        let hinted = &mut self.plates[plate].hinted;
        // Hints of both corners have equal weight.
        *hinted = Some(hinted.map_or(along, |before| 0.5 * (before + along)));
    }

    /// The mean evidence for the end plates at these positions.
    pub(super) fn clarity(&self, positions: &[usize]) -> f32 {
        let seen = positions.iter().enumerate().map(|(index, &position)| self.seen[index % 2][position]);
        seen.sum::<f32>() / positions.len().max(1) as f32
    }

    /// The prior means of the end plates, in steps.
    pub(super) fn expected(&self) -> Vec<f32> {
        self.plates.iter().map(|plate| plate.along).collect()
    }

    /// The log-likelihood of each position along the midline for each end plate and each of the `sources` of its position.
    pub(super) fn scores(&self, sources: &[Source]) -> Vec<Vec<Vec<f32>>> {
        let far =
            |position: usize, from: f32, spread: f32| -0.5 * ((position as f32 - from) / spread).powi(2);
        let corrected = self.corrected();
        let scores = |(index, plate): (usize, &Expected)| {
            let further = |position: usize| match corrected {
                Some(most) => {
                    let further = (position as f32 - plate.before).abs() - most;
                    (-0.5 * (further.max(0.0) / FURTHER_SPREAD).powi(2)).max(FARTHEST)
                }
                None => 0.0,
            };
            let score = |source: &Source| {
                let (expected, spread) = self.prior(index, *source);
                let score = |(position, seen): (usize, &f32)| match plate.hinted {
                    Some(along) => far(position, along, HINTED_SPREAD),
                    None => far(position, expected, spread).max(FARTHEST) + SEEN * seen + further(position),
                };
                self.seen[index % 2].iter().enumerate().map(score).collect()
            };
            sources.iter().map(score).collect()
        };
        self.plates.iter().enumerate().map(scores).collect()
    }

    /// How far the hints move end plates from where they were before, at most, in steps: a person corrects what is most wrong
    /// first, so no other end plate was much further off. `None` without hints, and where that is not known.
    fn corrected(&self) -> Option<f32> {
        let moved = self.plates.iter().filter_map(|plate| Some((plate.hinted? - plate.before).abs()));
        moved.reduce(f32::max).filter(|_| self.before_known)
    }

    /// The mean and standard deviation of an end plate's position according to `source`. Beyond its ends, the spine went on by
    /// levels of its mean length.
    fn prior(&self, index: usize, source: Source) -> (f32, f32) {
        let last = self.plates.len().saturating_sub(1);
        let own = self.plates[index];
        let Source::Before(shift) = source else { return (own.along, own.spread) };
        match index.checked_add_signed(-2 * shift).filter(|&source| source <= last) {
            Some(source) => (self.plates[source].before, BEFORE_SPREAD),
            None => {
                let level = 2.0 * (self.plates[last].before - self.plates[0].before) / last.max(1) as f32;
                (own.before - shift as f32 * level, UNSEEN_SPREAD)
            }
        }
    }
}

/// The size of a map's pixel in pixels of the grid, when the corner pixels of both coincide.
fn pixels(grid: usize, maps: usize) -> f32 {
    grid.saturating_sub(1).max(1) as f32 / maps.saturating_sub(1).max(1) as f32
}

/// The variance of a map's mass along a direction, in squared pixels of the grid; 0 without mass.
fn variance_along(map: ArrayView2<'_, f32>, down: Point, scale: [f32; 2]) -> f32 {
    let (mut mass, mut sum, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (y, row) in map.outer_iter().enumerate() {
        let from = down.y * scale[1] * y as f32;
        // Each row is summed in f32, the totals in f64.
        let (mut row_mass, mut row_sum, mut row_squares) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (x, &value) in row.iter().enumerate() {
            let along = from + down.x * scale[0] * x as f32;
            row_mass += value;
            row_sum += value * along;
            row_squares += value * along * along;
        }
        mass += f64::from(row_mass);
        sum += f64::from(row_sum);
        squares += f64::from(row_squares);
    }
    let variance = squares / mass - (sum / mass).powi(2);
    if variance.is_finite() { variance.max(0.0) as f32 } else { 0.0 }
}

/// The sum of the maps of several end plates' corners: the evidence for a corner at any level.
fn any_level<'a>(plates: impl Iterator<Item = &'a Plate>, maps: ArrayView3<'_, f32>) -> Array2<f32> {
    let (_, height, width) = maps.dim();
    let mut sum = Array2::zeros((height, width));
    for &corner in plates.flatten() {
        sum += &maps.index_axis(ndarray::Axis(0), corner);
    }
    sum
}

/// The evidence of `map` at the lateral edges of vertebrae, for each position along the midline.
fn along_edges(
    midline: &Midline,
    plates: &[Plate],
    positions: &[MidlinePosition],
    map: ArrayView2<'_, f32>,
    scale: [f32; 2],
) -> Vec<f32> {
    let shapes: Vec<PlateShape> = plates.iter().map(|plate| PlateShape::new(plate, positions)).collect();
    let seen = |position: usize| {
        let along = position as f32;
        let half = PlateShape::at(&shapes, along).half;
        let beside = BESIDE.iter().flat_map(|by| [-1.0, 1.0].map(|side| side * half * (1.0 + by)));
        beside.map(|across| sample(map, midline.at(MidlinePosition { along, across }), scale)).sum()
    };
    (0..midline.len()).map(seen).collect()
}

/// A map's value at a point of the grid: bilinear between pixels, 0 outside.
pub(super) fn sample(map: ArrayView2<'_, f32>, point: Point, scale: [f32; 2]) -> f32 {
    let (x, y) = (point.x / scale[0], point.y / scale[1]);
    let (left, top) = (x.floor(), y.floor());
    let at = |dx: f32, dy: f32| {
        let (column, row) = (left + dx, top + dy);
        let inside = column >= 0.0 && row >= 0.0;
        let value = inside.then(|| map.get([row as usize, column as usize]).copied()).flatten();
        value.unwrap_or(0.0) * (1.0 - (x - column).abs()) * (1.0 - (y - row).abs())
    };
    at(0.0, 0.0) + at(1.0, 0.0) + at(0.0, 1.0) + at(1.0, 1.0)
}

/// The logarithm of the evidence at each position relative to its neighbourhood. `None` without evidence.
fn contrast(seen: &[f32]) -> Option<Vec<f32>> {
    let nothing = NOTHING * seen.iter().sum::<f32>() / seen.len().max(1) as f32;
    if !(nothing > 0.0 && nothing.is_finite()) {
        return None;
    }
    let around = smoothed(seen, SURROUNDINGS);
    Some(seen.iter().zip(around).map(|(seen, around)| ((seen + nothing) / (around + nothing)).ln()).collect())
}
