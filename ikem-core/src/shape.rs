//! Points that cannot be a spine, such as a wrong correction leaves behind.

use crate::geometry::Point;
use crate::hints::Hints;
use crate::keypoints::Keypoints;
use crate::outline::{Outline, around, median};
use crate::skeleton::Skeleton;

/// The most that a vertebra may be turned against its neighbour: the cosine of 60 degrees.
const LEAST_COSINE: f64 = 0.5;
/// The most that neighbouring vertebrae may be apart, relative to the median distance.
const FARTHEST: f64 = 3.0;
/// The width and height of a vertebra relative to the medians around it.
const SIZES: std::ops::RangeInclusive<f64> = 1.0 / 3.0..=3.0;
/// The part of its height by which a vertebra may overlap its neighbour.
const OVERLAP: f64 = 1.0 / 3.0;

/// A vertebra that is not placed as in a spine, by its index in [`Skeleton::vertebrae`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misshapen {
    /// The vertebra.
    pub vertebra: usize,
    /// The vertebra above, which it does not follow; `None` if its own corners outline no vertebra.
    pub above: Option<usize>,
}

impl Skeleton {
    /// The vertebrae that are not placed as in a spine, from top to bottom.
    ///
    /// Either the four corners of a vertebra are not those of a convex quadrilateral, lie in the other direction than those of
    /// most vertebrae, or are three times as far apart as those around it, or a third; or it does not follow the one above: it overlaps
    /// it by a third of its height, lies beyond it, is turned against it by 60 degrees, or is three times as far from it as
    /// most are from their neighbours. Vertebrae without all corners are left out. Empty unless all vertebrae have four
    /// corners.
    ///
    /// ```
    /// use ikem_core::{Point, Skeleton};
    /// let corner = |k: usize| Point::new(100.0 + 40.0 * (k % 2) as f32, (50 * (k / 4) + 30 * (k % 4 / 2)) as f32);
    /// let mut spine: Vec<Point> = (0..68).map(corner).collect();
    /// assert!(Skeleton::spine().misshapen(&spine).is_empty());
    /// spine.swap(16, 17); // The upper corners of T5.
    /// assert_eq!(Skeleton::spine().misshapen(&spine)[0].vertebra, 4);
    /// ```
    #[must_use]
    pub fn misshapen(&self, keypoints: &[Point]) -> Vec<Misshapen> {
        let outlines = Outline::all(self, keypoints).unwrap_or_default();
        let turnings: Vec<i32> = outlines.iter().map(Outline::turning).collect();
        // A film may be a mirror image.
        let usual = if turnings.iter().sum::<i32>() < 0 { -1 } else { 1 };
        let is_usual = |index: usize| {
            let is_usual = |size: fn(&Outline) -> f64| {
                SIZES.contains(
                    &(size(&outlines[index]) / around(&outlines, index, |other| size(&outlines[other]))),
                )
            };
            turnings[index] == usual && is_usual(Outline::width) && is_usual(Outline::height)
        };
        let crossed = (0..outlines.len())
            .filter(|&index| !is_usual(index))
            .map(|index| Misshapen { vertebra: outlines[index].level, above: None });
        let apart = |pair: &[Outline]| {
            (pair[1].center - pair[0].center).length() / (pair[1].level - pair[0].level) as f64
        };
        let usually_apart = median(outlines.windows(2).map(apart));
        let astray = outlines
            .windows(2)
            .filter(|pair| !follows(&pair[0], &pair[1]) || apart(pair) > FARTHEST * usually_apart)
            .map(|pair| Misshapen { vertebra: pair[1].level, above: Some(pair[0].level) });
        let mut misshapen: Vec<Misshapen> = crossed.chain(astray).collect();
        misshapen.sort_by_key(|found| (found.vertebra, found.above.is_some()));
        misshapen
    }

