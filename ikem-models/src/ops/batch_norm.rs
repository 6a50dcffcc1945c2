use candle_core::{Result, Tensor};

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
    let (y, statistics) = plain::batch_norm(x, gamma, beta, epsilon)?;
    Ok((plain::activate(&y, activation)?, statistics))
}
