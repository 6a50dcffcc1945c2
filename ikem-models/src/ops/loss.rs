// The kernels' outputs are vectors that they write whole.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor};
use ikem_core::{GaussianFactors, Heatmaps, Keypoints, Size};

use super::cpu::{self, CpuOp, Number, written};
use super::kernels::{self, Target};
use super::{plain, resize_bilinear};

/// Mean binary cross-entropy of logits `x` against `target` in 0…1, both of any one shape; a scalar. No logit, however
/// large, overflows.
///
/// # Errors
/// When the shapes differ or the device fails.
pub fn bce_with_logits(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    plain::bce_with_logits(x, target)
}

/// Mean binary cross-entropy of the logits (B, K, h, w), resized to a grid of `size`, against the Gaussian heatmaps of
/// the `targets` (B × K points on the grid; `std` in its pixels); a scalar.
///
/// The same as resizing, [`Heatmaps::gaussian`] and [`bce_with_logits`], but on the CPU none of the maps of the grid's
/// size is stored.
///
/// # Errors
/// When the targets are not as many as the maps, or the device fails.
pub fn heatmap_cross_entropy(logits: &Tensor, targets: &[Keypoints], std: f32, size: Size) -> Result<Tensor> {
    let (batch, keypoints, _, _) = logits.dims4()?;
    if targets.len() != batch || targets.iter().any(|points| points.len() != keypoints) {
        candle_core::bail!("{} targets for logits of shape {:?}", targets.len(), logits.shape());
    }
    if cpu::has_kernels(logits) {
        let factors = targets.iter().flat_map(|points| points.iter().copied());
        let factors = factors.map(|point| GaussianFactors::new(point, size, std)).collect();
        return cpu::apply1(CrossEntropy { factors, size, gradient: OnceLock::new() }, logits);
    }
    let maps =
        targets.iter().flat_map(|points| Heatmaps::gaussian(points, size, std).into_values()).collect();
    let target = Tensor::from_vec(maps, (batch, keypoints, size.height, size.width), logits.device())?;
    plain::bce_with_logits(
        &resize_bilinear(logits, size.height, size.width)?,
        &target.to_dtype(logits.dtype())?,
    )
}

/// The loss is only computed to be learnt from, so its gradient is made along with it, and kept: it is small.
struct CrossEntropy {
    factors: Vec<GaussianFactors>,
    size: Size,
    gradient: OnceLock<Tensor>,
}

impl CpuOp<1> for CrossEntropy {
    const NAME: &'static str = "cross-entropy of heatmaps";

    fn forward<T: Number>(&self, [logits]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [_, _, h, w] = cpu::extents(shape)?;
        let cast = |values: &[f32]| values.iter().map(|&value| T::of_f64(f64::from(value))).collect();
        let target =
            |factors: &GaussianFactors| Target { columns: cast(&factors.columns), rows: cast(&factors.rows) };
        let targets: Vec<_> = self.factors.iter().map(target).collect();
        let mut sum = 0.0;
        // SAFETY: the kernel writes every element of the gradient.
        let gradient = unsafe {
            written(logits.len(), |gradient| {
                sum = kernels::cross_entropy(
                    logits,
                    (h, w),
                    (self.size.height, self.size.width),
                    &targets,
                    gradient,
                )?;
                Ok(())
            })
        }?;
        let gradient = Tensor::from_vec(gradient, shape, &candle_core::Device::Cpu)?;
        let count = (targets.len() * self.size.area()) as f64;
        // An operation runs once; were it run again, the gradient would be the same.
        let _ = self.gradient.set((gradient / count)?);
        Ok((vec![T::of_f64(sum / count)], Shape::from(())))
    }

    fn backward(&self, _: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        let Some(gradient) = self.gradient.get() else { candle_core::bail!("backward before forward") };
        Ok([Some(gradient.broadcast_mul(dy)?)])
    }
}
