use candle_core::Tensor;
use ikem_core::Keypoints;
use ikem_models::{CORNER_MAPS, CORNER_STRIDE};

use crate::error::Result;
use crate::loss::cross_entropy;

/// Beyond this many standard deviations, a target Gaussian is zero.
const REACH: f32 = 5.0;

/// The corner detector's loss: the mean cross-entropy of its maps against the largest of the Gaussians at the corners of all
/// vertebrae, whose pixels have additional weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct CornerLoss {
    /// Standard deviation of the Gaussians, in pixels of the map.
    pub std: f32,
    /// Additional weight of a pixel at a corner.
    pub corner_weight: f64,
}

impl CornerLoss {
    /// The loss of `logits` (B, 4, h, w) for images with these keypoints in pixels of the grid, four for each vertebra; a
    /// scalar.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn evaluate(&self, logits: &Tensor, keypoints: &[Keypoints]) -> Result<Tensor> {
        let (_, _, height, width) = logits.dims4()?;
        let maps: Vec<f32> =
            keypoints.iter().flat_map(|keypoints| self.maps(keypoints, width, height)).collect();
        let shape = (keypoints.len(), CORNER_MAPS, height, width);
        let targets = Tensor::from_vec(maps, shape, logits.device())?.to_dtype(logits.dtype())?;
        let weights = ((&targets * self.corner_weight)? + 1.0)?;
        let losses = (cross_entropy(logits, &targets)? * weights)?;
        Ok(losses.mean_all()?)
    }

    /// The target maps of one image. Absent keypoints have none.
    fn maps(&self, keypoints: &Keypoints, width: usize, height: usize) -> Vec<f32> {
        let mut maps = vec![0.0_f32; CORNER_MAPS * height * width];
        for (index, point) in keypoints.iter().enumerate().filter(|(_, point)| point.is_finite()) {
            let map = &mut maps[index % CORNER_MAPS * height * width..][..height * width];
            let [x, y] = [point.x, point.y].map(|value| value / CORNER_STRIDE as f32);
            let near = |center: f32, pixels: usize| {
                let first = (center - REACH * self.std).ceil().clamp(0.0, pixels as f32) as usize;
                let end = (center + REACH * self.std).floor().clamp(-1.0, pixels as f32 - 1.0) + 1.0;
                first..(end as usize).max(first)
            };
            let part =
                |pixel: usize, center: f32| (-0.5 * ((pixel as f32 - center) / self.std).powi(2)).exp();
            for row in near(y, height) {
                for column in near(x, width) {
                    let value = &mut map[row * width + column];
                    *value = value.max(part(row, y) * part(column, x));
                }
            }
        }
        maps
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use ikem_core::Point;

    use super::*;

    const LOSS: CornerLoss = CornerLoss { std: 1.3, corner_weight: 20.0 };

    /// Two vertebrae, one of whose corners is absent.
    fn keypoints() -> Keypoints {
        let points =
            [(4.0, 4.0), (11.0, 5.0), (4.0, 9.0), (11.0, 9.0), (5.0, 13.0), (12.5, 12.0), (5.0, 18.0)];
        points.map(|(x, y)| Point::new(x, y)).into_iter().chain([Point::ABSENT]).collect()
    }

    #[test]
    fn each_map_shows_its_corner_of_all_vertebrae() {
        let maps = LOSS.maps(&keypoints(), 8, 12);
        let at = |map: usize, x: usize, y: usize| maps[(map * 12 + y) * 8 + x];
        assert!((at(0, 2, 2) - 1.0).abs() < 1e-6, "the top left corner at (4, 4) of the grid");
        assert!((at(2, 2, 9) - (-0.5_f32 * (0.5_f32 / 1.3).powi(2)).exp()).abs() < 1e-6);
        assert!(at(0, 7, 2) < 1e-3 && at(3, 6, 9) < 0.1, "nothing at the absent corner");
    }

    #[test]
    fn the_gradient_matches_central_differences() {
        const STEP: f64 = 1e-5;
        let values: Vec<f64> =
            (0..CORNER_MAPS * 20).map(|i| f64::from((i * 37 % 23) as u8) / 7.0 - 1.5).collect();
        let loss = |values: &[f64]| {
            let logits = Tensor::from_slice(values, (1, CORNER_MAPS, 5, 4), &Device::Cpu).expect("logits");
            Var::from_tensor(&logits).expect("a variable")
        };
        let evaluated = |logits: &Tensor| LOSS.evaluate(logits, &[keypoints()]).expect("a loss");
        let logits = loss(&values);
        let gradients = evaluated(&logits).backward().expect("gradients");
        let found = gradients.get(&logits).expect("a gradient").flatten_all().expect("values");
        for (i, found) in found.to_vec1::<f64>().expect("values").into_iter().enumerate() {
            let moved = |by: f64| {
                let mut values = values.clone();
                values[i] += by;
                evaluated(&loss(&values)).to_scalar::<f64>().expect("a number")
            };
            let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            assert!((found - expected).abs() < 1e-7, "element {i}: {found}, expected {expected}");
        }
    }
}
