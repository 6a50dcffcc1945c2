use candle_core::{Result, Tensor};

use super::plain;

/// Transposed convolution of a 2 × 2 kernel with stride 2: `x` (B, C, H, W), `weight` (C, O, 2, 2), `bias` (O) give
/// (B, O, 2 H, 2 W).
///
/// # Errors
/// When a shape does not fit or the device fails.
pub fn conv_transpose2x2(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    plain::conv_transpose2x2(x, weight, bias)
}

/// A transposed convolution for inference: its weights are fixed and it has no gradient.
#[derive(Debug)]
pub struct FusedConvTranspose {
    weight: Tensor,
    bias: Tensor,
}

impl FusedConvTranspose {
    /// Fixes `weight` (C, O, 2, 2) and `bias` (O).
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub fn new(weight: &Tensor, bias: &Tensor) -> Result<Self> {
        Ok(Self { weight: weight.detach(), bias: bias.detach() })
    }

    /// As [`conv_transpose2x2`].
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        plain::conv_transpose2x2(x, &self.weight, &self.bias)
    }
}
