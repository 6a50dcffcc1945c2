use ikem_core::{Keypoints, Point, Size, Spacing};
use serde::{Deserialize, Serialize};

use crate::statistics::mean;
use crate::truth::GroundTruth;

/// The radial error of every keypoint: its Euclidean distance to the label in pixels of the image; NaN where the label is
/// not seen ([`Point::ABSENT`]). As many as the shorter of the two has.
#[must_use]
pub fn radial_errors(prediction: &Keypoints, labels: &Keypoints) -> Vec<f64> {
    scaled_errors(prediction, labels, [1.0, 1.0])
}

/// The radial error of every keypoint in *model space*: labels and prediction are rescaled, each axis separately, from
/// an image of size `image` to the network's grid of size `model`.
///
/// ```
/// use ikem_core::{Point, Size};
/// let (found, label) = (vec![Point::new(9.0, 0.0)].into(), vec![Point::new(0.0, 16.0)].into());
/// assert_eq!(ikem_eval::model_errors(&found, &label, Size::new(768, 2048), Size::new(256, 512)), [5.0]);
/// ```
#[must_use]
pub fn model_errors(prediction: &Keypoints, labels: &Keypoints, image: Size, model: Size) -> Vec<f64> {
    let scale = [model.width as f64 / image.width as f64, model.height as f64 / image.height as f64];
    scaled_errors(prediction, labels, scale)
}

/// The radial error of every keypoint in millimetres; `None` if only the aspect ratio of a pixel is known.
#[must_use]
pub fn millimetre_errors(prediction: &Keypoints, labels: &Keypoints, spacing: Spacing) -> Option<Vec<f64>> {
    Some(scaled_errors(prediction, labels, spacing.millimetres()?))
}

/// The unit of distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub(crate) enum Unit {
    /// Pixels of the original image.
    ImagePixels,
    /// Pixels of the network's grid of this size.
    ModelPixels(Size),
    /// Millimetres.
    Millimetres,
}

impl Unit {
    /// The radial error of every keypoint in this unit; `None` for millimetres if the spacing is unknown.
    #[must_use]
    pub(crate) fn errors(self, prediction: &Keypoints, truth: &GroundTruth) -> Option<Vec<f64>> {
        match self {
            Self::ImagePixels => Some(radial_errors(prediction, &truth.keypoints)),
            Self::ModelPixels(model) => Some(model_errors(prediction, &truth.keypoints, truth.size, model)),
            Self::Millimetres => millimetre_errors(prediction, &truth.keypoints, truth.spacing?),
        }
    }
}

/// Distances after multiplying x and y by `scale`.
fn scaled_errors(prediction: &Keypoints, labels: &Keypoints, scale: [f64; 2]) -> Vec<f64> {
    let distance = |(a, b): (&Point, &Point)| {
        if b.is_absent() {
            return f64::NAN;
        }
        let off = |a: f32, b: f32, scale: f64| (f64::from(a) - f64::from(b)) * scale;
        let (x, y) = (off(a.x, b.x, scale[0]), off(a.y, b.y, scale[1]));
        (x * x + y * y).sqrt()
    };
    prediction.iter().zip(labels.iter()).map(distance).collect()
}

/// The mean radial error of the keypoints of one image in pixels, without those whose labels are not seen; NaN without
/// keypoints.
#[must_use]
pub fn mre(prediction: &Keypoints, labels: &Keypoints) -> f64 {
    mean_error(&radial_errors(prediction, labels))
}

/// The errors of the keypoints that are seen.
pub(crate) fn of_seen(errors: &[f64]) -> impl Iterator<Item = f64> {
    errors.iter().copied().filter(|error| !error.is_nan())
}

/// The mean error of the keypoints that are seen; NaN if none is.
pub(crate) fn mean_error(errors: &[f64]) -> f64 {
    mean(&of_seen(errors).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_distance_in_three_units() {
        let truth =
            GroundTruth::new("a", Size::new(512, 512), vec![Point::new(10.0, 10.0)].into()).expect("a truth");
        let found = vec![Point::new(16.0, 18.0)].into();
        let model = Unit::ModelPixels(Size::new(256, 512));
        assert_eq!(Unit::ImagePixels.errors(&found, &truth), Some(vec![10.0]));
        assert_eq!(model.errors(&found, &truth), Some(vec![73.0_f64.sqrt()]));
        assert_eq!(Unit::Millimetres.errors(&found, &truth), None);
        let truth = truth.with_spacing(Spacing::new(0.5, 0.25));
        assert_eq!(Unit::Millimetres.errors(&found, &truth), Some(vec![13.0_f64.sqrt()]));
        let truth = truth.with_spacing(Spacing::of_ratio(2.0, 1.0));
        assert_eq!(Unit::Millimetres.errors(&found, &truth), None);
    }
}
