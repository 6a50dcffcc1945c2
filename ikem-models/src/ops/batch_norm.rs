// The kernels' outputs are vectors that they write whole.
#![allow(unsafe_code)]

use std::sync::{Arc, OnceLock};

use candle_core::{Result, Shape, Tensor, WithDType};

use super::cpu::{self, CpuOp, Number, written};
use super::kernels::{self, Normalization};
use super::{Activation, plain};

/// Mean and biased variance of every channel over batch, height and width; shape (C).
#[derive(Debug, Clone)]
pub struct BatchStatistics {
    /// The means.
    pub mean: Tensor,
    /// The variances, divided by the number of values.
    pub variance: Tensor,
}

/// Batch normalisation by the batch's own statistics, fused with its activation:
/// `activation(gamma (x − mean) / √(variance + epsilon) + beta)`; `x` (B, C, H, W), `gamma` and `beta` (C).
///
/// # Errors
/// When a shape does not fit or the device fails.
pub fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
    activation: Activation,
) -> Result<(Tensor, BatchStatistics)> {
    if !cpu::has_kernels(x) {
        let (y, statistics) = plain::batch_norm(x, gamma, beta, epsilon)?;
        return Ok((plain::activate(&y, activation)?, statistics));
    }
    let moments = Arc::new(OnceLock::new());
    let y = cpu::apply3(Normalize { epsilon, activation, moments: Arc::clone(&moments) }, x, gamma, beta)?;
    let Some(Moments { mean, variance }) = moments.get() else { candle_core::bail!("no statistics") };
    let channels = |values: &[f64]| Tensor::new(values, x.device())?.to_dtype(x.dtype());
    Ok((y, BatchStatistics { mean: channels(mean)?, variance: channels(variance)? }))
}

/// Mean and biased variance of every channel, whatever the tensors' type.
#[derive(Debug, Clone)]
struct Moments {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Moments {
    fn of_kernels<T: Number>(&self) -> kernels::BatchStatistics<T> {
        let cast = |values: &[f64]| values.iter().map(|&value| T::of_f64(value)).collect();
        kernels::BatchStatistics { mean: cast(&self.mean), variance: cast(&self.variance) }
    }
}

/// Remembers the batch's statistics.
struct Normalize {
    epsilon: f64,
    activation: Activation,
    moments: Arc<OnceLock<Moments>>,
}

impl CpuOp<3> for Normalize {
    const NAME: &'static str = "batch norm";

    fn forward<T: Number>(
        &self,
        [x, gamma, beta]: [&[T]; 3],
        shapes: [&Shape; 3],
    ) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = cpu::extents(shapes[0])?;
        let norm = normalization(gamma, beta, self.epsilon, self.activation);
        let mut statistics = None;
        // SAFETY: the kernel writes every element of its output.
        let y = unsafe {
            written(x.len(), |y| {
                statistics = Some(kernels::batch_norm(x, (n, c, h * w), &norm, y)?);
                Ok(())
            })
        }?;
        if let Some(kernels::BatchStatistics { mean, variance }) = statistics {
            let wide = |values: Vec<T>| values.into_iter().map(|value| WithDType::to_f64(value)).collect();
            // An operation runs once; were it run again, the statistics would be the same.
            let _ = self.moments.set(Moments { mean: wide(mean), variance: wide(variance) });
        }
        Ok((y, shapes[0].clone()))
    }

    fn backward(&self, [x, gamma, beta]: [&Tensor; 3], dy: &Tensor) -> Result<[Option<Tensor>; 3]> {
        let Some(moments) = self.moments.get().cloned() else {
            candle_core::bail!("backward before forward")
        };
        let affine = Tensor::cat(&[gamma.detach(), beta.detach()], 0)?;
        let gradient = NormalizeGradient { epsilon: self.epsilon, activation: self.activation, moments };
        let flat = cpu::apply3(gradient, &x.detach(), &affine, dy)?;
        Ok(cpu::split(&flat, [x.dims(), gamma.dims(), beta.dims()])?.map(Some))
    }
}

/// Of input, gamma with beta behind it, and output gradient: the gradients of input, gamma and beta, one behind the
/// other.
struct NormalizeGradient {
    epsilon: f64,
    activation: Activation,
    moments: Moments,
}

impl CpuOp<3> for NormalizeGradient {
    const NAME: &'static str = "batch norm's gradient";

    fn forward<T: Number>(&self, [x, affine, dy]: [&[T]; 3], shapes: [&Shape; 3]) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = cpu::extents(shapes[0])?;
        let (gamma, beta) = affine.split_at(c);
        let norm = normalization(gamma, beta, self.epsilon, self.activation);
        let statistics = self.moments.of_kernels();
        let len = x.len() + 2 * c;
        // SAFETY: the kernel writes every element of its three outputs.
        let flat = unsafe {
            written(len, |flat| {
                let (dx, rest) = flat.split_at_mut(x.len());
                let (dgamma, dbeta) = rest.split_at_mut(c);
                kernels::batch_norm_backward(x, dy, (n, c, h * w), &norm, &statistics, dx, dgamma, dbeta)
            })
        }?;
        Ok((flat, Shape::from(len)))
    }
}

fn normalization<'a, T: Number>(
    gamma: &'a [T],
    beta: &'a [T],
    epsilon: f64,
    activation: Activation,
) -> Normalization<'a, T> {
    Normalization { gamma, beta, epsilon: T::of_f64(epsilon), activation: activation.of_kernels() }
}