    /// Keypoints of which these `folded` vertebrae are replaced: by the mean of the nearest ones above and below that outline a
    /// vertebra, weighted by how near they are; at an end of the spine by the nearest one, moved along the line through the two
    /// nearest. Unchanged where there are fewer than two.
    #[must_use]
    pub fn mended(&self, keypoints: &Keypoints, folded: &[usize]) -> Keypoints {
        let misshapen = self.misshapen(keypoints);
        let is_good =
            |outline: &Outline| !misshapen.contains(&Misshapen { vertebra: outline.level, above: None });
        let outlines = Outline::all(self, keypoints).unwrap_or_default();
        let good: Vec<&Outline> = outlines.iter().filter(|outline| is_good(outline)).collect();
        let mut mended = keypoints.clone();
        for &level in folded.iter().filter(|level| **level < self.vertebrae().len()) {
            let next = good.partition_point(|outline| outline.level < level);
            let (near, far, mixes) = match (next.checked_sub(1), good.get(next)) {
                (Some(above), Some(below)) => (good[above], *below, true),
                (Some(last), None) if last > 0 => (good[last], good[last - 1], false),
                (None, Some(first)) if good.len() > 1 => (*first, good[1], false),
                _ => continue,
            };
            let steps = |from: &Outline, to: usize| to as f32 - from.level as f32;
            let share = steps(near, level) / steps(near, far.level);
            let along = far.center - near.center;
            let along = Point::new(along.x as f32, along.y as f32) * share;
            let [corners, of_near, of_far] =
                [level, near.level, far.level].map(|level| &self.vertebrae()[level].corners);
            for ((&corner, &one), &other) in corners.iter().zip(of_near).zip(of_far) {
                let by = if mixes { (keypoints[other] - keypoints[one]) * share } else { along };
                mended[corner] = keypoints[one] + by;
            }
        }
        mended
    }

    /// Keypoints of which the corners beside hinted ones moved along with these where they would otherwise outline no
    /// vertebra: by the mean distance that the hints moved the corners of the same vertebra. Other vertebrae stay, and so does
    /// one whose corners would still outline none.
    #[must_use]
    pub fn carried(&self, keypoints: &Keypoints, hints: &Hints) -> Keypoints {
        let mut carried = keypoints.clone();
        let shown = hints.applied_to(keypoints);
        for Misshapen { vertebra, above } in self.misshapen(&shown) {
            let corners = &self.vertebrae()[vertebra].corners;
            let by: Vec<Point> =
                corners.iter().filter_map(|&k| Some(hints.get(k)? - *keypoints.get(k)?)).collect();
            if above.is_some() || by.is_empty() {
                continue;
            }
            let by = by.iter().fold(Point::default(), |sum, &by| sum + by) * (1.0 / by.len() as f32);
            let mut moved = carried.clone();
            corners.iter().for_each(|&corner| moved[corner] = moved[corner] + by);
            let itself = Misshapen { vertebra, above: None };
            if !self.misshapen(&hints.applied_to(&moved)).contains(&itself) {
                carried = moved;
            }
        }
        carried
    }
}

