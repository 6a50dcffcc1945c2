use std::sync::{Arc, OnceLock};

use candle_core::{Result, Shape, Tensor};
use ikem_kernels::{self as kernels, Activation, BatchStatistics, Normalization};

use super::cpu::{self, CpuOp, Number};
use super::plain;

/// A batch normalised by its own statistics, and these.
#[derive(Debug, Clone)]
pub(crate) struct NormalizedBatch {
    /// The normalised batch, (B, C, H, W).
    pub y: Tensor,
    /// The mean of every channel over batch, height and width; (C).
    pub mean: Tensor,
    /// The biased variance of every channel: the mean square deviation; (C).
    pub variance: Tensor,
}

/// Batch normalisation by the batch's own statistics, fused with its activation:
/// `activation(gamma (x − mean) / √(variance + epsilon) + beta)`; `x` (B, C, H, W), `gamma` and `beta` (C).
///
/// # Errors
/// When a shape does not fit or the device fails.
pub(crate) fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
    activation: Activation,
) -> Result<NormalizedBatch> {
    if !cpu::has_kernels(x) {
        let [y, mean, variance] = plain::batch_norm(x, gamma, beta, epsilon)?;
        return Ok(NormalizedBatch { y: plain::activate(&y, activation)?, mean, variance });
    }
    let statistics = Arc::new(OnceLock::new());
    let operation = Normalize { epsilon, activation, statistics: Arc::clone(&statistics) };
    let y = cpu::apply3(operation, x, gamma, beta)?;
    let Some(BatchStatistics { mean, variance }) = statistics.get() else {
        candle_core::bail!("no statistics")
    };
    let channels = |values: &[f64]| Tensor::new(values, x.device())?.to_dtype(x.dtype());
    Ok(NormalizedBatch { y, mean: channels(mean)?, variance: channels(variance)? })
}

/// Keeps the batch's statistics for the caller and the backward pass.
struct Normalize {
    epsilon: f64,
    activation: Activation,
    statistics: Arc<OnceLock<BatchStatistics>>,
}

impl CpuOp<3> for Normalize {
    const NAME: &'static str = "batch norm";

    fn forward<T: Number>(
        &self,
        [x, gamma, beta]: [&[T]; 3],
        shapes: [&Shape; 3],
    ) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = cpu::extents(shapes[0])?;
        let norm = Normalization { gamma, beta, epsilon: self.epsilon, activation: self.activation };
        let (y, statistics) = kernels::batch_norm(x, (n, c, h * w), &norm).map_err(cpu::failed)?;
        // An operation runs once; if it ran again, the statistics would be the same.
        let _ = self.statistics.set(statistics);
        Ok((y, shapes[0].clone()))
    }

    fn backward(&self, [x, gamma, beta]: [&Tensor; 3], dy: &Tensor) -> Result<[Option<Tensor>; 3]> {
        let Some(statistics) = self.statistics.get().cloned() else {
            candle_core::bail!("backward before forward")
        };
        let affine = Tensor::cat(&[gamma.detach(), beta.detach()], 0)?;
        let gradient = NormalizeGradient { epsilon: self.epsilon, activation: self.activation, statistics };
        let flat = cpu::apply3(gradient, &x.detach(), &affine, dy)?;
        Ok(cpu::split(&flat, [x.dims(), gamma.dims(), beta.dims()])?.map(Some))
    }
}

/// Of the input, gamma followed by beta, and the output's gradient: the gradients of input, gamma and beta, one after
/// the other.
struct NormalizeGradient {
    epsilon: f64,
    activation: Activation,
    statistics: BatchStatistics,
}

impl CpuOp<3> for NormalizeGradient {
    const NAME: &'static str = "gradient of batch norm";

    fn forward<T: Number>(&self, [x, affine, dy]: [&[T]; 3], shapes: [&Shape; 3]) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = cpu::extents(shapes[0])?;
        let (gamma, beta) = affine.split_at(c);
        let norm = Normalization { gamma, beta, epsilon: self.epsilon, activation: self.activation };
        let flat = kernels::batch_norm_backward(x, dy, (n, c, h * w), &norm, &self.statistics)
            .map_err(cpu::failed)?;
        let len = flat.len();
        Ok((flat, Shape::from(len)))
    }
}
