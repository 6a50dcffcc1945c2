//! A spine decoded as a whole: every vertebra where the film shows one, and all of them in order.

mod chain;
mod count;
mod evidence;
mod midline;

#[cfg(test)]
mod tests;

use ndarray::ArrayView3;

use crate::geometry::{Point, Size};
use crate::hints::Hint;
use crate::keypoints::Keypoints;
use crate::skeleton::Skeleton;
use chain::{Chain, Gap, chain};
use count::{probabilities, recounted};
use evidence::Evidence;
use midline::Midline;

/// Steps along the midline between neighbouring vertebrae: as fine as a pixel of the bundled network's grid.
const STEPS_PER_LEVEL: f32 = 22.0;
/// The least that an end plate's place is uncertain by, and that of one with a hint, in steps.
const LEAST_SPREAD: f32 = 1.0;
const HINTED_SPREAD: f32 = 0.5;
/// How unlikely a place may become by being far from where an end plate is expected: then the maps were wrong.
const FARTHEST: f32 = -12.0;
/// How much it counts that *some* end plate is seen at a place, against where each is expected.
const SEEN: f32 = 2.0;
/// Standard deviations of a vertebra's height and of a disc's, over what is expected of them; and the least, in steps.
const HEIGHT_SPREAD: f32 = 0.18;
const DISC_SPREAD: f32 = 0.4;
const LEAST_GAP_SPREAD: f32 = 1.6;
/// By how many vertebrae a spine may be counted further.
const RECOUNTS: [isize; 2] = [-1, 1];
/// Over how many levels expected heights are smoothed, as a standard deviation.
const LEVELS: f32 = 2.0;

/// The two corners of an end plate, left and right.
type Plate = [usize; 2];

/// A spine decoded as a whole by [`decode_column`], and how else it may be counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The corners of its vertebrae in skeleton order.
    pub keypoints: Keypoints,
    /// The same spine counted otherwise, the likelier one first; none where there are hints, which settle the count.
    pub alternatives: Vec<Recount>,
}

/// The same vertebrae counted otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Recount {
    /// By how many vertebrae: with 1, what was called T5 is called T6.
    pub by: isize,
    /// How likely this count is, 0…1.
    pub probability: f32,
    /// The corners of its vertebrae in skeleton order.
    pub keypoints: Keypoints,
}

/// Moves keypoints along the spine so that every vertebra is where the heatmaps show one.
///
/// The mean position under a heatmap that is unsure between two levels is a disc, or half a vertebra off. But all maps together
/// still show where vertebrae are, whichever they are. So the end plates are decoded as a chain: each near the place where its
/// own maps expect it, on a place where the maps of any level show an end plate of its kind, and one after the other, with
/// heights like their neighbours'. The most likely chain is found by dynamic programming (Viterbi 1967), and the corners of each end
/// plate slide along the spine by as much as the end plate does; they keep their distance from the midline and their tilt.
///
/// `expected` are keypoints on a `grid`, in its pixels; `maps`, K × h × w, their heatmaps, on that grid or a coarser one whose corners
/// are its corners. Hints, in pixels of the grid, are evidence that is nearly certain: the chain passes through them. `None` for a
/// skeleton that does not consist of three vertebrae or more with four corners each (top left, top right, bottom left, bottom
/// right, from top to bottom), and for points or maps that make no chain.
///
/// ```
/// use ikem_core::{Heatmaps, Keypoints, Point, Size, Skeleton, decode_column};
///
/// let grid = Size::new(64, 256);
/// let corner = |k: usize| Point::new(24.0 + 16.0 * (k % 2) as f32, 20.0 + (12 * (k / 4) + 8 * (k % 4 / 2)) as f32);
/// let spine: Keypoints = (0..68).map(corner).collect();
/// let maps = Heatmaps::gaussian(&spine, grid, 2.0);
/// // Expected a quarter of a level too low: the chain goes back to where the maps show vertebrae.
/// let low: Keypoints = spine.iter().map(|&point| point + Point::new(0.0, 3.0)).collect();
/// let found = decode_column(&Skeleton::spine(), &low, maps.view(), grid, &[]).expect("a chain").keypoints;
/// for (found, spine) in found.iter().zip(spine.iter()) {
///     assert!(found.distance(*spine) < 1.5, "{found:?} is not near {spine:?}");
/// }
/// ```
#[must_use]
pub fn decode_column(
    skeleton: &Skeleton,
    expected: &Keypoints,
    maps: ArrayView3<'_, f32>,
    grid: Size,
    hints: &[Hint],
) -> Option<Column> {
    let plates = plates(skeleton)?;
    if expected.len() != skeleton.len() || maps.dim().0 != skeleton.len() {
        return None;
    }
    let ends: Vec<Point> = plates.iter().map(|[l, r]| (expected[*l] + expected[*r]) * 0.5).collect();
    let midline = Midline::new(&ends, STEPS_PER_LEVEL)?;
    let places: Vec<Place> = expected.iter().map(|&point| midline.place(point)).collect();
    let mut evidence = Evidence::new(&midline, &plates, &places, maps, grid)?;
    for hint in hints {
        evidence.hint(hint, &midline, &plates, &places);
    }
    let (scores, expected) = (evidence.scores(), evidence.expected());
    let gaps = gaps(&expected);
    let found = chain(&scores, &gaps)?;
    let spine = Spine { midline, plates, places, expected };
    let keypoints = spine.moved(&found, 0)?;
    let alternatives = match hints {
        [] => spine.recounts(&scores, &gaps, &found),
        // A hint settles the count.
        _ => Vec::new(),
    };
    Some(Column { keypoints, alternatives })
}

