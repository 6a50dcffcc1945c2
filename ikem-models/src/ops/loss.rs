use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor};
use ikem_core::{GaussianFactors, Heatmaps, Keypoints, Size};
use ikem_kernels::{self as kernels, Element, Logits};

use super::cpu::{self, CpuOp, Number};
use super::factors::view;
use super::plain;
use super::resize::resize_bilinear;

/// Mean binary cross-entropy of logits `x` and `target` in 0…1, both of the same shape; a scalar. No logit, however
/// large, overflows.
///
/// # Errors
/// When the shapes differ or the device fails.
pub fn bce_with_logits(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    plain::bce_with_logits(x, target)
}

/// Mean binary cross-entropy of the logits (B, K, h, w), resized to a grid of `size`, and the Gaussian heatmaps of the
/// `targets` (B × K points on the grid; `std` in its pixels); a scalar.
///
/// The same as resizing, [`Heatmaps::gaussian`] and [`bce_with_logits`]; on the CPU no map of the grid's size is
/// stored.
///
/// # Errors
/// If there are not as many targets as maps, or the device fails.
pub fn heatmap_cross_entropy(logits: &Tensor, targets: &[Keypoints], std: f32, size: Size) -> Result<Tensor> {
    let (batch, keypoints, _, _) = logits.dims4()?;
    if targets.len() != batch || targets.iter().any(|points| points.len() != keypoints) {
        candle_core::bail!("{} targets for logits of shape {:?}", targets.len(), logits.shape());
    }
    if cpu::has_kernels(logits) {
        let points = targets.iter().flat_map(|points| points.iter().copied());
        let targets = points.map(|point| GaussianFactors::new(point, size, std)).collect();
        return cpu::apply1(CrossEntropy { targets, size, gradient: OnceLock::new() }, logits);
    }
    let maps =
        targets.iter().flat_map(|points| Heatmaps::gaussian(points, size, std).into_values()).collect();
    let target = Tensor::from_vec(maps, (batch, keypoints, size.height, size.width), logits.device())?;
    plain::bce_with_logits(
        &resize_bilinear(logits, size.height, size.width)?,
        &target.to_dtype(logits.dtype())?,
    )
}

/// The loss is only computed for its gradient, which is therefore computed along with it and kept: it is small.
struct CrossEntropy {
    /// The target of each map.
    targets: Vec<GaussianFactors>,
    size: Size,
    gradient: OnceLock<Tensor>,
}

impl CpuOp<1> for CrossEntropy {
    const NAME: &'static str = "cross-entropy of heatmaps";

    fn forward<T: Number>(&self, [logits]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [batch, keypoints, h, w] = cpu::extents(shape)?;
        let logits = Logits { data: logits, planes: batch * keypoints, size: (h, w) };
        let targets: Vec<_> = self.targets.iter().map(view).collect();
        let grid = (self.size.height, self.size.width);
        let (sum, gradient) = kernels::heatmap_cross_entropy(logits, grid, &targets).map_err(cpu::failed)?;
        let gradient = Tensor::from_vec(gradient, shape, &candle_core::Device::Cpu)?;
        let count = (targets.len() * self.size.area()) as f64;
        // An operation runs once; if it ran again, the gradient would be the same.
        let _ = self.gradient.set((gradient / count)?);
        Ok((vec![<T as Element>::from_f64(sum / count)], Shape::from(())))
    }

    fn backward(&self, _: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        let Some(gradient) = self.gradient.get() else { candle_core::bail!("backward before forward") };
        Ok([Some(gradient.broadcast_mul(dy)?)])
    }
}
