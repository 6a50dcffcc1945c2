//! Joint decoding of a spine: every vertebra where the film shows one, all in anatomical order.

mod chain;
mod corners;
mod count;
mod evidence;
mod midline;
mod order;
mod plate_shape;

#[cfg(test)]
mod tests;

use ndarray::ArrayView3;

use crate::geometry::{Point, Size};
use crate::hints::Hint;
use crate::keypoints::Keypoints;
use crate::skeleton::Skeleton;
use chain::{Chain, Gap, Law, chain};
pub use corners::CornerMaps;
use count::{probabilities, recounted};
use evidence::Evidence;
use midline::Midline;
pub use order::in_order;

/// Steps along the midline per level: about one pixel of the bundled network's grid.
const STEPS_PER_LEVEL: f32 = 22.0;
/// The least standard deviation of an end plate's position, and that of a hinted one, in steps.
const LEAST_SPREAD: f32 = 1.0;
const HINTED_SPREAD: f32 = 0.5;
/// Lower bound of a prior's log-likelihood: beyond it, the maps are assumed to be wrong.
const FARTHEST: f32 = -12.0;
/// Weight of the evidence for *any* end plate relative to the prior of each one.
const SEEN: f32 = 2.0;
/// Standard deviations of vertebral and disc heights relative to the expected ones, and the least standard deviation of a disc height, in steps.
const HEIGHT_SPREAD: f32 = 0.18;
const DISC_SPREAD: f32 = 0.4;
const LEAST_GAP_SPREAD: f32 = 1.6;
/// The shifts of the vertebra count that are considered.
const RECOUNTS: [isize; 2] = [-1, 1];
/// With hints, the sources of a vertebra's position, and the cost of another source than for the vertebra above, a log-likelihood
/// ratio.
const SOURCES: [Source; 4] = [Source::Expected, Source::Before(0), Source::Before(-1), Source::Before(1)];
const CHANGE_COST: f32 = 4.0;
/// Standard deviation of the smoothing of expected heights over levels.
const LEVELS: f32 = 2.0;

/// What tells the position of a vertebra.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// What the network expects now.
    Expected,
    /// What was shown before the newest hint: with 1 the vertebra above, with 0 the vertebra itself.
    Before(isize),
}

impl Source {
    /// By how many vertebrae the count is shifted.
    const fn shift(self) -> isize {
        match self {
            Self::Expected => 0,
            Self::Before(shift) => shift,
        }
    }
}

/// The left and right corner of an end plate.
type Plate = [usize; 2];

/// What is known of a spine before it is decoded as a whole. Points are in pixels of the network's grid.
#[derive(Debug, Clone, Copy)]
pub struct ColumnEvidence<'a> {
    /// Where keypoints are expected: where the heatmaps show them, moved by the errors that hints reveal
    /// ([`ErrorCovariance::moved`](crate::ErrorCovariance::moved)).
    pub expected: &'a Keypoints,
    /// The keypoints before the newest hint, in which vertebrae may be miscounted; `None` if they are not known, or were shown
    /// with other hints.
    pub before: Option<&'a Keypoints>,
    /// The heatmaps (K × h × w), on the grid or on a coarser one with coinciding corner pixels.
    pub maps: ArrayView3<'a, f32>,
    /// Where corners of vertebrae are, whichever they are.
    pub corners: Option<&'a CornerMaps>,
}

impl<'a> ColumnEvidence<'a> {
    /// Keypoints that are expected where the heatmaps show them.
    #[must_use]
    pub const fn new(keypoints: &'a Keypoints, maps: ArrayView3<'a, f32>) -> Self {
        Self { expected: keypoints, before: None, maps, corners: None }
    }
}

/// A spine decoded by [`decode_column`], with alternative vertebra counts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// The corners of the vertebrae in skeleton order.
    pub keypoints: Keypoints,
    /// Alternative counts, the most likely first; empty with hints, which settle the count.
    pub alternatives: Vec<Recount>,
    /// How clearly the maps show end plates where the chain has them: the logarithm of the evidence there, relative to its
    /// neighbourhood, averaged over all end plates. Higher in a frame that holds as many vertebrae as the chain.
    pub clarity: f32,
}

/// The same spine with its vertebrae counted differently.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Recount {
    /// The shift of the count in vertebrae: with 1, what [`Column::keypoints`] calls T5 is T6.
    pub by: isize,
    /// The probability of this count, 0…1.
    pub probability: f32,
    /// The corners of the vertebrae in skeleton order.
    pub keypoints: Keypoints,
}

