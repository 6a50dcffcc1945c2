//! Plausibility checks of the corners of a single image.

use ikem_core::{Skeleton, Vertebra};

use super::Fault;
use crate::manifest::{ManifestEntry, is_seen};

/// The smallest plausible ratio of height to width; about 0.3 % of AASCE's vertebrae are flatter.
const FLATTEST: f64 = 1.0 / 6.0;
/// Corners of a vertebra closer than this fraction of its longest side count as coinciding.
const NEAREST: f64 = 0.1;

/// Checks the labels of one image. Vertebrae without exactly four corners only get the checks that apply to any
/// keypoint.
#[must_use]
pub fn audit(entry: &ManifestEntry, skeleton: &Skeleton) -> Vec<Fault> {
    let corners = Corners::new(entry, skeleton);
    let mut faults = Vec::new();
    if corners.is_rolled() {
        faults.push(Fault::Rolled);
    }
    for index in 0..corners.quads.len() {
        corners.check_vertebra(index, &mut faults);
    }
    corners.check_sides(&mut faults);
    corners.check_points(&mut faults);
    faults
}

/// The corners of a vertebra, `[y, x]` relative to the image size, in the order TL, TR, BL, BR.
pub(super) type Quad = [[f64; 2]; 4];

/// The corners of one image by vertebra.
pub(super) struct Corners<'a> {
    entry: &'a ManifestEntry,
    skeleton: &'a Skeleton,
    vertebrae: Vec<&'a Vertebra>,
    pub(super) quads: Vec<Quad>,
}

impl<'a> Corners<'a> {
    pub(super) fn new(entry: &'a ManifestEntry, skeleton: &'a Skeleton) -> Self {
        let mut found = Self { entry, skeleton, vertebrae: Vec::new(), quads: Vec::new() };
        for vertebra in skeleton.vertebrae() {
            let points: Vec<[f64; 2]> =
                vertebra.corners.iter().filter_map(|&index| entry.corners_yx.get(index).copied()).collect();
            if points.iter().all(is_seen)
                && let Ok(quad) = Quad::try_from(points)
            {
                found.vertebrae.push(vertebra);
                found.quads.push(quad);
            }
        }
        found
    }

    /// Whether the last vertebra is the topmost and the others are in order.
    pub(super) fn is_rolled(&self) -> bool {
        let heights: Vec<f64> =
            self.quads.iter().map(|quad| quad.iter().map(|[y, _]| y).sum::<f64>()).collect();
        match heights.split_last() {
            Some((last, [first, rest @ ..])) if !rest.is_empty() => {
                last < first && heights.windows(2).rev().skip(1).all(|pair| pair[0] < pair[1])
            }
            _ => false,
        }
    }

    /// Whether the upper and the lower corners have left and right swapped.
    pub(super) fn swaps([tl, tr, bl, br]: &Quad) -> (bool, bool) {
        (tl[1] > tr[1], bl[1] > br[1])
    }

    /// Whether the quadrilateral TL, TR, BR, BL is convex and clockwise as displayed.
    pub(super) fn is_convex(&self, [tl, tr, bl, br]: &Quad) -> bool {
        let [height, width] = self.entry.y_x_size.map(f64::from);
        let ring = [tl, tr, br, bl].map(|&[y, x]| [y * height, x * width]);
        (0..4).all(|i| {
            let [a, b, c] = [ring[i], ring[(i + 1) % 4], ring[(i + 2) % 4]];
            (b[1] - a[1]) * (c[0] - b[0]) - (b[0] - a[0]) * (c[1] - b[1]) > 0.0
        })
    }

