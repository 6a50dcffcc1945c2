//! Sessions that are saved and resumed.

use std::sync::Arc;

use ikem_core::{Error as Wrong, GrayImage, Hint, Hints, History, Keypoints};
use serde::{Deserialize, Serialize};

use super::{Session, State, UNDO_STEPS};
use crate::error::Result;
use crate::prediction::{Maps, Prediction};
use crate::predictor::Predictor;
use crate::prepared_image::PreparedImage;
use crate::view::View;

/// A state of a session in a form that a file can hold: everything that was shown, without the network's maps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The hints in the order they were given.
    pub hints: Hints,
    /// The keypoints as the network placed them, image space.
    pub keypoints: Keypoints,
    /// The peak of each keypoint's heatmap, 0…1.
    pub confidences: Vec<f32>,
    /// The number of vertebrae by which the names were moved down since the start.
    #[serde(default)]
    pub shift: isize,
    /// The view in which the network saw the film; `None` is the whole film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Predictor {
    /// Resumes the annotation of `image` from the states of another session, whichever network predicted there. Until
    /// the next prediction, heatmaps are Gaussians at the keypoints.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) when a state is not of this image and these keypoints; when the
    /// device fails.
    pub fn resume(&self, image: &GrayImage, states: &History<Snapshot>) -> Result<Session> {
        let mut session = self.session(image)?;
        let mut views = vec![Arc::clone(&session.first.image)];
        session.history =
            states.try_map(|snapshot| session.state(snapshot, &mut views))?.with_limit(UNDO_STEPS);
        Ok(session)
    }
}

impl Session {
    /// The present state and those that undo and redo lead to, to be saved; [`Predictor::resume`] restores them.
    #[must_use]
    pub fn snapshots(&self) -> History<Snapshot> {
        let snapshot = |state: &State| {
            Ok::<_, std::convert::Infallible>(Snapshot {
                hints: state.hints.clone(),
                keypoints: state.prediction.keypoints().clone(),
                confidences: state.prediction.confidences().to_vec(),
                shift: state.shift,
                view: Some(state.image.view).filter(|view| *view != View::whole(self.film.size())),
            })
        };
        let Ok(snapshots) = self.history.try_map(snapshot);
        snapshots
    }

    /// Makes `snapshot` the present state, whichever session it is from. This can be undone.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if it does not fit this image and skeleton; the session is then as
    /// before.
    pub fn adopt(&mut self, snapshot: &Snapshot) -> Result<()> {
        let state = self.state(snapshot, &mut Vec::new())?;
        self.history.push(state);
        Ok(())
    }

    /// The state of a snapshot, if it fits this session.
    ///
    /// `views` are the views of the film that are prepared already; a missing one is added.
    fn state(&self, snapshot: &Snapshot, views: &mut Vec<Arc<PreparedImage>>) -> Result<State> {
        let (config, size) = (self.predictor.config(), self.film.size());
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
        if let Some((keypoint, &point)) =
            snapshot.keypoints.iter().enumerate().find(|(_, point)| !size.is_near(**point))
        {
            return Err(Wrong::OutsideImage { keypoint, point, size }.into());
        }
        let sure = |confidence: &f32| if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) };
        let view = snapshot.view.unwrap_or(View::whole(size));
        let image = match views.iter().find(|image| image.view == view) {
            Some(image) => Arc::clone(image),
            None => {
                let image = Arc::new(self.predictor.prepare(&self.film, &view)?);
                views.push(Arc::clone(&image));
                image
            }
        };
        let prediction = Prediction {
            keypoints: snapshot.keypoints.clone(),
            alternatives: Vec::new(),
            confidences: snapshot.confidences.iter().map(sure).collect(),
            maps: Maps::Gaussians,
            grid: config.size,
            film: size,
            frame: view.frame,
            std: config.std,
        };
        Ok(State { hints, prediction, image, shift: snapshot.shift, refused: None })
    }
}