/// Whether a vertebra follows another one as in a spine, however that is turned.
fn follows(above: &Outline, below: &Outline) -> bool {
    let gap = below.center - above.center;
    let cosine = above.across.dot(below.across) / (above.width() * below.width()).max(f64::MIN_POSITIVE);
    gap.dot(above.down + below.down) > 0.0
        && cosine > LEAST_COSINE
        && above.overlap(below) < OVERLAP * above.height().min(below.height())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hints::Hint;

    /// A straight spine of vertebrae of 40 × 30 pixels, 50 apart, turned by `degrees`.
    fn spine(degrees: f64) -> Keypoints {
        let (sin, cos) = libm::sincos(degrees.to_radians());
        let corner = |k: usize| {
            let (x, y) = (40.0 * (k % 2) as f64, (50 * (k / 4) + 30 * (k % 4 / 2)) as f64);
            Point::new((900.0 + cos * x - sin * y) as f32, (900.0 + sin * x + cos * y) as f32)
        };
        (0..68).map(corner).collect()
    }

    fn misshapen(points: &Keypoints) -> Vec<(usize, Option<usize>)> {
        Skeleton::spine().misshapen(points).iter().map(|found| (found.vertebra, found.above)).collect()
    }

    #[test]
    fn a_spine_is_well_shaped_however_it_is_turned_or_mirrored() {
        for degrees in [0.0, 40.0, 90.0, 180.0, -100.0] {
            let spine = spine(degrees);
            assert_eq!(misshapen(&spine), []);
            let mirrored: Keypoints =
                spine.iter().map(|point| Point::new(2000.0 - point.x, point.y)).collect();
            assert_eq!(misshapen(&mirrored), []);
        }
    }

    #[test]
    fn each_fault_is_found() {
        let moved = |vertebra: usize, by: Point| {
            let mut points = spine(0.0);
            (4 * vertebra..4 * vertebra + 4).for_each(|k| points[k] = points[k] + by);
            misshapen(&points)
        };
        // On the next one, beyond it, and far from both.
        assert_eq!(moved(4, Point::new(0.0, 40.0)), [(5, Some(4))]);
        assert_eq!(moved(4, Point::new(0.0, 75.0)), [(5, Some(4))]);
        assert_eq!(moved(4, Point::new(300.0, 0.0)), [(4, Some(3)), (5, Some(4))]);
        // At the end, one level beyond the next one.
        assert_eq!(moved(16, Point::new(0.0, -100.0)), [(16, Some(15))]);
        // A corner beyond the opposite one; a dent.
        let mut points = spine(0.0);
        points[16] = points[19] + Point::new(9.0, 9.0);
        assert_eq!(misshapen(&points), [(4, None)]);
        let mut points = spine(0.0);
        points[16] = points[16] + Point::new(30.0, 20.0);
        assert_eq!(misshapen(&points), [(4, None)]);
        // A vertebra turned by 90 degrees around its centre.
        let (mut points, turned) = (spine(0.0), spine(90.0));
        for k in 16..20 {
            points[k] = points[16] + (turned[k] - turned[16]) + Point::new(15.0, 15.0);
        }
        assert_eq!(misshapen(&points), [(4, Some(3)), (5, Some(4))]);
    }

    #[test]
    fn vertebrae_that_are_not_seen_have_no_fault() {
        let mut points = spine(0.0);
        points[16] = Point::ABSENT;
        points[17] = Point::new(0.0, 0.0);
        assert_eq!(misshapen(&points), []);
        assert!(Skeleton::numbered(68).misshapen(&points).is_empty());
        assert!(Skeleton::spine().misshapen(&points[..3]).is_empty());
    }

    #[test]
    fn folded_vertebrae_are_mended_by_their_neighbours() {
        let (skeleton, spine) = (Skeleton::spine(), spine(20.0));
        let mut folded = spine.clone();
        folded.swap(16, 19);
        folded.swap(20, 22);
        folded.swap(64, 67);
        let mended = skeleton.mended(&folded, &[4, 5]);
        for k in 0..68 {
            let expected = if k < 64 { spine[k] } else { folded[k] };
            assert!(mended[k].distance(expected) < 1e-3, "{k}: {:?}, not {expected:?}", mended[k]);
        }
        assert_eq!(skeleton.mended(&folded, &[]), folded);
        // One good vertebra does not tell where others are.
        let mut all = spine.clone();
        (0..16).for_each(|vertebra| all.swap(4 * vertebra, 4 * vertebra + 3));
        assert_eq!(skeleton.mended(&all, &[3]), all);
    }

    #[test]
    fn only_a_vertebra_that_a_hint_would_fold_is_carried_along() {
        let (skeleton, spine) = (Skeleton::spine(), spine(0.0));
        let hints = |hints: &[(usize, Point)]| -> Hints {
            hints.iter().map(|&(k, by)| Hint::new(k, spine[k] + by)).collect()
        };
        assert_eq!(skeleton.carried(&spine, &hints(&[(16, Point::new(5.0, 5.0))])), spine);
        let by = Point::new(70.0, 10.0);
        let folding = hints(&[(16, by)]);
        let carried = skeleton.carried(&spine, &folding);
        for k in 0..68 {
            let expected = if (16..20).contains(&k) { spine[k] + by } else { spine[k] };
            assert_eq!(carried[k], expected, "{k}");
        }
        assert!(skeleton.misshapen(&folding.applied_to(&carried)).iter().all(|found| found.above.is_some()));
        // Left and right swapped: nothing that the other corners could do.
        let swapped = hints(&[(16, Point::new(40.0, 0.0)), (17, Point::new(-40.0, 0.0))]);
        assert_eq!(skeleton.carried(&spine, &swapped), spine);
    }
}
