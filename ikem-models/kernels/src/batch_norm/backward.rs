//! The gradients of [`batch_norm`](super::batch_norm).
//!
//! Only the statistics are kept from the forward pass: the normalised values and the sign of the activation's input are
//! recomputed from `x`. With g the gradient before the activation, x̂ = (x − mean) / deviation and means over a
//! channel's values, `dx = gamma / deviation · (g − mean(g) − x̂ · mean(g · x̂))`; `dgamma = Σ g · x̂`; `dbeta = Σ g`.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::lanes::{CHUNK, lane_sum};
use super::parameters::{BatchStatistics, Normalization};
use crate::activation::Activation;
use crate::buffer::filled;
use crate::error::{Result, check_len};
use crate::scratch::Shared;
use crate::simd::{Element, Kernel, Vector};

/// The gradients with respect to the input, `[n, channels, plane]`, and behind it gamma and beta, `[channels]` each,
/// given the gradient `dy` of the output and the batch's `statistics`. At 0 the activation's gradient is PyTorch's: 0
/// for ReLU, the slope for LeakyReLU.
///
/// # Errors
/// A slice whose length does not match; a channel without values.
pub fn batch_norm_backward<T: Element>(
    x: &[T],
    dy: &[T],
    size @ (_, channels, _): (usize, usize, usize),
    norm: &Normalization<'_, T>,
    statistics: &BatchStatistics,
) -> Result<Vec<T>> {
    norm.check(x.len(), size)?;
    check_len("gradient of the output", x.len(), dy.len())?;
    check_len("mean", channels, statistics.mean.len())?;
    check_len("variance", channels, statistics.variance.len())?;
    // SAFETY: every plane of every channel and both parameters of every channel are written.
    unsafe {
        filled(x.len() + 2 * channels, |gradients| {
            let (dx, rest) = gradients.split_at_mut(x.len());
            let (dgamma, dbeta) = rest.split_at_mut(channels);
            write_gradients((x, dy), size, norm, statistics, dx, (dgamma, dbeta));
            Ok(())
        })
    }
}

fn write_gradients<T: Element>(
    (x, dy): (&[T], &[T]),
    (n, channels, plane): (usize, usize, usize),
    norm: &Normalization<'_, T>,
    statistics: &BatchStatistics,
    dx: &mut [MaybeUninit<T>],
    (dgamma, dbeta): (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]),
) {
    let to = Shared::new(dx.as_mut_ptr().cast::<T>());
    dgamma.par_iter_mut().zip(dbeta).enumerate().for_each(|(c, (dgamma, dbeta))| {
        let [mean, variance] = [statistics.mean[c], statistics.variance[c]].map(T::from_f64);
        let (factor, summand) = norm.affine(mean, variance, c);
        let side = Side { factor, summand, activation: norm.activation };
        let map = |i: usize| (i * channels + c) * plane..(i * channels + c + 1) * plane;
        let (mut sum, mut product) = (0.0, 0.0);
        for i in 0..n {
            let (s, p) = T::dispatch(GradientSums { x: &x[map(i)], dy: &dy[map(i)], mean, side });
            sum += s;
            product += p;
        }
        let inverse = norm.inverse_deviation(variance).to_f64();
        dgamma.write(T::from_f64(product * inverse));
        dbeta.write(T::from_f64(sum));
        // dx = factor (g - mean(g) - (x - mean) inverse² mean(g (x - mean))), as slope * x + constant in x.
        let count = (n * plane) as f64;
        let slope = -factor.to_f64() * inverse * inverse * product / count;
        let constant = -factor.to_f64() * sum / count - slope * mean.to_f64();
        let (slope, constant) = (T::from_f64(slope), T::from_f64(constant));
        for i in 0..n {
            // SAFETY: plane (i, c) of the gradient, which this task alone writes.
            let dx = unsafe { std::slice::from_raw_parts_mut(to.get().add(map(i).start).cast(), plane) };
            T::dispatch(Backward { x: &x[map(i)], dy: &dy[map(i)], dx, slope, constant, side });
        }
    });
}

/// Recomputes the activation's input, whose sign decides the activation's gradient.
#[derive(Clone, Copy)]
struct Side<T> {
    factor: T,
    summand: T,
    activation: Activation,
}

impl<T: Element> Side<T> {
    /// The gradient with respect to the activation's input.
    #[inline(always)]
    fn gradient<V: Vector<Elem = T>>(self, x: V, dy: V) -> V {
        let before = x.mul_add(V::splat(self.factor), V::splat(self.summand));
        self.activation.in_lanes::<V>().gradient(before, dy)
    }
}

/// Σ g and Σ g (x - mean).
struct GradientSums<'a, T> {
    x: &'a [T],
    dy: &'a [T],
    mean: T,
    side: Side<T>,
}

