use ikem_core::{Hints, Keypoints};

use super::doubt::Doubt;
use crate::prediction::Prediction;
use crate::view::View;

/// What a session would show after a hint that was not committed; see [`Session::preview`](crate::Session::preview).
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub(super) hints: Hints,
    pub(super) prediction: Prediction,
    pub(super) view: View,
    pub(super) doubt: Option<Doubt>,
}

impl Preview {
    /// The keypoints to show: those of the prediction, and hinted ones where the person put them; image space.
    #[must_use]
    pub fn keypoints(&self) -> Keypoints {
        self.hints.applied_to(self.prediction.keypoints())
    }

    /// The prediction, without the hinted positions.
    #[must_use]
    pub const fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The session's hints and the one that is tried.
    #[must_use]
    pub const fn hints(&self) -> &Hints {
        &self.hints
    }

    /// The view in which the network saw the film, extended to contain the hint.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The reason to doubt what would be shown, if there is one.
    #[must_use]
    pub const fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }
}
