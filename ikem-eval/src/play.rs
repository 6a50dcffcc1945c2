use ikem_core::{FieldError, Frame, Hint, Hints, Keypoints, Reviser, Size};
use serde::{Deserialize, Serialize};

use crate::annotator::{Annotator, Rule};
use crate::error::Error;
use crate::radial::mre;
use crate::truth::GroundTruth;

/// How a simulated person corrects an image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protocol {
    /// How many clicks there are at the most (N).
    pub clicks: usize,
    /// Which point each of them corrects.
    pub rule: Rule,
    /// Standard deviation of a click's place around the label, along each axis, in pixels of the image.
    pub click_std: f64,
    /// What all random choices come from.
    pub seed: u64,
    /// The network's grid, in which errors are compared when a point is chosen.
    pub model_size: Size,
}

impl Default for Protocol {
    /// Ten exact clicks by [`Rule::WorstNew`], 256 × 512.
    fn default() -> Self {
        Self { clicks: 10, rule: Rule::WorstNew, click_std: 0.0, seed: 0, model_size: Size::new(256, 512) }
    }
}

/// The state after a number of clicks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The click that led here; none at the start, and where nothing was left to correct.
    pub click: Option<Hint>,
    /// The prediction as it came, corrected keypoints not put in place; image space.
    pub raw: Keypoints,
    /// The keypoints to show: corrected ones are where the person put them; image space.
    pub shown: Keypoints,
}

/// One image after a whole [`Protocol`] was played.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Played {
    /// The image and its labels.
    pub truth: GroundTruth,
    /// The states after 0, 1, … N clicks where the network moves the other points (N + 1 of them).
    pub model: Vec<Step>,
    /// The same under *manual revision*: each click corrects the then worst point of the first prediction and moves
    /// nothing else (N + 1 of them).
    pub manual: Vec<Step>,
    /// The part of the film that the network saw at first, as far as it was told.
    pub frame: Option<Frame>,
    /// How sure the locator was of a spine, 0…1; `None` where the frame was told.
    pub locator_confidence: Option<f32>,
    /// Why the first prediction may be no spine, in words.
    pub doubt: Option<String>,
}

impl Played {
    /// Mean radial error of the shown keypoints after 0, 1, … N clicks, in pixels of the image.
    #[must_use]
    pub fn model_mre(&self) -> Vec<f64> {
        self.mre_of(&self.model)
    }

    /// The same under manual revision.
    #[must_use]
    pub fn manual_mre(&self) -> Vec<f64> {
        self.mre_of(&self.manual)
    }

    fn mre_of(&self, steps: &[Step]) -> Vec<f64> {
        steps.iter().map(|step| mre(&step.shown, &self.truth.keypoints)).collect()
    }
}

impl Protocol {
    /// Lets a simulated person correct the image of `truth`, which `reviser` has predicted already, beginning with the
    /// first click.
    ///
    /// Where nothing is left to correct before the last click, the last state stands for all clicks that remain.
    /// A corrected point counts as it was put: exactly right when clicks are exact and the label lies on the image; a
    /// label beyond the border keeps its distance to it.
    ///
    /// # Errors
    /// [`Error::Argument`] for a protocol that cannot be played, [`Error::Length`] or [`Error::NotFinite`] for a
    /// prediction that does not go with the labels, [`Error::Refused`] when the reviser does not take a click.
    pub fn play<R: Reviser>(&self, reviser: &mut R, truth: &GroundTruth) -> Result<Played, Error> {
        let first = reviser.keypoints();
        let model = self.steps(self.rule, reviser, truth)?;
        let manual = self.steps(Rule::WorstNew, &mut Frozen { first, hints: Hints::new() }, truth)?;
        Ok(Played { truth: truth.clone(), model, manual, frame: None, locator_confidence: None, doubt: None })
    }