/// A spine as it is expected: its end plates along a midline.
struct Spine {
    midline: Midline,
    plates: Vec<Plate>,
    /// The keypoints' places, and the end plates' in steps.
    places: Vec<Place>,
    expected: Vec<f32>,
}

impl Spine {
    /// The corners of a chain that is counted `by` vertebrae further than expected. They go along the spine by as much as their end
    /// plate does; each end plate is shaped as the one expected there, if there is one.
    fn moved(&self, chain: &Chain, by: isize) -> Option<Keypoints> {
        let mut keypoints = Keypoints::from(vec![Point::default(); self.places.len()]);
        for (index, (plate, &found)) in self.plates.iter().zip(&chain.places).enumerate() {
            let source = index.checked_add_signed(-2 * by).filter(|&index| index < self.plates.len());
            let source = source.unwrap_or(index);
            let moved = found as f32 - self.expected[source];
            for (&corner, &from) in plate.iter().zip(&self.plates[source]) {
                let Place { along, across } = self.places[from];
                keypoints[corner] = self.midline.at(Place { along: along + moved, across });
            }
        }
        keypoints.iter().all(|point| point.is_finite()).then_some(keypoints)
    }

    /// The chain `found`, counted otherwise: the likelier one first.
    fn recounts(&self, scores: &[Vec<f32>], gaps: &[Gap], found: &Chain) -> Vec<Recount> {
        let recounted = RECOUNTS.iter().filter_map(|&by| Some((by, recounted(scores, gaps, found, by)?)));
        let chains: Vec<(isize, Chain)> = recounted.collect();
        let scores: Vec<f32> = [found]
            .into_iter()
            .chain(chains.iter().map(|(_, chain)| chain))
            .map(|chain| chain.score)
            .collect();
        let recount = |((by, chain), probability): (&(isize, Chain), &f32)| {
            Some(Recount { by: *by, probability: *probability, keypoints: self.moved(chain, *by)? })
        };
        let probabilities = probabilities(&scores);
        let mut recounts: Vec<Recount> = chains.iter().zip(&probabilities[1..]).filter_map(recount).collect();
        recounts.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        recounts
    }
}

/// A place beside a midline.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Steps along the midline.
    along: f32,
    /// Pixels to the right of it, seen downwards along it from its left.
    across: f32,
}

/// The end plates of a spine from top to bottom: the upper and the lower one of each vertebra.
fn plates(skeleton: &Skeleton) -> Option<Vec<Plate>> {
    let vertebrae = skeleton.vertebrae();
    let plates = vertebrae.iter().map(|vertebra| match *vertebra.corners.as_slice() {
        [tl, tr, bl, br] => Some([[tl, tr], [bl, br]]),
        _ => None,
    });
    let plates: Vec<Plate> = plates.collect::<Option<Vec<_>>>()?.concat();
    (vertebrae.len() >= 3).then_some(plates)
}

/// How far apart neighbouring end plates are likely to be: heights and discs as expected, smoothed over levels.
fn gaps(expected: &[f32]) -> Vec<Gap> {
    let gaps: Vec<f32> = expected.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let every_other = |first: usize| gaps.iter().copied().skip(first).step_by(2).collect::<Vec<_>>();
    let smooth = [every_other(0), every_other(1)].map(|gaps| smoothed(&gaps, LEVELS));
    let gap = |index: usize| {
        let mean = smooth[index % 2].get(index / 2).copied().unwrap_or_default().max(1.0);
        let spread = [HEIGHT_SPREAD, DISC_SPREAD][index % 2] * mean;
        Gap { mean, spread: if index % 2 == 1 { spread.max(LEAST_GAP_SPREAD) } else { spread } }
    };
    (0..gaps.len()).map(gap).collect()
}

/// Values smoothed by a Gaussian of standard deviation `std`; beyond the ends they go on as they end.
fn smoothed(values: &[f32], std: f32) -> Vec<f32> {
    let reach = (3.0 * std) as isize + 1;
    let weights: Vec<f32> = (-reach..=reach).map(|i| (-0.5 * (i as f32 / std).powi(2)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let last = values.len() as isize - 1;
    let at = |index: isize| values[index.clamp(0, last.max(0)) as usize];
    let smooth = |place: isize| {
        let terms = weights.iter().zip(-reach..=reach).map(|(weight, by)| weight * at(place + by));
        terms.sum::<f32>() / total
    };
    (0..=last).map(smooth).collect()
}