impl<T: Element> Kernel<T> for GradientSums<'_, T> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) -> (f64, f64) {
        let (mean, mut total) = (V::splat(self.mean), (0.0, 0.0));
        for (x, dy) in self.x.chunks(CHUNK).zip(self.dy.chunks(CHUNK)) {
            let mut sums = [V::splat(T::ZERO); 4];
            let mut products = sums;
            for (i, at) in (0..x.len()).step_by(V::LANES).enumerate() {
                let rest = x.len() - at;
                // SAFETY: the first `rest` lanes lie inside both; missing ones have a gradient of 0.
                let (x, dy) = unsafe {
                    let (x, dy) = (x.as_ptr().add(at), dy.as_ptr().add(at));
                    (V::load_range(x, 0, rest), V::load_range(dy, 0, rest))
                };
                let g = self.side.gradient(x, dy);
                sums[i % 4] = sums[i % 4].add(g);
                products[i % 4] = g.mul_add(x.sub(mean), products[i % 4]);
            }
            total = (total.0 + lane_sum(sums), total.1 + lane_sum(products));
        }
        total
    }
}

/// `dx = factor * g + slope * x + constant`.
struct Backward<'a, T> {
    x: &'a [T],
    dy: &'a [T],
    dx: &'a mut [MaybeUninit<T>],
    slope: T,
    constant: T,
    side: Side<T>,
}

impl<T: Element> Kernel<T> for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let (slope, constant, factor) =
            (V::splat(self.slope), V::splat(self.constant), V::splat(self.side.factor));
        for at in (0..self.x.len()).step_by(V::LANES) {
            let rest = self.x.len() - at;
            // SAFETY: the first `rest` lanes lie inside all three slices.
            unsafe {
                let x = V::load_range(self.x.as_ptr().add(at), 0, rest);
                let dy = V::load_range(self.dy.as_ptr().add(at), 0, rest);
                let g = self.side.gradient(x, dy);
                let dx = g.mul_add(factor, x.mul_add(slope, constant));
                dx.store_first(self.dx.as_mut_ptr().cast::<T>().add(at), rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forward::batch_norm;
    use super::super::testing::{ACTIVATIONS, naive};
    use super::*;
    use crate::testing::*;

    #[test]
    fn gradients_equal_central_differences() {
        for (size, activation) in
            [((2, 3, 19), ACTIVATIONS[0]), ((3, 2, 5), ACTIVATIONS[1]), ((1, 2, 40), ACTIVATIONS[2])]
        {
            let len = size.0 * size.1 * size.2;
            let (x, dy) = (numbers::<f64>(1, len), numbers::<f64>(4, len));
            let (gamma, beta) = (numbers::<f64>(2, size.1), numbers::<f64>(3, size.1));
            let loss = |x: &[f64], gamma: &[f64], beta: &[f64]| {
                let norm = Normalization { gamma, beta, epsilon: 1e-2, activation };
                naive(x, size, &norm).iter().zip(&dy).map(|(a, b)| a * b).sum::<f64>()
            };
            let difference = |v: &[f64], i: usize, f: &dyn Fn(&[f64]) -> f64| {
                let moved = |by: f64| {
                    let mut v = v.to_vec();
                    v[i] += by;
                    f(&v)
                };
                (moved(1e-6) - moved(-1e-6)) / 2e-6
            };
            let norm = Normalization { gamma: &gamma, beta: &beta, epsilon: 1e-2, activation };
            at_each_level(|_| {
                let (_, statistics) = batch_norm(&x, size, &norm).unwrap();
                let all = batch_norm_backward(&x, &dy, size, &norm, &statistics).unwrap();
                let (dx, parameters) = all.split_at(len);
                let (dgamma, dbeta) = parameters.split_at(size.1);
                let by_x: Vec<f64> =
                    (0..len).map(|i| difference(&x, i, &|x| loss(x, &gamma, &beta))).collect();
                let by_gamma: Vec<f64> =
                    (0..size.1).map(|i| difference(&gamma, i, &|g| loss(&x, g, &beta))).collect();
                let by_beta: Vec<f64> =
                    (0..size.1).map(|i| difference(&beta, i, &|b| loss(&x, &gamma, b))).collect();
                assert_close(dx, &by_x, 1e-7, "x");
                assert_close(dgamma, &by_gamma, 1e-7, "gamma");
                assert_close(dbeta, &by_beta, 1e-7, "beta");
            });
        }
    }

    #[test]
    fn gradients_at_zero_are_those_of_pytorch() {
        for (activation, expected) in [(Activation::Relu, 0.0), (Activation::LeakyRelu(0.25), 0.25)] {
            let norm = Normalization { gamma: &[0.0], beta: &[0.0], epsilon: 1.0, activation };
            let statistics = BatchStatistics { mean: vec![0.0], variance: vec![1.0] };
            let all = batch_norm_backward(&[1.0_f32], &[1.0], (1, 1, 1), &norm, &statistics).unwrap();
            assert_eq!(all[2], expected);
        }
    }
}
