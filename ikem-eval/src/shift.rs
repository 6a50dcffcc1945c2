use ikem_core::{Keypoints, Skeleton};
use serde::{Deserialize, Serialize};

use crate::radial::mre;

/// The shift of the vertebra count that best fits a prediction to its labels: it separates the error of placement,
/// which remains, from that of counting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub(crate) struct Shift {
    /// By how many vertebrae the prediction counts too low: +1 means that its T5 lies on T6.
    pub vertebrae: isize,
    /// MRE of the vertebrae that have a counterpart after the shift, in pixels of the image.
    pub mre: f64,
}

/// The best shift by at most `limit` vertebrae, the smallest among equals. Vertebrae shifted beyond the spine's ends
/// are left out of the mean, so that `limit` should be small. `None` unless the skeleton is a spine.
#[must_use]
pub(crate) fn best_shift(
    prediction: &Keypoints,
    labels: &Keypoints,
    skeleton: &Skeleton,
    limit: usize,
) -> Option<Shift> {
    if !skeleton.is_spine() {
        return None;
    }
    let limit = limit.min(skeleton.vertebrae().len()) as isize;
    let mut shifts: Vec<isize> = (-limit..=limit).collect();
    shifts.sort_by_key(|shift| shift.abs());
    shifts
        .into_iter()
        .filter_map(|vertebrae| {
            Some(Shift { vertebrae, mre: shifted_mre(prediction, labels, skeleton, vertebrae)? })
        })
        .reduce(|best, next| if next.mre < best.mre { next } else { best })
}

/// The MRE when the prediction's vertebra v is compared with vertebra v + `shift` of the labels.
fn shifted_mre(prediction: &Keypoints, labels: &Keypoints, skeleton: &Skeleton, shift: isize) -> Option<f64> {
    let vertebrae = skeleton.vertebrae();
    let counterpart = |place: usize| vertebrae.get(place.checked_add_signed(shift)?);
    let mut pairs = Vec::new();
    for (place, vertebra) in vertebrae.iter().enumerate() {
        let Some(other) = counterpart(place) else { continue };
        if other.corners.len() != vertebra.corners.len() {
            return None;
        }
        pairs.extend(vertebra.corners.iter().copied().zip(other.corners.iter().copied()));
    }
    let chosen = |points: &Keypoints, indices: &mut dyn Iterator<Item = usize>| -> Option<Keypoints> {
        indices.map(|index| points.get(index).copied()).collect()
    };
    let found = chosen(prediction, &mut pairs.iter().map(|pair| pair.0))?;
    let labels = chosen(labels, &mut pairs.iter().map(|pair| pair.1))?;
    (!pairs.is_empty()).then(|| mre(&found, &labels)).filter(|mre| !mre.is_nan())
}

#[cfg(test)]
mod tests {
    use ikem_core::Point;

    use super::*;

    fn spine() -> Keypoints {
        (0..68)
            .map(|i| {
                Point::new(50.0 + 30.0 * (i % 2) as f32, 40.0 * (i / 4) as f32 + 25.0 * (i / 2 % 2) as f32)
            })
            .collect()
    }

    #[test]
    fn a_miscounted_spine_has_no_error_after_its_shift() {
        let (skeleton, labels) = (Skeleton::spine(), spine());
        // Everything is one vertebra too low, and 3 px to the right.
        let found: Keypoints = labels.iter().map(|p| *p + Point::new(3.0, 40.0)).collect();
        let shift = best_shift(&found, &labels, &skeleton, 3).expect("a shift");
        assert_eq!((shift.vertebrae, shift.mre), (1, 3.0));
        let up: Keypoints = labels.iter().map(|p| *p - Point::new(0.0, 80.0)).collect();
        assert_eq!(best_shift(&up, &labels, &skeleton, 3).map(|s| s.vertebrae), Some(-2));
        assert_eq!(best_shift(&up, &labels, &skeleton, 1).map(|s| (s.vertebrae, s.mre)), Some((-1, 40.0)));
    }

    #[test]
    fn a_correctly_counted_spine_is_not_shifted() {
        let (skeleton, labels) = (Skeleton::spine(), spine());
        assert_eq!(best_shift(&labels, &labels, &skeleton, 16).map(|s| (s.vertebrae, s.mre)), Some((0, 0.0)));
        assert_eq!(best_shift(&labels, &labels, &Skeleton::numbered(68), 3), None);
    }
}
