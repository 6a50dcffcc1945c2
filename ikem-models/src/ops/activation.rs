use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cpu::{self, CpuOp, Number};
use super::{kernels, plain};

/// How many elements a task handles.
const TASK: usize = 1 << 16;

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
    if activation == Activation::Identity {
        Ok(x.clone())
    } else if cpu::has_kernels(x) {
        cpu::apply1(activation, x)
    } else {
        plain::activate(x, activation)
    }
}

impl Activation {
    /// The slope below zero.
    fn slope<T: Number>(self) -> T {
        T::of_f64(match self {
            Self::Identity => 1.0,
            Self::Relu => 0.0,
            Self::LeakyRelu(slope) => f64::from(slope),
        })
    }

    /// The same in the kernels' terms.
    pub(super) fn of_kernels<T: Number>(self) -> kernels::Activation<T> {
        match self {
            Self::Identity => kernels::Activation::None,
            Self::Relu => kernels::Activation::Relu,
            Self::LeakyRelu(_) => kernels::Activation::Leaky(self.slope()),
        }
    }
}

impl CpuOp<1> for Activation {
    const NAME: &'static str = "activation";

    fn forward<T: Number>(&self, [x]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let (zero, slope) = (T::of_f64(0.0), self.slope::<T>());
        let y = x.par_iter().with_min_len(TASK).map(|&x| if x > zero { x } else { slope * x });
        Ok((y.collect(), shape.clone()))
    }

    fn backward(&self, [x]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        Ok([Some(cpu::apply2(ActivationGradient(*self), &x.detach(), dy)?)])
    }
}

struct ActivationGradient(Activation);

impl CpuOp<2> for ActivationGradient {
    const NAME: &'static str = "activation's gradient";

    fn forward<T: Number>(&self, [x, dy]: [&[T]; 2], [shape, _]: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let (zero, slope) = (T::of_f64(0.0), self.0.slope::<T>());
        let pairs = x.par_iter().zip(dy).with_min_len(TASK);
        let dx = pairs.map(|(&x, &dy)| if x > zero { dy } else { slope * dy });
        Ok((dx.collect(), shape.clone()))
    }
}
