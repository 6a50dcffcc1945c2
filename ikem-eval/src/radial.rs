use ikem_core::{Keypoints, Point, Size};

/// Radial error of every keypoint: its Euclidean distance to the label, in pixels of the image; as many as the
/// shorter of the two has.
#[must_use]
pub fn radial_errors(prediction: &Keypoints, labels: &Keypoints) -> Vec<f64> {
    scaled_errors(prediction, labels, [1.0, 1.0])
}

/// Radial error of every keypoint in *model space*: labels and prediction are plainly rescaled, each axis by
/// itself, from an image of size `image` to the network's grid of size `model`.
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

/// Distances after x and y were multiplied with `scale`.
pub(crate) fn scaled_errors(prediction: &Keypoints, labels: &Keypoints, scale: [f64; 2]) -> Vec<f64> {
    let distance = |(a, b): (&Point, &Point)| {
        let off = |a: f32, b: f32, scale: f64| (f64::from(a) - f64::from(b)) * scale;
        let (x, y) = (off(a.x, b.x, scale[0]), off(a.y, b.y, scale[1]));
        (x * x + y * y).sqrt()
    };
    prediction.iter().zip(labels.iter()).map(distance).collect()
}

/// Mean radial error of the keypoints of one image, in its pixels; NaN where there are none.
#[must_use]
pub fn mre(prediction: &Keypoints, labels: &Keypoints) -> f64 {
    mean(&radial_errors(prediction, labels))
}

/// The mean; NaN of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
