use candle_core::{Result, Tensor};

use super::{Activation, plain};

/// The geometry of a square convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
    /// Pixels from one tap of the kernel to the next.
    pub dilation: usize,
}

impl Geometry {
    /// A convolution of an odd `kernel` that keeps the size but for the stride.
    #[must_use]
    pub const fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: kernel / 2, dilation: 1 }
    }
}

/// Convolution with a gradient: `x` (B, C, H, W), `weight` (O, C, kernel, kernel), `bias` (O).
///
/// # Errors
/// When a shape does not fit or the device fails.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Result<Tensor> {
    plain::conv2d(x, weight, bias, geometry)
}

/// A convolution for inference: its weights are fixed, what follows it is part of it, and it has no gradient.
#[derive(Debug)]
pub struct FusedConv {
    weight: Tensor,
    bias: Option<Tensor>,
    geometry: Geometry,
    activation: Activation,
}

impl FusedConv {
    /// Fixes `weight` (O, C, kernel, kernel) and `bias` (O).
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        geometry: Geometry,
        activation: Activation,
    ) -> Result<Self> {
        Ok(Self { weight: weight.detach(), bias: bias.map(Tensor::detach), geometry, activation })
    }

    /// `activation(convolution(inputs) + bias + residual)`; the `inputs` (B, Cᵢ, H, W) stand for their concatenation.
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub fn forward(&self, inputs: &[&Tensor], residual: Option<&Tensor>) -> Result<Tensor> {
        let x = Tensor::cat(inputs, 1)?;
        let y = plain::conv2d(&x, &self.weight, self.bias.as_ref(), self.geometry)?;
        let y = match residual {
            Some(residual) => (y + residual)?,
            None => y,
        };
        plain::activate(&y, self.activation)
    }
}
