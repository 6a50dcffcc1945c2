use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use super::plain;

/// What follows a convolution or a batch norm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Nothing.
    Identity,
    /// max(x, 0).
    Relu,
    /// x above zero, this slope times x elsewhere.
    LeakyRelu(f32),
}

/// Applies `activation` to every element. The gradient at zero is PyTorch's: 0 for ReLU, the slope for LeakyReLU.
///
/// # Errors
/// When the device fails.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    plain::activate(x, activation)
}
