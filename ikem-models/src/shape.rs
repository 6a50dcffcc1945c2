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

#[cfg(test)]
mod tests {
    use ikem_core::{GrayImage, Hint, Point, Size};

    use super::*;
    use crate::{ModelConfig, NetworkConfig, UnetConfig, View};

    fn predictor(column: bool) -> Predictor {
        let network = NetworkConfig::Unet(UnetConfig { width: 2, gate_width: None, ..UnetConfig::default() });
        let config = ModelConfig { size: Size::new(64, 96), column, ..ModelConfig::new(network) };
        Predictor::builder().untrained(&config, 1).expect("a predictor")
    }

    fn spine() -> Keypoints {
        let corner = |k: usize| {
            Point::new(180.0 + 40.0 * (k % 2) as f32, (80 + 50 * (k / 4) + 30 * (k % 4 / 2)) as f32)
        };
        (0..68).map(corner).collect()
    }

    /// What becomes of a spine of which `folded` are moved, with a hint that moves T5-TL `by`.
    fn in_shape(
        predictor: &Predictor,
        folded: &[(usize, Point)],
        by: Point,
        before: Option<&Keypoints>,
    ) -> Keypoints {
        let size = Size::new(400, 1000);
        let film = GrayImage::new(size, vec![0.5; size.area()]).expect("pixels");
        let image = predictor.prepare(&film, &View::whole(size)).expect("an image");
        let mut prediction = predictor.predict_prepared(&image, &Hints::new(), None).expect("a prediction");
        prediction.keypoints = spine();
        folded.iter().for_each(|&(k, by)| prediction.keypoints[k] = prediction.keypoints[k] + by);
        let hints: Hints = [Hint::new(16, spine()[16] + by)].into_iter().collect();
        predictor.in_shape(&image, &hints, prediction, before).expect("a prediction").keypoints
    }

    #[test]
    fn only_what_hints_made_of_other_vertebrae_is_taken_back() {
        let (predictor, before) = (predictor(true), spine());
        let (small, far) = (Point::new(4.0, 5.0), Point::new(70.0, 10.0));
        // T6 moves a little: as the network has it.
        let kept = in_shape(&predictor, &[(20, small)], small, Some(&before));
        assert_eq!(kept[20], before[20] + small);
        // T6 folds: all stay, also those that do not fold.
        let kept = in_shape(&predictor, &[(20, far), (40, small)], small, Some(&before));
        assert_eq!(kept, before);
        // T5 alone folds, which the person wants: all of it moves along.
        let carried = in_shape(&predictor, &[(40, small)], far, Some(&before));
        for k in 0..68 {
            let by = match k {
                16..20 => far,
                40 => small,
                _ => Point::default(),
            };
            assert_eq!(carried[k], before[k] + by, "{k}");
        }
    }

    #[test]
    fn without_points_from_before_those_without_hints_are_taken() {
        let predictor = predictor(true);
        let folded = in_shape(&predictor, &[(20, Point::new(70.0, 10.0))], Point::default(), None);
        let size = Size::new(400, 1000);
        let film = GrayImage::new(size, vec![0.5; size.area()]).expect("pixels");
        let alone = predictor.predict_in(&film, View::whole(size)).expect("a prediction");
        let hints = [Hint::new(16, spine()[16])].into_iter().collect();
        assert_eq!(folded, predictor.config().skeleton.carried(alone.keypoints(), &hints));
    }

    #[test]
    fn networks_without_a_column_answer_as_published() {
        let far = Point::new(70.0, 10.0);
        let kept = in_shape(&predictor(false), &[(20, far)], far, Some(&spine()));
        assert_eq!((kept[20], kept[17]), (spine()[20] + far, spine()[17]));
    }
}