    fn steps<R: Reviser>(
        &self,
        rule: Rule,
        reviser: &mut R,
        truth: &GroundTruth,
    ) -> Result<Vec<Step>, Error> {
        let protocol = Self { rule, ..*self };
        let mut annotator = Annotator::new(&protocol, truth)?;
        let mut steps = vec![step(None, reviser, truth)?];
        for number in 1..=self.clicks {
            let click = annotator.click(reviser.raw_keypoints());
            if let Some(hint) = click {
                reviser.revise(hint).map_err(|error| Error::Refused {
                    image: truth.image.clone(),
                    click: number,
                    keypoint: hint.keypoint,
                    source: Box::new(error),
                })?;
            }
            steps.push(step(click, reviser, truth)?);
        }
        Ok(steps)
    }

    /// Checks the values.
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        FieldError::check_not_negative("click_std", self.click_std)?;
        if self.model_size.area() == 0 {
            return Err(FieldError::new("model_size", "at least 1 x 1", self.model_size));
        }
        match self.rule {
            Rule::FirstWrong(threshold) => FieldError::check_not_negative("rule.first-wrong", threshold),
            _ => Ok(()),
        }
    }
}

fn step<R: Reviser>(click: Option<Hint>, reviser: &R, truth: &GroundTruth) -> Result<Step, Error> {
    let (raw, shown) = (reviser.raw_keypoints().clone(), reviser.keypoints());
    truth.check(&raw)?;
    truth.check(&shown)?;
    Ok(Step { click, raw, shown })
}

/// Manual revision: the network moves nothing.
struct Frozen {
    first: Keypoints,
    hints: Hints,
}

impl Reviser for Frozen {
    type Error = std::convert::Infallible;

    fn raw_keypoints(&self) -> &Keypoints {
        &self.first
    }

    fn keypoints(&self) -> Keypoints {
        self.hints.applied_to(&self.first)
    }

