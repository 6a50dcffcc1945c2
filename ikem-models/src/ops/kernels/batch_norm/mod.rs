//! Batch normalisation with the batch's own statistics, fused with the activation behind it.
//!
//! Backward keeps nothing but the statistics: the normalised values and the activation's side are recomputed from
//! the input. Sums over a channel are taken plane by plane, in lanes, in a fixed order.

mod backward;

pub use backward::batch_norm_backward;

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::geometry::{Activation, KernelError, check};
use super::scratch::Shared;
use super::simd::{Element, Kernel, Vector};

/// The statistics of a batch, one for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics<T> {
    /// Means.
    pub mean: Vec<T>,
    /// Biased variances: the mean square deviation.
    pub variance: Vec<T>,
}

/// The parameters of a normalisation of `channels` channels.
#[derive(Clone, Copy, Debug)]
pub struct Normalization<'a, T> {
    /// Factors.
    pub gamma: &'a [T],
    /// Summands.
    pub beta: &'a [T],
    /// Added to the variance.
    pub epsilon: T,
    /// What follows.
    pub activation: Activation<T>,
}

impl<T: Element> Normalization<'_, T> {
    fn check(&self, x: usize, (n, channels, plane): (usize, usize, usize)) -> Result<(), KernelError> {
        check("input", n * channels * plane, x)?;
        check("gamma", channels, self.gamma.len())?;
        check("beta", channels, self.beta.len())?;
        if n * plane == 0 && channels > 0 {
            return Err(KernelError { what: "values of a channel", expected: 1, found: 0 });
        }
        Ok(())
    }

    fn inverse_deviation(&self, variance: T) -> T {
        T::from_f64(1.0 / (variance.to_f64() + self.epsilon.to_f64()).sqrt())
    }

    /// Channel c: `factor * x + summand` before the activation.
    fn affine(&self, s: &BatchStatistics<T>, c: usize) -> (T, T) {
        let factor = self.gamma[c] * self.inverse_deviation(s.variance[c]);
        (factor, self.beta[c] - s.mean[c] * factor)
    }
}

/// `y = activation(gamma * (x - mean) / sqrt(variance + epsilon) + beta)` on `[n, channels, plane]`.
///
/// # Errors
/// A slice whose size does not match, a channel without values.
pub fn batch_norm<T: Element>(
    x: &[T],
    (n, channels, plane): (usize, usize, usize),
    norm: &Normalization<'_, T>,
    y: &mut [MaybeUninit<T>],
) -> Result<BatchStatistics<T>, KernelError> {
    norm.check(x.len(), (n, channels, plane))?;
    check("output", x.len(), y.len())?;
    let mut statistics = BatchStatistics { mean: vec![T::ZERO; channels], variance: vec![T::ZERO; channels] };
    let to = Shared::new(y.as_mut_ptr().cast::<T>());
    let map = |i: usize, c: usize| (i * channels + c) * plane;
    let each = statistics.mean.par_iter_mut().zip(&mut statistics.variance).enumerate();
    each.for_each(|(c, (mean, variance))| {
        (*mean, *variance) = moments(n, plane, |i| &x[map(i, c)..][..plane]);
        let factor = norm.gamma[c] * norm.inverse_deviation(*variance);
        let summand = norm.beta[c] - *mean * factor;
        for i in 0..n {
            // SAFETY: plane (i, c) of the output, which this task alone writes.
            let y = unsafe { std::slice::from_raw_parts_mut(to.get().add(map(i, c)).cast(), plane) };
            let x = &x[map(i, c)..][..plane];
            T::dispatch(Apply { x, y, factor, summand, activation: norm.activation });
        }
    });
    Ok(statistics)
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

/// The sum of all lanes, in double precision.
#[inline(always)]
fn lane_sum<V: Vector>(v: [V; 4]) -> f64 {
    let mut total = 0.0;
    for lane in v[0].add(v[1]).add(v[2].add(v[3])).lanes() {
        total += lane.to_f64();
    }
    total
}

/// Elements summed in single precision before they go into a double.
const CHUNK: usize = 512;

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

struct Apply<'a, T> {
    x: &'a [T],
    y: &'a mut [MaybeUninit<T>],
    factor: T,
    summand: T,
    activation: Activation<T>,
}

impl<T: Element> Kernel<T> for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let (factor, summand) = (V::splat(self.factor), V::splat(self.summand));
        let activation = self.activation.in_lanes();
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
    use super::super::testing::*;
    use super::*;

    pub(super) const ACTIVATIONS: [Activation<f64>; 3] =
        [Activation::None, Activation::Relu, Activation::Leaky(0.1)];

    pub(super) fn naive(
        x: &[f64],
        (n, c, plane): (usize, usize, usize),
        norm: &Normalization<'_, f64>,
    ) -> Vec<f64> {
        let mut y = vec![0.0; x.len()];
        for channel in 0..c {
            let at: Vec<usize> =
                (0..n * plane).map(|i| (i / plane * c + channel) * plane + i % plane).collect();
            let mean = at.iter().map(|&i| x[i]).sum::<f64>() / at.len() as f64;
            let variance = at.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / at.len() as f64;
            for i in at {
                let v = norm.gamma[channel] * (x[i] - mean) / (variance + norm.epsilon).sqrt()
                    + norm.beta[channel];
                y[i] = match norm.activation {
                    Activation::None => v,
                    Activation::Relu => v.max(0.0),
                    Activation::Leaky(s) => {
                        if v > 0.0 {
                            v
                        } else {
                            s * v
                        }
                    }
                };
            }
        }
        y
    }

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
                let y = written(len, |y| {
                    batch_norm(&x, size, &norm, y).unwrap();
                });
                assert_close(&y, &expected, 1e-9, &what);
                let norm = Normalization {
                    gamma: &single(&gamma),
                    beta: &single(&beta),
                    epsilon: 1e-5,
                    activation: match activation {
                        Activation::None => Activation::None,
                        Activation::Relu => Activation::Relu,
                        Activation::Leaky(s) => Activation::Leaky(s as f32),
                    },
                };
                let y = written(len, |y| {
                    let statistics = batch_norm(&single(&x), size, &norm, y).unwrap();
                    assert_eq!(statistics.mean.len(), size.1);
                });
                assert_close(&y, &single(&expected), 5e-5, &what);
            });
        }
    }

    #[test]
    fn statistics_are_mean_and_biased_variance() {
        let norm = Normalization { gamma: &[1.0], beta: &[0.0], epsilon: 0.0, activation: Activation::None };
        let mut y = [MaybeUninit::uninit(); 4];
        let statistics = batch_norm(&[1.0f64, 3.0, 5.0, 11.0], (2, 1, 2), &norm, &mut y).unwrap();
        assert_eq!(statistics, BatchStatistics { mean: vec![5.0], variance: vec![14.0] });
    }

    #[test]
    fn refuses_wrong_sizes() {
        let mut y = [MaybeUninit::<f32>::uninit(); 4];
        let norm = Normalization { gamma: &[1.0], beta: &[0.0], epsilon: 0.0, activation: Activation::None };
        assert!(batch_norm(&[0.0; 4], (2, 2, 1), &norm, &mut y).is_err());
        assert!(batch_norm(&[0.0; 4], (2, 1, 1), &norm, &mut y).is_err());
        assert!(batch_norm(&[], (0, 1, 1), &norm, &mut y[..0]).is_err());
    }
}
