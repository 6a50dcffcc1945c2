use ikem_core::{Frame, Hint, Hints, Keypoints, Reviser};
use serde::Serialize;

use crate::annotator::Annotator;
use crate::error::Error;
use crate::protocol::Protocol;
use crate::radial::mre;
use crate::rule::Rule;
use crate::truth::GroundTruth;

/// The state after some number of clicks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The click that led to this state; `None` at the start, and when nothing was left to correct.
    pub click: Option<Hint>,
    /// The raw prediction, in which hinted keypoints are not moved to their hints; image space.
    pub raw: Keypoints,
    /// The displayed keypoints, with corrected ones where the annotator placed them; image space.
    pub shown: Keypoints,
    /// The keypoints that may be wrong according to the reviser, the most doubtful first.
    pub suspects: Vec<usize>,
}

/// An image corrected according to a [`Protocol`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Played {
    /// The image and its labels.
    pub truth: GroundTruth,
    /// The states after 0, 1, … N clicks of model revision, in which the network moves the other keypoints (N + 1
    /// states).
    pub model: Vec<Step>,
    /// The same for *manual revision*: each click corrects the currently worst keypoint of the first prediction and
    /// moves nothing else (N + 1 states).
    pub manual: Vec<Step>,
    /// The region of the film that the network saw at first, if known.
    pub frame: Option<Frame>,
    /// The locator's confidence in the presence of a spine, 0…1; `None` when the frame was given.
    pub locator_confidence: Option<f32>,
    /// Why the first prediction may not be a spine, in words.
    pub doubt: Option<String>,
}

impl Played {
    /// Mean radial error of the displayed keypoints after 0, 1, … N clicks, in pixels of the image.
    #[must_use]
    pub fn model_mre(&self) -> Vec<f64> {
        self.mre_of(&self.model)
    }

    /// The same for manual revision.
    #[must_use]
    pub fn manual_mre(&self) -> Vec<f64> {
        self.mre_of(&self.manual)
    }

    fn mre_of(&self, steps: &[Step]) -> Vec<f64> {
        steps.iter().map(|step| mre(&step.shown, &self.truth.keypoints)).collect()
    }
}

impl Protocol {
    /// Simulates the correction of the image of `truth`, starting from the prediction that `reviser` already made.
    ///
    /// When nothing is left to correct before the last click, the last state is repeated. A corrected keypoint counts
    /// where it was placed: exact when clicks are exact and the label lies on the image; a label beyond the border
    /// keeps its distance to it.
    ///
    /// # Errors
    /// [`Error::Argument`] for an invalid protocol, [`Error::Length`] or [`Error::NotFinite`] when a prediction does
    /// not match the labels, [`Error::Refused`] when the reviser rejects a click.
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
}

fn step<R: Reviser>(click: Option<Hint>, reviser: &R, truth: &GroundTruth) -> Result<Step, Error> {
    let (raw, shown) = (reviser.raw_keypoints().clone(), reviser.keypoints());
    truth.check(&raw)?;
    truth.check(&shown)?;
    Ok(Step { click, raw, shown, suspects: reviser.suspects() })
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
    use ikem_core::{Point, Size};
    use proptest::prelude::*;

    use super::*;

    const SIZE: Size = Size::new(400, 900);

    fn truth(labels: Vec<Point>) -> GroundTruth {
        GroundTruth::new("drawn", SIZE, labels.into()).expect("a truth")
    }

    fn frozen(points: Vec<Point>) -> Frozen {
        Frozen { first: points.into(), hints: Hints::new() }
    }

    /// Returns the labels after the first correction.
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
    fn worst_may_correct_one_keypoint_repeatedly_but_manual_revision_does_not() {
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
    fn invalid_protocols_and_predictions_are_rejected() {
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

    /// Rejects every hint.
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
