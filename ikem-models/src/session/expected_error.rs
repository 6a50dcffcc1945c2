//! How far keypoints are expected to be off.

use ikem_core::{Hints, Skeleton};

use super::{Session, UNSURE_BELOW};

/// The weight of the mean confidence of all keypoints relative to that of the vertebrae around one, in the geometric mean of
/// both. A network that miscounts is sure of many wrong points, but less so of the film as a whole.
const OVERALL: f32 = 0.6;
/// How many vertebrae above and below a keypoint's own count as around it.
const NEARBY: usize = 2;
/// The least confidence that counts, which bounds the expected error.
const LEAST: f32 = 0.02;
/// The expected error relative to the frame's height is `SCALE` × confidence ^ −`SLOPE`: fitted to the bundled model's errors on
/// the validation films by least squares of logarithms, without hints and with some.
const SLOPE: f32 = 1.87;
const SCALE: [f32; 2] = [0.002_86, 0.002_34];
/// The expected error relative to the frame's height from which on a keypoint is doubtful: about one in four keypoints that are
/// off by less than a fortieth of the height is, on the validation films. Corrections leave fewer and smaller errors.
const DOUBTFUL: [f32; 2] = [1.0 / 58.5, 1.0 / 91.0];

/// How far the keypoints of a spine are expected to be off, relative to the height of the frame.
///
/// The height of a heatmap's peak tells how precisely a point is placed, but not whether the vertebrae were counted correctly, which
/// causes the largest errors. Where the network hesitates between two counts, it does so for all vertebrae around. The estimate
/// therefore depends on the confidences around a keypoint and on all of them, and on whether there are hints.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedErrors {
    /// Of each keypoint; 0 for hinted ones, `None` for those that are not visible.
    relative: Vec<Option<f32>>,
    /// From which on keypoints are doubtful.
    doubtful: f32,
}

impl ExpectedErrors {
    /// The expected errors of keypoints with these confidences, which are `None` for keypoints that are not visible. `None` unless
    /// the skeleton is a [spine](Skeleton::is_spine) with as many keypoints.
    #[must_use]
    pub fn new(skeleton: &Skeleton, confidences: &[Option<f32>], hints: &Hints) -> Option<Self> {
        if !skeleton.is_spine() || skeleton.len() != confidences.len() {
            return None;
        }
        let of_vertebra: Vec<Option<f32>> = skeleton
            .vertebrae()
            .iter()
            .map(|vertebra| mean(vertebra.corners.iter().filter_map(|corner| *confidences.get(*corner)?)))
            .collect();
        let overall = mean(of_vertebra.iter().copied().flatten()).unwrap_or(LEAST);
        let hinted = usize::from(!hints.is_empty());
        let mut relative = vec![None; confidences.len()];
        for (index, vertebra) in skeleton.vertebrae().iter().enumerate() {
            let around = of_vertebra.iter().take(index + NEARBY + 1).skip(index.saturating_sub(NEARBY));
            let around = mean(around.copied().flatten()).unwrap_or(overall);
            let confidence = overall.max(LEAST).powf(OVERALL) * around.max(LEAST).powf(1.0 - OVERALL);
            for &corner in vertebra.corners.iter().filter(|corner| confidences[**corner].is_some()) {
                let is_hinted = hints.get(corner).is_some();
                relative[corner] =
                    Some(if is_hinted { 0.0 } else { SCALE[hinted] * confidence.powf(-SLOPE) });
            }
        }
        Some(Self { relative, doubtful: DOUBTFUL[hinted] })
    }

    /// The expected distance of a keypoint from where a person would put it, in pixels, where the network sees a frame of `height`
    /// pixels of the film; `None` if the keypoint is not visible.
    #[must_use]
    pub fn pixels(&self, keypoint: usize, height: f64) -> Option<f64> {
        Some(f64::from((*self.relative.get(keypoint)?)?) * height)
    }

    /// Whether a keypoint may be wrong.
    #[must_use]
    pub fn is_doubtful(&self, keypoint: usize) -> bool {
        self.relative.get(keypoint).copied().flatten().is_some_and(|error| error >= self.doubtful)
    }
}

