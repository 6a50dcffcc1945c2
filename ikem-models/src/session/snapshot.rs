//! Sessions written down and taken up again.

use ikem_core::{Error as Wrong, GrayImage, Hint, Hints, History, Keypoints};
use serde::{Deserialize, Serialize};

use super::{Session, State, UNDO_STEPS};
use crate::error::Result;
use crate::prediction::{Maps, Prediction};
use crate::predictor::Predictor;

/// A state of a session as a file can keep it: what was shown, without the network's maps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The hints in the order they were given.
    pub hints: Hints,
    /// The keypoints as the network placed them, image space.
    pub keypoints: Keypoints,
    /// The peak of each keypoint's heatmap, 0…1.
    pub confidences: Vec<f32>,
    /// By how many vertebrae the names were moved down since the beginning.
    #[serde(default)]
    pub shift: isize,
}

impl Session {
    /// The present state and those that undo and redo lead to, to be written down; [`Predictor::resume`] goes on there.
    #[must_use]
    pub fn snapshots(&self) -> History<Snapshot> {
        let snapshot = |state: &State| {
            Ok::<_, std::convert::Infallible>(Snapshot {
                hints: state.hints.clone(),
                keypoints: state.prediction.keypoints().clone(),
                confidences: state.prediction.confidences().to_vec(),
                shift: state.shift,
            })
        };
        let Ok(snapshots) = self.history.try_map(snapshot);
        snapshots
    }

    /// Makes `snapshot` the present state, whoever made it. Undo takes this back.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) when it is not of this image and these keypoints; the session is then as
    /// before.
    pub fn adopt(&mut self, snapshot: &Snapshot) -> Result<()> {
        let state = self.state(snapshot)?;
        self.history.push(state);
        Ok(())
    }

    pub(crate) fn resume(
        predictor: Predictor,
        image: &GrayImage,
        states: &History<Snapshot>,
    ) -> Result<Self> {
        let mut session = Self::new(predictor, image)?;
        session.history = states.try_map(|snapshot| session.state(snapshot))?.with_limit(UNDO_STEPS);
        Ok(session)
    }

    /// The state of a snapshot that can be one of this session.
    fn state(&self, snapshot: &Snapshot) -> Result<State> {
        let (config, size) = (self.predictor.config(), self.image.size);
        let count = config.keypoints();
        for (what, found) in
            [("keypoints", snapshot.keypoints.len()), ("confidences", snapshot.confidences.len())]
        {
            if found != count {
                return Err(Wrong::Length { what, expected: count, found }.into());
            }
        }
        let hints = snapshot.hints.iter().map(|hint| hint.checked(count, size));
        let hints = hints.collect::<Result<Vec<Hint>, _>>()?.into_iter().collect();
        if let Some((keypoint, &point)) = snapshot.keypoints.iter().enumerate().find(|(_, p)| !p.is_finite())
        {
            return Err(Wrong::OutsideImage { keypoint, point, size }.into());
        }
        let sure = |confidence: &f32| if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) };
        let prediction = Prediction {
            keypoints: snapshot.keypoints.clone(),
            confidences: snapshot.confidences.iter().map(sure).collect(),
            maps: Maps::Gaussians { image: size, std: config.std },
            grid: config.size,
        };
        Ok(State { hints, prediction, shift: snapshot.shift })
    }
}