    /// The ratio of height to width, each measured between the midpoints of opposite sides.
    fn ratio(&self, [tl, tr, bl, br]: &Quad) -> f64 {
        let [height, width] = self.entry.y_x_size.map(f64::from);
        let across = |a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]| {
            let [y, x] = [0, 1].map(|axis| 0.5 * (c[axis] + d[axis] - a[axis] - b[axis]));
            (y * height).hypot(x * width)
        };
        across(*tl, *tr, *bl, *br) / across(*tl, *bl, *tr, *br)
    }

    fn check_vertebra(&self, index: usize, faults: &mut Vec<Fault>) {
        let (Some(quad), Some(vertebra)) = (self.quads.get(index), self.vertebrae.get(index)) else { return };
        let name = || vertebra.name.clone();
        let (top, bottom) = Self::swaps(quad);
        if top || bottom {
            faults.push(Fault::Swapped { vertebra: name(), top, bottom });
        } else if !self.is_convex(quad) {
            faults.push(Fault::InsideOut { vertebra: name() });
        }
        let ratio = self.ratio(quad);
        if ratio < FLATTEST {
            faults.push(Fault::Flat { vertebra: name(), ratio });
        }
    }

    /// On each side of the spine, y must increase: TL, BL, TL, BL … and TR, BR, TR, BR ….
    fn check_sides(&self, faults: &mut Vec<Fault>) {
        let height = f64::from(self.entry.y_x_size[0]);
        for (upper, lower) in [(0, 2), (1, 3)] {
            let side: Vec<(&Vertebra, usize, f64)> = self
                .vertebrae
                .iter()
                .zip(&self.quads)
                .flat_map(|(vertebra, quad)| {
                    [(*vertebra, upper, quad[upper][0]), (*vertebra, lower, quad[lower][0])]
                })
                .collect();
            for pair in side.windows(2) {
                let ((.., above), (vertebra, corner, below)) = (pair[0], pair[1]);
                let name = || self.name(vertebra.corners[corner]);
                if below < above {
                    faults.push(Fault::NotMonotone { keypoint: name(), pixels: (above - below) * height });
                } else if below == above {
                    faults.push(Fault::Level { keypoint: name() });
                }
            }
        }
    }

    fn check_points(&self, faults: &mut Vec<Fault>) {
        let points = &self.entry.corners_yx;
        for (index, &[y, x]) in points.iter().enumerate().filter(|(_, place)| is_seen(place)) {
            if ![y, x].iter().all(|value| (0.0..=1.0).contains(value)) {
                faults.push(Fault::Outside { keypoint: self.name(index), x, y });
            }
            let vertebra = self.skeleton.vertebra_of(index);
            let others = points.iter().enumerate().skip(index + 1).filter(|(_, place)| is_seen(place));
            for (other, _) in others.filter(|&(other, &point)| self.coincide(vertebra, [y, x], other, point))
            {
                faults.push(Fault::Coinciding { first: self.name(index), second: self.name(other) });
            }
        }
    }

    /// Whether `a`, of vertebra `vertebra`, and the keypoint `other` at `b` coincide. Corners of adjacent vertebrae may.
    fn coincide(&self, vertebra: Option<usize>, a: [f64; 2], other: usize, b: [f64; 2]) -> bool {
        let distance = self.distance(a, b);
        match (vertebra, self.skeleton.vertebra_of(other)) {
            (Some(one), Some(two)) if one == two => {
                let quad = self.skeleton.vertebrae().get(one).map(|vertebra| vertebra.corners.iter());
                let corners: Vec<_> = quad
                    .into_iter()
                    .flatten()
                    .filter_map(|&index| self.entry.corners_yx.get(index).filter(|place| is_seen(place)))
                    .collect();
                let longest = corners.iter().flat_map(|a| corners.iter().map(|b| self.distance(**a, **b)));
                distance < (NEAREST * longest.fold(0.0, f64::max)).max(1.0)
            }
            (Some(one), Some(two)) if one.abs_diff(two) == 1 => false,
            _ => distance < 1.0,
        }
    }

    /// The distance in pixels.
    fn distance(&self, [y, x]: [f64; 2], [v, u]: [f64; 2]) -> f64 {
        let [height, width] = self.entry.y_x_size.map(f64::from);
        ((y - v) * height).hypot((x - u) * width)
    }

    fn name(&self, index: usize) -> String {
        self.skeleton.names().get(index).cloned().unwrap_or_else(|| index.to_string())
    }
}
