//! End plates stay in order when their corners are moved.

use super::{Plate, plates};
use crate::geometry::Point;
use crate::hints::Hints;
use crate::keypoints::Keypoints;
use crate::skeleton::Skeleton;

/// Keypoints that were `moved` from a spine, `before`; but where end plates would thereby cross their neighbours or change
/// places with them, both stay, and so does a vertebra whose corners, with the hinted ones where they are shown, would no
/// longer outline one. All stay where they were for a skeleton other than that of [`decode_column`](super::decode_column).
#[must_use]
pub fn in_order(skeleton: &Skeleton, before: &Keypoints, mut moved: Keypoints, hints: &Hints) -> Keypoints {
    match plates(skeleton) {
        Some(plates) if [before.len(), moved.len()] == [skeleton.len(); 2] => {
            keep_order(&plates, before, &mut moved);
            for fault in skeleton.misshapen(&hints.applied_to(&moved)) {
                if fault.above.is_none() {
                    skeleton.vertebrae()[fault.vertebra].corners.iter().for_each(|&k| moved[k] = before[k]);
                }
            }
            moved
        }
        _ => before.clone(),
    }
}

/// Moves the corners of end plates back to where they were `before`, where they cross the ones above or below.
pub(super) fn keep_order(plates: &[Plate], before: &Keypoints, keypoints: &mut Keypoints) {
    let last = plates.len().saturating_sub(1);
    // The direction of the spine at an end plate and the one below, from their neighbours, which are further apart.
    let down = |index: usize| {
        let [above, below] = [index.saturating_sub(1), (index + 2).min(last)];
        middle(before, &plates[below]) - middle(before, &plates[above])
    };
    let below = |points: &Keypoints, index: usize| {
        middle(points, &plates[index + 1]).y > middle(points, &plates[index]).y
    };
    let crossed = |points: &Keypoints, index: usize| {
        let (down, pairs) = (down(index), plates[index].iter().zip(&plates[index + 1]));
        let mut sides = pairs.map(|(&a, &b)| points[b] - points[a]);
        sides.any(|by| by.x * down.x + by.y * down.y <= 0.0) || below(points, index) != below(before, index)
    };
    let moved = |points: &Keypoints, index: usize| {
        plates[index..=index + 1].iter().flatten().any(|&corner| points[corner] != before[corner])
    };
    // Each pass moves at least one more end plate back.
    while let Some(index) = (0..last).find(|&i| crossed(keypoints, i) && moved(keypoints, i)) {
        for &corner in plates[index..=index + 1].iter().flatten() {
            keypoints[corner] = before[corner];
        }
    }
}

/// The middle of an end plate.
fn middle(points: &Keypoints, [left, right]: &Plate) -> Point {
    (points[*left] + points[*right]) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hints::Hint;

    fn spine() -> Keypoints {
        let corner =
            |k: usize| Point::new(100.0 + 40.0 * (k % 2) as f32, (50 * (k / 4) + 30 * (k % 4 / 2)) as f32);
        (0..68).map(corner).collect()
    }

    #[test]
    fn only_end_plates_that_cross_are_moved_back() {
        let (skeleton, before, none) = (Skeleton::spine(), spine(), Hints::new());
        let mut moved: Keypoints = before.iter().map(|&point| point + Point::new(3.0, 4.0)).collect();
        assert_eq!(in_order(&skeleton, &before, moved.clone(), &none), moved);
        // The lower right corner of T5 above its upper right one.
        moved[19] = Point::new(143.0, 190.0);
        let kept = in_order(&skeleton, &before, moved.clone(), &none);
        for k in 0..68 {
            let expected = if (16..20).contains(&k) { before[k] } else { moved[k] };
            assert_eq!(kept[k], expected, "{k}");
        }
    }

    #[test]
    fn a_vertebra_that_a_hint_would_fold_stays() {
        let (skeleton, before) = (Skeleton::spine(), spine());
        let mut moved = before.clone();
        // The left side of T5 is moved to the right, where it is beyond the hinted upper right corner.
        (16..20).for_each(|k| moved[k] = moved[k] + Point::new(30.0, 0.0));
        let hint = Hint::new(17, before[17] + Point::new(-15.0, 0.0));
        assert_eq!(in_order(&skeleton, &before, moved.clone(), &Hints::new()), moved);
        assert_eq!(in_order(&skeleton, &before, moved, &[hint].into_iter().collect()), before);
    }

    #[test]
    fn nothing_moves_without_a_spine() {
        let (before, none) = (spine(), Hints::new());
        let moved: Keypoints = before.iter().map(|&point| point + Point::new(3.0, 4.0)).collect();
        assert_eq!(in_order(&Skeleton::numbered(68), &before, moved.clone(), &none), before);
        assert_eq!(
            in_order(&Skeleton::spine(), &before, moved.iter().copied().skip(4).collect(), &none),
            before
        );
    }
}