/// Moves keypoints along the spine so that every vertebra lies where the heatmaps show one.
///
/// If a heatmap is ambiguous between two levels, its mean lies between them: in a disc, or off by half a vertebra. All maps
/// together, however, still show where vertebrae are, if not which. The end plates are therefore decoded as a chain:
/// each close to the position that its own maps predict, at a position where the maps of any level show an end plate of
/// the same kind, and in order, with heights like those of their neighbours. Dynamic programming (Viterbi 1967) finds
/// the most likely chain. The corners slide along the spine with their end plate and keep their distance from the
/// midline and their tilt.
///
/// Where there are maps of corners without names ([`CornerMaps`]), they show where end plates are, instead of the heatmaps
/// of all levels together, and the corners are refined by them.
///
/// Hints, in pixels of the grid, are treated as almost certain: the chain passes through them. They also reveal where
/// vertebrae were miscounted: a vertebra may then be where the one above or below was before, or stay where it was, at a
/// cost for each change along the spine, so that one hint moves all vertebrae on its side of such a change. Where the
/// keypoints before the newest hint are known, no vertebra moves much further than the hinted ones, since a person corrects
/// what is most wrong first: a small correction recounts nothing.
///
/// Returns `None` unless the skeleton consists of at least three vertebrae with four corners each (top left, top right,
/// bottom left, bottom right, from top to bottom), and for points or maps that admit no chain.
///
/// ```
/// use ikem_core::{ColumnEvidence, Heatmaps, Keypoints, Point, Size, Skeleton, decode_column};
///
/// let grid = Size::new(64, 256);
/// let corner = |k: usize| Point::new(24.0 + 16.0 * (k % 2) as f32, 20.0 + (12 * (k / 4) + 8 * (k % 4 / 2)) as f32);
/// let spine: Keypoints = (0..68).map(corner).collect();
/// let maps = Heatmaps::gaussian(&spine, grid, 2.0);
/// // Expected a quarter of a level too low: the chain goes back to where the maps show vertebrae.
/// let low: Keypoints = spine.iter().map(|&point| point + Point::new(0.0, 3.0)).collect();
/// let seen = ColumnEvidence::new(&low, maps.view());
/// let found = decode_column(&Skeleton::spine(), &seen, grid, &[]).expect("a chain").keypoints;
/// for (found, spine) in found.iter().zip(spine.iter()) {
///     assert!(found.distance(*spine) < 1.5, "{found:?} is not near {spine:?}");
/// }
/// ```
#[must_use]
pub fn decode_column(
    skeleton: &Skeleton,
    seen: &ColumnEvidence<'_>,
    grid: Size,
    hints: &[Hint],
) -> Option<Column> {
    let plates = plates(skeleton)?;
    let &ColumnEvidence { expected, before, maps, corners } = seen;
    if [expected.len(), before.unwrap_or(expected).len(), maps.dim().0] != [skeleton.len(); 3] {
        return None;
    }
    let ends: Vec<Point> = plates.iter().map(|[l, r]| (expected[*l] + expected[*r]) * 0.5).collect();
    let midline = Midline::new(&ends, STEPS_PER_LEVEL)?;
    let positions: Vec<MidlinePosition> = expected.iter().map(|&point| midline.project(point)).collect();
    let mut evidence = Evidence::new(&midline, &plates, &positions, seen, grid)?;
    for hint in hints {
        evidence.hint(hint, &midline, &plates, &positions);
    }
    let expected = evidence.expected();
    let (sources, gaps): (&[Source], _) = match hints {
        [] => (&[Source::Expected], gaps(&expected)),
        _ => (&SOURCES, regular_gaps(&expected)),
    };
    let scores = evidence.scores(sources);
    let found = chain(&scores, &gaps)?;
    let spine = Spine { midline, plates, positions, expected };
    let shifts: Vec<isize> = found.states.iter().map(|&state| sources[state].shift()).collect();
    let mut keypoints = spine.moved(&found, &shifts)?;
    let mut alternatives = match hints {
        [] => spine.recounts(&scores, &gaps, &found),
        // Hints settle the count.
        _ => Vec::new(),
    };
    if let Some(corners) = corners {
        let level = spine.level();
        corners.refine(&mut keypoints, &spine.plates, level, grid, hints);
        for other in &mut alternatives {
            corners.refine(&mut other.keypoints, &spine.plates, level, grid, hints);
        }
    }
    Some(Column { keypoints, alternatives, clarity: evidence.clarity(&found.positions) })
}

/// The expected spine: its end plates along a midline.
struct Spine {
    midline: Midline,
    plates: Vec<Plate>,
    /// The positions of the keypoints relative to the midline, and those of the end plates in steps.
    positions: Vec<MidlinePosition>,
    expected: Vec<f32>,
}

impl Spine {
    /// The mean height of a vertebra with its disc, in pixels.
    fn level(&self) -> f32 {
        let ends = self.expected.first().zip(self.expected.last());
        let length = ends.map_or(0.0, |(first, last)| last - first);
        2.0 * length / self.plates.len().saturating_sub(1).max(1) as f32 * self.midline.step()
    }

