//! What becomes of a prediction whose points form no spine, after hints that cannot be right.

use ikem_core::{Hints, Keypoints, Misshapen};

use crate::error::Result;
use crate::prediction::Prediction;
use crate::predictor::Predictor;
use crate::prepared_image::PreparedImage;

impl Predictor {
    /// A decoded prediction; but where the hints make vertebrae misshapen that have none, the vertebrae stay as they were
    /// `before` (or as the network sees them by itself), and where a hint folds its own vertebra, that is carried along.
    pub(crate) fn in_shape(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        prediction: Prediction,
        before: Option<&Keypoints>,
    ) -> Result<Prediction> {
        if hints.is_empty() || !self.config().column {
            return Ok(prediction);
        }
        let mut keypoints = prediction.keypoints.clone();
        if self.is_misshapen(&keypoints, hints) {
            let answer = Self::answer_of(&prediction);
            keypoints = match (before.filter(|before| !self.is_misshapen(before, hints)), answer) {
                (Some(before), _) => before.clone(),
                (None, Some(answer)) => self.decoded(image, answer)?.keypoints,
                (None, None) => keypoints,
            };
        }
        let keypoints = self.config().skeleton.carried(&keypoints, hints);
        Ok(Prediction { keypoints, ..prediction })
    }

    /// Whether vertebrae without hints are misshapen.
    fn is_misshapen(&self, keypoints: &Keypoints, hints: &Hints) -> bool {
        let skeleton = &self.config().skeleton;
        let free = |vertebra: usize| {
            let vertebra = skeleton.vertebrae().get(vertebra);
            vertebra
                .is_some_and(|vertebra| vertebra.corners.iter().all(|&corner| hints.get(corner).is_none()))
        };
        let fault = |found: &Misshapen| free(found.vertebra) && found.above.is_none_or(free);
        skeleton.misshapen(keypoints).iter().any(fault)
    }
}
