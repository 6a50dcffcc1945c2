use candle_core::{Result, Tensor};

use super::plain;

/// 2 × 2 max pool with stride 2: (B, C, H, W) → (B, C, ⌊H/2⌋, ⌊W/2⌋). The gradient goes to the first of equal maxima.
///
/// # Errors
/// When the device fails.
pub fn max_pool2x2(x: &Tensor) -> Result<Tensor> {
    plain::max_pool2x2(x)
}

/// The maximum of every plane: (B, C, H, W) → (B, C, 1, 1). The gradient goes to the first of equal maxima.
///
/// # Errors
/// When the device fails.
pub fn global_max(x: &Tensor) -> Result<Tensor> {
    plain::global_max(x)
}
