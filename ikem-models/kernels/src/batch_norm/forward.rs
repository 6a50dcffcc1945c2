//! Batch normalisation by the batch's own statistics (Ioffe and Szegedy 2015), fused with the activation behind it.
//!
//! A task takes one channel of all images: it sums the values around the first one, plane by plane, which keeps the
//! variance of values far from zero exact, and then writes `activation(factor * x + summand)`. Sums are taken in lanes
//! in a fixed order.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::lanes::{CHUNK, lane_sum};
use super::parameters::{BatchStatistics, Normalization};
use crate::activation::Activation;
use crate::buffer::filled;
use crate::error::Result;
use crate::scratch::Shared;
use crate::simd::{Element, Kernel, Vector};

/// The normalised batch, `activation(gamma * (x - mean) / sqrt(variance + epsilon) + beta)`, and its statistics; `x` is
/// `[n, channels, plane]`.
///
/// # Errors
/// A slice whose length does not match; a channel without values.
pub fn batch_norm<T: Element>(
    x: &[T],
    (n, channels, plane): (usize, usize, usize),
    norm: &Normalization<'_, T>,
) -> Result<(Vec<T>, BatchStatistics)> {
    norm.check(x.len(), (n, channels, plane))?;
    let mut statistics = BatchStatistics { mean: vec![0.0; channels], variance: vec![0.0; channels] };
    // SAFETY: every plane of every channel is written.
    let y = unsafe {
        filled(x.len(), |y| {
            normalize(x, (n, channels, plane), norm, &mut statistics, y);
            Ok(())
        })
    }?;
    Ok((y, statistics))
}

fn normalize<T: Element>(
    x: &[T],
    (n, channels, plane): (usize, usize, usize),
    norm: &Normalization<'_, T>,
    statistics: &mut BatchStatistics,
    y: &mut [MaybeUninit<T>],
) {
    let to = Shared::new(y.as_mut_ptr().cast::<T>());
    let map = |i: usize, c: usize| (i * channels + c) * plane;
    let each = statistics.mean.par_iter_mut().zip(&mut statistics.variance).enumerate();
    each.for_each(|(c, (to_mean, to_variance))| {
        let (mean, variance) = moments(n, plane, |i| &x[map(i, c)..][..plane]);
        (*to_mean, *to_variance) = (mean.to_f64(), variance.to_f64());
        let (factor, summand) = norm.affine(mean, variance, c);
        for i in 0..n {
            // SAFETY: plane (i, c) of the output, which this task alone writes.
            let y = unsafe { std::slice::from_raw_parts_mut(to.get().add(map(i, c)).cast(), plane) };
            let x = &x[map(i, c)..][..plane];
            T::dispatch(Apply { x, y, factor, summand, activation: norm.activation });
        }
    });
}

/// Mean and biased variance of `n` planes: sums of each plane around its first value, merged in double precision.
fn moments<'a, T: Element>(n: usize, plane: usize, x: impl Fn(usize) -> &'a [T]) -> (T, T) {
    let pivot = x(0)[0];
    let (mut sum, mut square) = (0.0, 0.0);
    for i in 0..n {
        let (s, q) = T::dispatch(Moments { x: x(i), pivot });
        sum += s;
        square += q;
    }
    let count = (n * plane) as f64;
    let shift = sum / count;
    let variance = (square / count - shift * shift).max(0.0);
    (T::from_f64(pivot.to_f64() + shift), T::from_f64(variance))
}

/// Σ (x - pivot) and Σ (x - pivot)².
struct Moments<'a, T> {
    x: &'a [T],
    pivot: T,
}

