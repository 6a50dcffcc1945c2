use std::collections::BTreeMap;

use ikem_core::{Frame, Size, Skeleton, Spacing};
use serde::{Deserialize, Serialize};

use super::angles::MeasuredAngles;
use super::{Settings, Threshold};
use crate::noc::first_pass;
use crate::play::{Played, Step};
use crate::shift::best_shift;

/// One image of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Case {
    /// The image's name.
    pub image: String,
    /// The image's size in pixels.
    pub size: Size,
    /// The pixel spacing, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Spacing>,
    /// MRE after 0, 1, … N clicks of model revision, in pixels of the image.
    pub model_mre: Vec<f64>,
    /// The same under manual revision.
    pub manual_mre: Vec<f64>,
    /// The keypoints corrected in model revision, in order.
    pub corrected: Vec<String>,
    /// The number of clicks of model revision to each target; `None` if it was not reached.
    pub clicks_to: BTreeMap<Threshold, Option<usize>>,
    /// The best shift of the vertebra count of the first prediction.
    pub shift: Option<isize>,
    /// Cobb angles of the labels.
    pub label_angles: Option<MeasuredAngles>,
    /// The region of the film that the network saw at first, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// The locator's confidence in the presence of a spine, 0…1; `None` when the frame was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locator_confidence: Option<f32>,
    /// Why the first prediction may not be a spine, in words; its angles are then omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// Cobb angles of the first prediction.
    pub first_angles: Option<MeasuredAngles>,
    /// Cobb angles after the last click of model revision.
    pub last_angles: Option<MeasuredAngles>,
}

impl Case {
    pub(super) fn new(played: &Played, settings: &Settings, skeleton: &Skeleton) -> Self {
        let truth = &played.truth;
        let model_mre = played.model_mre();
        let angles = |step: Option<&Step>| MeasuredAngles::new(&step?.shown, truth, skeleton);
        let corrected = played.model.iter().filter_map(|step| step.click);
        Self {
            image: truth.image.clone(),
            size: truth.size,
            spacing: truth.spacing,
            clicks_to: settings
                .targets
                .iter()
                .map(|&target| (Threshold(target), first_pass(&model_mre, target)))
                .collect(),
            model_mre,
            manual_mre: played.manual_mre(),
            corrected: corrected.filter_map(|hint| skeleton.names().get(hint.keypoint).cloned()).collect(),
            shift: played
                .model
                .first()
                .and_then(|step| best_shift(&step.shown, &truth.keypoints, skeleton, settings.shift_limit))
                .map(|shift| shift.vertebrae),
            label_angles: MeasuredAngles::new(&truth.keypoints, truth, skeleton),
            frame: played.frame,
            locator_confidence: played.locator_confidence,
            first_angles: angles(played.model.first().filter(|_| played.doubt.is_none())),
            doubt: played.doubt.clone(),
            last_angles: angles(played.model.last()),
        }
    }
}
