//! Activations, alone and as the last step of a convolution or a batch normalisation.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Result, check_len};
use crate::simd::{Element, Vector};

/// Elements of a task.
const TASK: usize = 1 << 16;

/// What follows a convolution or a batch norm, elementwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    Relu,
    /// x where x > 0, else this slope times x.
    LeakyRelu(f32),
}

impl Activation {
    /// The slope below zero.
    pub(crate) fn slope<T: Element>(self) -> T {
        match self {
            Self::Identity => T::ONE,
            Self::Relu => T::ZERO,
            Self::LeakyRelu(slope) => T::from_f32(slope),
        }
    }

    /// The activation with its slope in every lane.
    #[inline(always)]
    pub(crate) fn in_lanes<V: Vector>(self) -> LaneActivation<V> {
        match self {
            Self::Identity => LaneActivation::Identity,
            Self::Relu => LaneActivation::Relu,
            Self::LeakyRelu(slope) => LaneActivation::LeakyRelu(V::splat(V::Elem::from_f32(slope))),
        }
    }
}

/// An [`Activation`] of vectors.
#[derive(Clone, Copy)]
pub(crate) enum LaneActivation<V> {
    Identity,
    Relu,
    LeakyRelu(V),
}

impl<V: Vector> LaneActivation<V> {
    /// The activation of every lane.
    #[inline(always)]
    pub(crate) fn apply(self, v: V) -> V {
        match self {
            Self::Identity => v,
            Self::Relu => V::splat(V::Elem::ZERO).max(v),
            Self::LeakyRelu(slope) => v.select_positive(v, v.mul(slope)),
        }
    }

    /// The gradient with respect to the activation's input `before`, given the gradient `dy` of its output. At 0 it is
    /// PyTorch's: 0 for ReLU, the slope for LeakyReLU.
    #[inline(always)]
    pub(crate) fn gradient(self, before: V, dy: V) -> V {
        match self {
            Self::Identity => dy,
            Self::Relu => before.select_positive(dy, V::splat(V::Elem::ZERO)),
            Self::LeakyRelu(slope) => before.select_positive(dy, dy.mul(slope)),
        }
    }
}

/// The activation of every element.
#[must_use]
pub fn activate<T: Element>(x: &[T], activation: Activation) -> Vec<T> {
    let slope = activation.slope::<T>();
    let y = x.par_iter().with_min_len(TASK).map(|&x| if x > T::ZERO { x } else { slope * x });
    y.collect()
}

/// The gradient of [`activate`] with respect to `x`, given the gradient `dy` of its result. At 0 it is PyTorch's: 0 for
/// ReLU, the slope for LeakyReLU.
///
/// # Errors
/// [`KernelError::Length`](crate::KernelError::Length) when the two differ in length.
pub fn activate_backward<T: Element>(x: &[T], dy: &[T], activation: Activation) -> Result<Vec<T>> {
    check_len("gradient of the output", x.len(), dy.len())?;
    let slope = activation.slope::<T>();
    let pairs = x.par_iter().zip(dy).with_min_len(TASK);
    Ok(pairs.map(|(&x, &dy)| if x > T::ZERO { dy } else { slope * dy }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_gradients_are_those_of_pytorch_at_zero_too() {
        let x = [-2.0, 0.0, 3.0_f64];
        for (activation, y, dx) in [
            (Activation::Identity, [-2.0, 0.0, 3.0], [1.0, 1.0, 1.0]),
            (Activation::Relu, [0.0, 0.0, 3.0], [0.0, 0.0, 1.0]),
            (Activation::LeakyRelu(0.25), [-0.5, 0.0, 3.0], [0.25, 0.25, 1.0]),
        ] {
            assert_eq!(activate(&x, activation), y);
            assert_eq!(activate_backward(&x, &[1.0; 3], activation).unwrap(), dx);
            assert!(activate_backward(&x, &[1.0; 2], activation).is_err());
        }
    }
}
