//! What becomes of a prediction in which vertebrae are folded, as after hints that cannot be right.

use ikem_core::{Hints, Keypoints, Point};

use crate::error::Result;
use crate::prediction::Prediction;
use crate::predictor::Predictor;
use crate::prepared_image::PreparedImage;

/// If more vertebrae than these are folded, the hints cannot be right; fewer are mended one by one.
const FEW: usize = 4;

impl Predictor {
    /// A decoded prediction with hints, in which no vertebra without hints is folded: a few such vertebrae are replaced by
    /// what their neighbours let expect ([`Skeleton::mended`](ikem_core::Skeleton::mended)); if there are many, all stay as they were `before`, or as the network sees them by itself.
    /// Where a hint folds its own vertebra, that is carried along.
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
        let skeleton = &self.config().skeleton;
        let folded = self.folded(&prediction.keypoints, hints);
        let keypoints = match folded.len() {
            0 => prediction.keypoints.clone(),
            few if few <= FEW => skeleton.mended(&prediction.keypoints, &folded),
            _ => match (before, Self::answer_of(&prediction)) {
                (Some(before), _) => before.clone(),
                (None, Some(answer)) => self.decoded(image, answer)?.keypoints,
                (None, None) => prediction.keypoints.clone(),
            },
        };
        let moved = skeleton.carried(&keypoints, hints);
        let on_film =
            |(&now, &then): (&Point, &Point)| if now == then { then } else { image.size.nearest(now) };
        let keypoints = moved.iter().zip(prediction.keypoints.iter()).map(on_film).collect();
        Ok(Prediction { keypoints, ..prediction })
    }

    /// The vertebrae without hints whose corners outline none.
    fn folded(&self, keypoints: &Keypoints, hints: &Hints) -> Vec<usize> {
        let skeleton = &self.config().skeleton;
        let free = |vertebra: &usize| {
            let vertebra = skeleton.vertebrae().get(*vertebra);
            vertebra
                .is_some_and(|vertebra| vertebra.corners.iter().all(|&corner| hints.get(corner).is_none()))
        };
        let found = skeleton.misshapen(keypoints).into_iter().filter(|found| found.above.is_none());
        found.map(|found| found.vertebra).filter(free).collect()
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{GrayImage, Hint, Size};

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
        // T6 folds: it is mended, the others are as the network has them.
        let kept = in_shape(&predictor, &[(20, far), (40, small)], small, Some(&before));
        assert_eq!((kept[20], kept[40]), (before[20], before[40] + small));
        // Five vertebrae fold: all stay, also those that do not fold.
        let folded: Vec<(usize, Point)> = [20, 24, 28, 32, 36].map(|k| (k, far)).to_vec();
        let kept = in_shape(&predictor, &[folded, vec![(40, small)]].concat(), small, Some(&before));
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
        let far = [20, 24, 28, 32, 36].map(|k| (k, Point::new(70.0, 10.0)));
        let folded = in_shape(&predictor, &far, Point::default(), None);
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
