use candle_core::{D, Result, Shape, Tensor};
use ikem_kernels::Element;
use rayon::prelude::*;

use super::cpu::{self, CpuOp, Number};

/// Softmax over the last axis.
///
/// # Errors
/// When the device fails.
pub(crate) fn softmax(x: &Tensor) -> Result<Tensor> {
    if cpu::has_kernels(x) {
        return cpu::apply1(Softmax, x);
    }
    let exponentials = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
    exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)
}

struct Softmax;

impl CpuOp<1> for Softmax {
    const NAME: &'static str = "softmax";

    fn forward<T: Number>(&self, [x]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let mut y = x.to_vec();
        let length = shape.dims().last().copied().unwrap_or(1).max(1);
        y.par_chunks_exact_mut(length).for_each(|row| {
            let largest = row.iter().map(|&value| Element::to_f64(value)).fold(f64::NEG_INFINITY, f64::max);
            let mut sum = 0.0;
            for value in row.iter_mut() {
                let exponential = (Element::to_f64(*value) - largest).exp();
                sum += exponential;
                *value = Element::from_f64(exponential);
            }
            for value in row {
                *value = Element::from_f64(Element::to_f64(*value) / sum);
            }
        });
        Ok((y, shape.clone()))
    }

    /// y · (dy − Σ dy · y), with the sum over the last axis.
    fn backward(&self, [x]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        let y = softmax(&x.detach())?;
        let mean = (dy * &y)?.sum_keepdim(D::Minus1)?;
        Ok([Some((y * dy.broadcast_sub(&mean)?)?)])
    }
}