/// The keypoints that may be wrong, those that are expected to be farthest off first, and of equal ones the least confident.
/// Confidences are `None` for keypoints that are not visible. Those of skeletons that are no spines are in doubt below
/// [`UNSURE_BELOW`].
#[must_use]
pub fn suspects(skeleton: &Skeleton, confidences: &[Option<f32>], hints: &Hints) -> Vec<usize> {
    let expected = ExpectedErrors::new(skeleton, confidences, hints);
    let visible =
        confidences.iter().enumerate().filter_map(|(keypoint, confidence)| Some((keypoint, (*confidence)?)));
    let mut found: Vec<(f64, f32, usize)> = visible
        .filter(|(keypoint, confidence)| match &expected {
            Some(expected) => expected.is_doubtful(*keypoint),
            None => *confidence < UNSURE_BELOW && hints.get(*keypoint).is_none(),
        })
        .map(|(keypoint, confidence)| {
            let error = expected.as_ref().and_then(|expected| expected.pixels(keypoint, 1.0));
            (error.unwrap_or_default(), confidence, keypoint)
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    found.into_iter().map(|(_, _, keypoint)| keypoint).collect()
}

impl Session {
    /// How far the keypoints of the present state are expected to be off; `None` unless they are those of a spine.
    #[must_use]
    pub fn expected_errors(&self) -> Option<ExpectedErrors> {
        ExpectedErrors::new(&self.predictor.config().skeleton, &self.visible(), self.hints())
    }

    /// The keypoints of the present state that may be wrong, the most doubtful first.
    #[must_use]
    pub fn suspects(&self) -> Vec<usize> {
        suspects(&self.predictor.config().skeleton, &self.visible(), self.hints())
    }

    fn visible(&self) -> Vec<Option<f32>> {
        self.prediction().confidences().iter().copied().map(Some).collect()
    }
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f32)
}

#[cfg(test)]
mod tests {
    use ikem_core::{Hint, Point};

    use super::*;

    fn expected(confidences: &[Option<f32>], hints: &Hints) -> ExpectedErrors {
        ExpectedErrors::new(&Skeleton::spine(), confidences, hints).expect("a spine")
    }

    #[test]
    fn equal_confidences_are_off_by_the_fitted_curve() {
        let confidences = [Some(0.5); 68];
        let none = expected(&confidences, &Hints::new());
        let pixels = none.pixels(7, 1000.0).expect("visible");
        assert!((pixels - 2.86 * 0.5_f64.powf(-1.87)).abs() < 1e-3, "{pixels}");
        let hints: Hints = [Hint::new(4, Point::new(1.0, 1.0))].into_iter().collect();
        let hinted = expected(&confidences, &hints);
        assert_eq!(hinted.pixels(4, 1000.0), Some(0.0));
        let pixels = hinted.pixels(7, 1000.0).expect("visible");
        assert!((pixels - 2.34 * 0.5_f64.powf(-1.87)).abs() < 1e-3, "{pixels}");
    }

    #[test]
    fn doubt_spreads_to_vertebrae_nearby_and_not_to_hints() {
        // T8 is unsure on a film that is sure otherwise.
        let unsure = |k: usize| if k / 4 == 7 { 0.05 } else { 0.47 };
        let confidences: Vec<Option<f32>> = (0..68).map(|k| Some(unsure(k))).collect();
        let hints: Hints = [Hint::new(28, Point::new(1.0, 1.0))].into_iter().collect();
        let found = suspects(&Skeleton::spine(), &confidences, &hints);
        let mut vertebrae: Vec<usize> = found.iter().map(|k| k / 4).collect();
        vertebrae.dedup();
        vertebrae.sort_unstable();
        vertebrae.dedup();
        assert_eq!(vertebrae, [5, 6, 7, 8, 9]);
        assert!(!found.contains(&28) && found.contains(&29));
    }

    #[test]
    fn keypoints_that_are_not_visible_do_not_count() {
        let confidences: Vec<Option<f32>> = (0..68).map(|k| (k >= 16).then_some(0.9)).collect();
        let expected = expected(&confidences, &Hints::new());
        assert_eq!(expected.pixels(0, 1000.0), None);
        assert!(expected.pixels(16, 1000.0).expect("visible") < 4.0);
        assert_eq!(suspects(&Skeleton::spine(), &confidences, &Hints::new()), [0; 0]);
        assert_eq!(suspects(&Skeleton::spine(), &[Some(0.0); 68], &Hints::new()).len(), 68);
        assert_eq!(suspects(&Skeleton::spine(), &[None; 68], &Hints::new()), [0; 0]);
    }

    #[test]
    fn other_skeletons_go_by_each_confidence_alone() {
        let numbered = Skeleton::numbered(4);
        let hints: Hints = [Hint::new(1, Point::new(1.0, 1.0))].into_iter().collect();
        let confidences = [Some(0.2), Some(0.1), Some(0.05), Some(0.9)];
        assert_eq!(ExpectedErrors::new(&numbered, &confidences, &hints), None);
        assert_eq!(suspects(&numbered, &confidences, &hints), [2, 0]);
    }
}