    /// The corners of a chain, the count of each of whose end plates is shifted by `shifts` vertebrae. They move along the
    /// spine with their end plate, which takes the shape of the one expected there, if there is one.
    fn moved(&self, chain: &Chain, shifts: &[isize]) -> Option<Keypoints> {
        let mut keypoints = Keypoints::from(vec![Point::default(); self.positions.len()]);
        for (index, ((plate, &found), by)) in self.plates.iter().zip(&chain.positions).zip(shifts).enumerate()
        {
            let source = index.checked_add_signed(-2 * by).filter(|&index| index < self.plates.len());
            let source = source.unwrap_or(index);
            let moved = found as f32 - self.expected[source];
            for (&corner, &from) in plate.iter().zip(&self.plates[source]) {
                let MidlinePosition { along, across } = self.positions[from];
                keypoints[corner] = self.midline.at(MidlinePosition { along: along + moved, across });
            }
        }
        keypoints.iter().all(|point| point.is_finite()).then_some(keypoints)
    }

    /// The alternative counts of the chain `found`, the most likely first.
    fn recounts(&self, scores: &[Vec<Vec<f32>>], gaps: &[Gap], found: &Chain) -> Vec<Recount> {
        let recounted = RECOUNTS.iter().filter_map(|&by| Some((by, recounted(scores, gaps, found, by)?)));
        let chains: Vec<(isize, Chain)> = recounted.collect();
        let scores: Vec<f32> = [found]
            .into_iter()
            .chain(chains.iter().map(|(_, chain)| chain))
            .map(|chain| chain.score)
            .collect();
        let recount = |((by, chain), probability): (&(isize, Chain), &f32)| {
            Some(Recount {
                by: *by,
                probability: *probability,
                keypoints: self.moved(chain, &vec![*by; self.plates.len()])?,
            })
        };
        let probabilities = probabilities(&scores);
        let mut recounts: Vec<Recount> = chains.iter().zip(&probabilities[1..]).filter_map(recount).collect();
        recounts.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        recounts
    }
}

/// A position relative to a midline.
#[derive(Debug, Clone, Copy)]
struct MidlinePosition {
    /// Steps along the midline.
    along: f32,
    /// Distance to the right of the midline in pixels.
    across: f32,
}

/// The end plates of a spine from top to bottom: the upper and lower one of each vertebra.
fn plates(skeleton: &Skeleton) -> Option<Vec<Plate>> {
    let corners = skeleton.corners()?;
    let plates = corners.iter().flat_map(|&[tl, tr, bl, br]| [[tl, tr], [bl, br]]).collect();
    (corners.len() >= 3).then_some(plates)
}

/// The distributions of the distances between successive end plates: the expected heights of vertebrae and discs,
/// smoothed over levels.
fn gaps(expected: &[f32]) -> Vec<Gap> {
    gaps_of(expected, |heights| smoothed(heights, LEVELS))
}

/// The same with heights that change linearly over the levels: where a hint moves some vertebrae only, the expected ones
/// between it and the others are too short or too long.
fn regular_gaps(expected: &[f32]) -> Vec<Gap> {
    gaps_of(expected, |heights| {
        let (slope, start) = line(heights);
        (0..heights.len()).map(|level| start + slope * level as f32).collect()
    })
}

/// The gaps whose means are those that `regularised` makes of the heights of vertebrae, and of discs.
fn gaps_of(expected: &[f32], regularised: impl Fn(&[f32]) -> Vec<f32>) -> Vec<Gap> {
    let gaps: Vec<f32> = expected.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let every_other = |first: usize| gaps.iter().copied().skip(first).step_by(2).collect::<Vec<_>>();
    let means = [0, 1].map(|first| regularised(&every_other(first)));
    let gap = |index: usize| {
        let mean = means[index % 2].get(index / 2).copied().unwrap_or_default().max(1.0);
        let spread = [HEIGHT_SPREAD, DISC_SPREAD][index % 2] * mean;
        match index % 2 {
            0 => Gap { mean, spread, law: Law::LogNormal, change: f32::INFINITY },
            _ => Gap { mean, spread: spread.max(LEAST_GAP_SPREAD), law: Law::Normal, change: CHANGE_COST },
        }
    };
    (0..gaps.len()).map(gap).collect()
}

/// The slope and the start of the line through `values`: the median slope between two of them, and the median of what
/// remains (Theil 1950; Sen 1968).
fn line(values: &[f32]) -> (f32, f32) {
    let pairs = (0..values.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    let slope = median(pairs.map(|(a, b)| (values[b] - values[a]) / (b - a) as f32).collect());
    (slope, median(values.iter().enumerate().map(|(i, value)| value - slope * i as f32).collect()))
}

/// The upper median; 0 of no values.
fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Values smoothed by a Gaussian of standard deviation `std`, with constant extrapolation.
fn smoothed(values: &[f32], std: f32) -> Vec<f32> {
    let reach = (3.0 * std) as isize + 1;
    let weights: Vec<f32> = (-reach..=reach).map(|i| (-0.5 * (i as f32 / std).powi(2)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let last = values.len() as isize - 1;
    let at = |index: isize| values[index.clamp(0, last.max(0)) as usize];
    let smooth = |position: isize| {
        let terms = weights.iter().zip(-reach..=reach).map(|(weight, by)| weight * at(position + by));
        terms.sum::<f32>() / total
    };
    (0..=last).map(smooth).collect()
}
