use candle_core::{Result, Shape, Tensor};
use ikem_kernels::{self as kernels, Activation};

use super::cpu::{self, CpuOp, Number};
use super::plain;

/// Applies `activation` to every element. At 0 its gradient is PyTorch's: 0 for ReLU, the slope for LeakyReLU.
///
/// # Errors
/// When the device fails.
pub(crate) fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    if activation == Activation::Identity {
        Ok(x.clone())
    } else if cpu::has_kernels(x) {
        cpu::apply1(Activate(activation), x)
    } else {
        plain::activate(x, activation)
    }
}

struct Activate(Activation);

impl CpuOp<1> for Activate {
    const NAME: &'static str = "activation";

    fn forward<T: Number>(&self, [x]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        Ok((kernels::activate(x, self.0), shape.clone()))
    }

    fn backward(&self, [x]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        Ok([Some(cpu::apply2(ActivateGradient(self.0), &x.detach(), dy)?)])
    }
}

struct ActivateGradient(Activation);

impl CpuOp<2> for ActivateGradient {
    const NAME: &'static str = "gradient of an activation";

    fn forward<T: Number>(&self, [x, dy]: [&[T]; 2], [shape, _]: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        Ok((kernels::activate_backward(x, dy, self.0).map_err(cpu::failed)?, shape.clone()))
    }
}
