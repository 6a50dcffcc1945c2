use candle_core::{Result, Tensor};

use super::plain;

/// Mean binary cross-entropy of logits `x` against `target` in 0…1, both of any one shape; a scalar. No logit, however
/// large, overflows.
///
/// # Errors
/// When the shapes differ or the device fails.
pub fn bce_with_logits(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    plain::bce_with_logits(x, target)
}