impl<T: Element> Kernel<T> for Moments<'_, T> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) -> (f64, f64) {
        let pivot = V::splat(self.pivot);
        let mut total = (0.0, 0.0);
        for chunk in self.x.chunks(CHUNK) {
            let mut sums = [V::splat(T::ZERO); 4];
            let mut squares = sums;
            let vectors = chunk.chunks_exact(V::LANES);
            let mut rest = (0.0, 0.0);
            for v in vectors.remainder() {
                let d = (*v - self.pivot).to_f64();
                rest = (rest.0 + d, rest.1 + d * d);
            }
            for (i, v) in vectors.enumerate() {
                // SAFETY: a whole vector of the chunk.
                let d = unsafe { V::load(v.as_ptr()) }.sub(pivot);
                sums[i % 4] = sums[i % 4].add(d);
                squares[i % 4] = d.mul_add(d, squares[i % 4]);
            }
            total = (total.0 + lane_sum(sums) + rest.0, total.1 + lane_sum(squares) + rest.1);
        }
        total
    }
}

/// `y = activation(factor * x + summand)`.
struct Apply<'a, T> {
    x: &'a [T],
    y: &'a mut [MaybeUninit<T>],
    factor: T,
    summand: T,
    activation: Activation,
}

impl<T: Element> Kernel<T> for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let (factor, summand) = (V::splat(self.factor), V::splat(self.summand));
        let activation = self.activation.in_lanes::<V>();
        for at in (0..self.x.len().min(self.y.len())).step_by(V::LANES) {
            let rest = self.x.len() - at;
            // SAFETY: the first `rest` lanes lie inside both slices.
            unsafe {
                let v = V::load_range(self.x.as_ptr().add(at), 0, rest).mul_add(factor, summand);
                activation.apply(v).store_first(self.y.as_mut_ptr().cast::<T>().add(at), rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ACTIVATIONS, naive};
    use super::*;
    use crate::testing::*;

    #[test]
    fn forward_equals_the_definition() {
        for (size, activation) in
            [(1, 1, 2), (2, 3, 1), (2, 5, 33), (3, 2, 700)].into_iter().zip(ACTIVATIONS.into_iter().cycle())
        {
            let len = size.0 * size.1 * size.2;
            let x: Vec<f64> = numbers::<f64>(1, len).iter().map(|v| 3.0 * v + 20.0).collect();
            let (gamma, beta) = (numbers::<f64>(2, size.1), numbers::<f64>(3, size.1));
            let norm = Normalization { gamma: &gamma, beta: &beta, epsilon: 1e-5, activation };
            let expected = naive(&x, size, &norm);
            at_each_level(|level| {
                let what = format!("{size:?} {level:?}");
                let (y, _) = batch_norm(&x, size, &norm).unwrap();
                assert_close(&y, &expected, 1e-9, &what);
                let norm =
                    Normalization { gamma: &single(&gamma), beta: &single(&beta), epsilon: 1e-5, activation };
                let (y, statistics) = batch_norm(&single(&x), size, &norm).unwrap();
                assert_eq!(statistics.mean.len(), size.1);
                assert_close(&y, &single(&expected), 5e-5, &what);
            });
        }
    }

    #[test]
    fn statistics_are_mean_and_biased_variance() {
        let norm =
            Normalization { gamma: &[1.0], beta: &[0.0], epsilon: 0.0, activation: Activation::Identity };
        let (_, statistics) = batch_norm(&[1.0f64, 3.0, 5.0, 11.0], (2, 1, 2), &norm).unwrap();
        assert_eq!(statistics, BatchStatistics { mean: vec![5.0], variance: vec![14.0] });
    }

    #[test]
    fn refuses_wrong_sizes() {
        let norm =
            Normalization { gamma: &[1.0], beta: &[0.0], epsilon: 0.0, activation: Activation::Identity };
        assert!(batch_norm(&[0.0_f32; 4], (2, 2, 1), &norm).is_err());
        assert!(batch_norm(&[0.0; 4], (2, 1, 1), &norm).is_err());
        assert!(batch_norm(&[], (0, 1, 1), &norm).is_err());
        assert!(batch_norm(&[], (1, 1, 0), &norm).is_err());
        assert!(batch_norm(&[], (usize::MAX, 1, 2), &norm).is_err());
    }
}
