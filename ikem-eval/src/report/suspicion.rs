use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::play::Played;
use crate::radial::radial_errors;

/// A keypoint is wrong if it is off by more than this fraction of the image's height.
const WRONG: f64 = 1.0 / 40.0;

/// How well the keypoints that a reviser calls doubtful are those that are wrong, after 0, 1, … N clicks. Corrected keypoints do
/// not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuspectFigures {
    /// The number of keypoints of all images that are off by more than a fortieth of the image's height.
    pub wrong: Vec<usize>,
    /// The fraction of these that are called doubtful (recall); `None` where none is wrong.
    pub found: Vec<Option<f64>>,
    /// The fraction of the other keypoints that are called doubtful (false alarms); `None` where all are wrong.
    pub false_alarms: Vec<Option<f64>>,
}

/// Numbers of keypoints.
#[derive(Default)]
struct Count {
    all: usize,
    doubtful: usize,
}

impl Count {
    fn add(&mut self, doubtful: bool) {
        self.all += 1;
        self.doubtful += usize::from(doubtful);
    }

    fn fraction(&self) -> Option<f64> {
        (self.all > 0).then(|| self.doubtful as f64 / self.all as f64)
    }
}

impl SuspectFigures {
    /// `None` if the reviser called no keypoint doubtful.
    pub(super) fn new(played: &[&Played], clicks: usize) -> Option<Self> {
        if played.iter().flat_map(|image| &image.model).all(|step| step.suspects.is_empty()) {
            return None;
        }
        let (mut wrong, mut found, mut false_alarms) = (Vec::new(), Vec::new(), Vec::new());
        for click in 0..=clicks {
            let (mut bad, mut good) = (Count::default(), Count::default());
            for image in played {
                let Some(step) = image.model.get(click) else { continue };
                let corrected: BTreeSet<usize> = image
                    .model
                    .iter()
                    .take(click + 1)
                    .filter_map(|step| Some(step.click?.keypoint))
                    .collect();
                let limit = WRONG * image.truth.size.height as f64;
                let errors = radial_errors(&step.shown, &image.truth.keypoints);
                for (keypoint, error) in errors.into_iter().enumerate() {
                    if error.is_nan() || corrected.contains(&keypoint) {
                        continue;
                    }
                    let count = if error > limit { &mut bad } else { &mut good };
                    count.add(step.suspects.contains(&keypoint));
                }
            }
            wrong.push(bad.all);
            found.push(bad.fraction());
            false_alarms.push(good.fraction());
        }
        Some(Self { wrong, found, false_alarms })
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{Hint, Keypoints, Point, Size};

    use super::*;
    use crate::play::Step;
    use crate::truth::GroundTruth;

    #[test]
    fn wrong_keypoints_are_found_or_not() {
        let labels: Keypoints = (0..4).map(|k| Point::new(10.0, 20.0 * k as f32)).collect();
        let off = |errors: [f32; 4]| -> Keypoints {
            labels.iter().zip(errors).map(|(label, error)| *label + Point::new(error, 0.0)).collect()
        };
        let step = |click: Option<usize>, errors, suspects: &[usize]| Step {
            click: click.map(|keypoint| Hint::new(keypoint, labels[keypoint])),
            raw: off(errors),
            shown: off(errors),
            suspects: suspects.to_vec(),
        };
        // A fortieth of the height is 2 px.
        let truth = GroundTruth::new("drawn", Size::new(40, 80), labels.clone()).expect("labels");
        let model = vec![
            step(None, [0.0, 2.0, 3.0, 9.0], &[1, 3]),
            step(Some(3), [0.0, 0.0, 3.0, 0.0], &[2, 3]),
            step(Some(2), [0.0; 4], &[]),
        ];
        let mut played = Played {
            truth,
            manual: model.clone(),
            model,
            frame: None,
            locator_confidence: None,
            doubt: None,
        };
        let found = SuspectFigures::new(&[&played], 2).expect("figures");
        assert_eq!(found.wrong, [2, 1, 0]);
        assert_eq!(found.found, [Some(0.5), Some(1.0), None]);
        assert_eq!(found.false_alarms, [Some(0.5), Some(0.0), Some(0.0)]);
        for step in &mut played.model {
            step.suspects.clear();
        }
        assert_eq!(SuspectFigures::new(&[&played], 2), None);
    }
}
