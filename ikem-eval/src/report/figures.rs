use ikem_core::{FieldError, Skeleton};
use serde::{Deserialize, Serialize};

use super::estimate::full_estimates;
use super::series::Course;
use super::{AngleFigures, Breakdown, Effort, Series, Settings, ShiftCount, SuspectFigures};
use crate::bootstrap::Interval;
use crate::error::Error;
use crate::play::{Played, Step};
use crate::protocol::Protocol;

/// The figures of a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    /// The number of images.
    pub images: usize,
    /// Errors by click of model revision, in which the network moves the other keypoints.
    pub model: Series,
    /// Errors by click of manual revision.
    pub manual: Series,
    /// The benefit of the network: the difference of the MRE of manual and model revision after 0, 1, … N clicks.
    pub gain: Vec<f64>,
    /// Interval of [`gain`](Self::gain).
    pub gain_interval: Vec<Option<Interval>>,
    /// The number of clicks to each target in model revision.
    #[serde(flatten)]
    pub effort: Effort,
    /// The number of clicks to each target in manual revision.
    pub manual_effort: Effort,
    /// Errors by keypoint.
    pub keypoints: Breakdown,
    /// Errors by vertebra.
    pub vertebrae: Breakdown,
    /// How first predictions miscount vertebrae.
    pub shifts: Vec<ShiftCount>,
    /// Cobb angles, if the skeleton is a spine ([`Skeleton::is_spine`]).
    pub cobb: Option<AngleFigures>,
    /// How well doubtful keypoints are those that are wrong, if the reviser tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspects: Option<SuspectFigures>,
}

impl Figures {
    pub(super) fn new(
        protocol: &Protocol,
        settings: &Settings,
        skeleton: &Skeleton,
        played: &[&Played],
    ) -> Result<Self, Error> {
        check(played, protocol.clicks, skeleton)?;
        let draws = settings.bootstrap.draw(played.len())?;
        let series = |steps: fn(&Played) -> &[Step]| {
            let course = Course {
                truths: played.iter().map(|image| &image.truth).collect(),
                steps: played.iter().map(|image| steps(image)).collect(),
                clicks: protocol.clicks,
            };
            course.series(settings, protocol, skeleton, &draws)
        };
        let curves = |mre: fn(&Played) -> Vec<f64>| played.iter().map(|image| mre(image)).collect::<Vec<_>>();
        let (model, manual) = (curves(Played::model_mre), curves(Played::manual_mre));
        let (gain, gain_interval) =
            full_estimates(protocol.clicks + 1, played.len(), &draws, |click, image| {
                manual[image][click] - model[image][click]
            });
        let effort = |curves: &[Vec<f64>]| Effort::new(curves, protocol.clicks, &settings.targets, &draws);
        Ok(Self {
            images: played.len(),
            model: series(|image| &image.model),
            manual: series(|image| &image.manual),
            gain,
            gain_interval,
            effort: effort(&model)?,
            manual_effort: effort(&manual)?,
            keypoints: Breakdown::by_keypoint(played, skeleton, &draws),
            vertebrae: Breakdown::by_vertebra(played, skeleton, &draws),
            shifts: ShiftCount::of(played, skeleton, settings.shift_limit),
            cobb: AngleFigures::new(played, skeleton, protocol.clicks, &draws),
            suspects: SuspectFigures::new(played, protocol.clicks),
        })
    }
}

/// Checks that every image was played with `clicks` clicks and is labelled with the skeleton's keypoints.
fn check(played: &[&Played], clicks: usize, skeleton: &Skeleton) -> Result<(), Error> {
    for image in played {
        let steps = if image.model.len() == clicks + 1 { image.manual.len() } else { image.model.len() };
        if steps != clicks + 1 {
            let expected = "one more than the protocol has clicks";
            return Err(FieldError::new("number of states of a played image", expected, steps).into());
        }
        if image.truth.keypoints.len() != skeleton.len() {
            return Err(Error::Length {
                image: image.truth.image.clone(),
                expected: skeleton.len(),
                found: image.truth.keypoints.len(),
            });
        }
    }
    Ok(())
}