    fn revise(&mut self, hint: Hint) -> Result<(), Self::Error> {
        self.hints.set(hint);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::Point;
    use proptest::prelude::*;

    use super::*;

    const SIZE: Size = Size::new(400, 900);

    fn truth(labels: Vec<Point>) -> GroundTruth {
        GroundTruth::new("drawn", SIZE, labels.into()).expect("a truth")
    }

    fn frozen(points: Vec<Point>) -> Frozen {
        Frozen { first: points.into(), hints: Hints::new() }
    }

    /// Knows the labels and tells them after the first correction.
    struct Perfect {
        labels: Keypoints,
        raw: Keypoints,
    }

    impl Reviser for Perfect {
        type Error = std::convert::Infallible;
        fn raw_keypoints(&self) -> &Keypoints {
            &self.raw
        }
        fn keypoints(&self) -> Keypoints {
            self.raw.clone()
        }
        fn revise(&mut self, _: Hint) -> Result<(), Self::Error> {
            self.raw = self.labels.clone();
            Ok(())
        }
    }

    fn points(count: usize) -> impl Strategy<Value = Vec<Point>> {
        let point = (-0.5_f32..400.0, -0.5_f32..900.0).prop_map(|(x, y)| Point::new(x, y));
        prop::collection::vec(point, count)
    }

    fn pair() -> impl Strategy<Value = (Vec<Point>, Vec<Point>)> {
        (1_usize..30).prop_flat_map(|count| (points(count), points(count)))
    }

    proptest! {
        #[test]
        fn exact_clicks_never_raise_the_manual_mre((labels, predicted) in pair(), clicks in 0_usize..40) {
            let protocol = Protocol { clicks, ..Protocol::default() };
            let played = protocol.play(&mut frozen(predicted.clone()), &truth(labels)).expect("play");
            let manual = played.manual_mre();
            prop_assert_eq!(manual.len(), clicks + 1);
            prop_assert!(manual.windows(2).all(|pair| pair[1] <= pair[0]), "{:?}", manual);
            if clicks >= predicted.len() {
                prop_assert_eq!(manual[clicks], 0.0);
            }
        }

        #[test]
        fn a_frozen_reviser_under_worst_new_equals_manual_revision(
            (labels, predicted) in pair(), clicks in 0_usize..12, click_std in 0.0..9.0,
        ) {
            let protocol = Protocol { clicks, click_std, ..Protocol::default() };
            let played = protocol.play(&mut frozen(predicted), &truth(labels)).expect("play");
            prop_assert_eq!(played.model, played.manual);
        }

        #[test]
        fn a_perfect_reviser_needs_one_click((labels, predicted) in pair()) {
            let truth = truth(labels);
            let mut perfect = Perfect { labels: truth.keypoints.clone(), raw: predicted.into() };
            let played = Protocol { clicks: 3, ..Protocol::default() }.play(&mut perfect, &truth).expect("play");
            prop_assert_eq!(&played.model_mre()[1..], [0.0; 3]);
        }
    }

    #[test]
    fn worst_may_spend_its_clicks_on_one_point_and_manual_revision_does_not() {
        let labels = vec![Point::new(10.0, 10.0), Point::new(10.0, 50.0), Point::new(10.0, 90.0)];
        let predicted = labels.iter().zip([6.0, 12.0, 3.0]).map(|(p, x)| *p + Point::new(x, 0.0)).collect();
        let protocol = Protocol { clicks: 2, rule: Rule::Worst, ..Protocol::default() };
        let played = protocol.play(&mut frozen(predicted), &truth(labels)).expect("play");
        assert_eq!(played.model_mre(), [7.0, 3.0, 3.0]);
        assert_eq!(played.manual_mre(), [7.0, 3.0, 1.0]);
        let clicked =
            |steps: &[Step]| steps.iter().map(|s| s.click.map(|hint| hint.keypoint)).collect::<Vec<_>>();
        assert_eq!(clicked(&played.model), [None, Some(1), Some(1)]);
        assert_eq!(clicked(&played.manual), [None, Some(1), Some(0)]);
    }

    #[test]
    fn a_label_beyond_the_border_keeps_its_distance_to_it() {
        let truth = truth(vec![Point::new(404.0, 10.0)]);
        let mut reviser = frozen(vec![Point::new(300.0, 10.0)]);
        let played = Protocol { clicks: 1, ..Protocol::default() }.play(&mut reviser, &truth).expect("play");
        assert_eq!(played.model_mre(), [104.0, 4.0]);
    }

    #[test]
    fn what_cannot_be_played_is_told() {
        let truth = truth(vec![Point::new(1.0, 1.0)]);
        let play = |protocol: Protocol, points| {
            protocol.play(&mut frozen(points), &truth).expect_err("not playable").to_string()
        };
        let point = vec![Point::new(2.0, 2.0)];
        let base = Protocol::default();
        for (protocol, expected) in [
            (
                Protocol { click_std: f64::NAN, ..base },
                "`click_std`: expected a finite number of at least 0, found NaN",
            ),
            (
                Protocol { model_size: Size::new(0, 512), ..base },
                "`model_size`: expected at least 1 x 1, found 0 x 512 px",
            ),
            (
                Protocol { rule: Rule::FirstWrong(-1.0), ..base },
                "`rule.first-wrong`: expected a finite number of at least 0, found -1",
            ),
        ] {
            let message = play(protocol, point.clone());
            assert!(message.contains(expected), "{message}");
        }
        assert!(play(base, vec![]).contains("0 keypoints predicted, 1 labelled"));
        assert!(
            play(base, vec![Point::new(f32::NAN, 0.0)]).contains("keypoint 0 of the prediction is (NaN, 0)")
        );
    }

    /// Takes nothing.
    struct Stubborn(Keypoints);

    impl Reviser for Stubborn {
        type Error = ikem_core::Error;
        fn raw_keypoints(&self) -> &Keypoints {
            &self.0
        }
        fn keypoints(&self) -> Keypoints {
            self.0.clone()
        }
        fn revise(&mut self, hint: Hint) -> Result<(), Self::Error> {
            Err(ikem_core::Error::UnknownIndex { index: hint.keypoint, count: 0 })
        }
    }

    #[test]
    fn a_refusal_names_image_click_and_keypoint() {
        let truth = truth(vec![Point::new(1.0, 1.0)]);
        let mut reviser = Stubborn(vec![Point::new(2.0, 2.0)].into());
        let error = Protocol::default().play(&mut reviser, &truth).expect_err("stubborn");
        assert_eq!(error.to_string(), "drawn: click 1, on keypoint 0, was refused");
        assert!(std::error::Error::source(&error).is_some());
    }
}
