//! The 1 × 1 (pointwise) convolution of maps that are known in factored form, as a few Gaussians and the heatmaps of
//! small logits: the dense maps are made nowhere.
//!
//! A task takes some rows of an image. It makes the heatmaps' rows where it multiplies them, in panels that the
//! [`microkernel`] reads; a Gaussian is added with one multiplication for each output and each pixel of its support.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::known_maps::KnownMaps;
use super::rows::{GridSamples, Rows, heat};
use crate::activation::Activation;
use crate::buffer::filled;
use crate::error::{Result, check_shape, elements};
use crate::gemm::{MR, MicroPanel, NR, microkernel};
use crate::scratch::Shared;
use crate::simd::{Element, Kernel, Vector};

/// Rows of a task. Neighbours sample the same rows of logits, so that a task should have many.
pub(super) const TASK: usize = 32;

/// `activation(weight · maps + bias)`, `[n, outputs, h, w]`: `weight` `[outputs, channels]`, `bias` `[outputs]`.
///
/// # Errors
/// An extent out of range; a slice whose length does not match.
pub fn pointwise_conv<T: Element>(
    maps: &KnownMaps<'_, T>,
    (weight, bias): (&[T], &[T]),
    activation: Activation,
) -> Result<Vec<T>> {
    maps.check()?;
    check_shape("weight", &[bias.len(), maps.channels], weight.len())?;
    let len = elements("output", &[maps.images(), bias.len(), maps.size.0, maps.size.1])?;
    if len == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: every row of every image belongs to a task, which writes it for all outputs.
    unsafe {
        filled(len, |y| {
            convolve(maps, (weight, bias), activation, y);
            Ok(())
        })
    }
}

fn convolve<T: Element>(
    maps: &KnownMaps<'_, T>,
    (weight, bias): (&[T], &[T]),
    activation: Activation,
    y: &mut [MaybeUninit<T>],
) {
    let (n, (h, _), slope) = (maps.images(), maps.size, activation.slope());
    let (samples, packed) = (maps.samples(), pack(weight, maps.channels, maps.heatmaps()));
    let y = Shared::new(y.as_mut_ptr().cast::<T>());
    (0..n * h.div_ceil(TASK)).into_par_iter().for_each(|task| {
        let (image, first) = (task / h.div_ceil(TASK), task % h.div_ceil(TASK) * TASK);
        let rows = first..(first + TASK).min(h);
        T::dispatch(Pointwise {
            maps,
            weight,
            bias,
            slope,
            samples: &samples,
            packed: &packed,
            image,
            rows,
            y,
        });
    });
}

/// The weights of the last `depth` channels as the micro-kernel reads them: `[outputs / MR, depth, MR]`, zeros behind
/// the last output.
fn pack<T: Element>(weight: &[T], channels: usize, depth: usize) -> Vec<T> {
    let outputs = weight.len() / channels.max(1);
    let mut packed = vec![T::ZERO; outputs.next_multiple_of(MR) * depth];
    for (o, row) in weight.chunks_exact(channels.max(1)).enumerate() {
        for (k, &value) in row[channels - depth..].iter().enumerate() {
            packed[(o / MR * depth + k) * MR + o % MR] = value;
        }
    }
    packed
}

struct Pointwise<'a, T> {
    maps: &'a KnownMaps<'a, T>,
    weight: &'a [T],
    bias: &'a [T],
    slope: T,
    samples: &'a GridSamples<T>,
    packed: &'a [T],
    image: usize,
    rows: Range<usize>,
    /// The whole output; a task writes the rows of its image that are its own.
    y: Shared<T>,
}

impl<T: Element> Kernel<T> for Pointwise<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let ((h, w), outputs, depth) = (self.maps.size, self.bias.len(), self.maps.heatmaps());
        let stride = w.next_multiple_of(NR);
        let mut rows = Rows::new(self.maps.logits_of(self.image), self.samples, stride);
        let mut panels = vec![T::ZERO; depth * stride];
        let mut sums = vec![T::ZERO; outputs.next_multiple_of(MR) * stride];
        for y in self.rows.clone() {
            for (sum, &bias) in sums.chunks_exact_mut(stride).zip(self.bias) {
                sum.fill(bias);
            }
            self.add_gaussians(y, stride, &mut sums);
            if depth > 0 {
                make_panels(&mut rows, y, stride, &mut panels);
                multiply::<V>(self.packed, &panels, depth, stride, &mut sums);
            }
            for (o, sum) in sums.chunks_exact(stride).take(outputs).enumerate() {
                for (x, &v) in sum[..w].iter().enumerate() {
                    let v = if v > T::ZERO { v } else { self.slope * v };
                    // SAFETY: image, output, row and column are inside `[n, outputs, h, w]`, and the row is this
                    // task's alone.
                    unsafe { *self.y.get().add(((self.image * outputs + o) * h + y) * w + x) = v };
                }
            }
        }
    }
}

impl<T: Element> Pointwise<'_, T> {
    #[inline(always)]
    fn add_gaussians(&self, y: usize, stride: usize, sums: &mut [T]) {
        for (channel, gaussian) in &self.maps.gaussians[self.image] {
            let row = T::from_f32(gaussian.rows[y]);
            if row == T::ZERO {
                continue;
            }
            let support = gaussian.support();
            let columns = &gaussian.columns[support.clone()];
            for (o, sum) in sums.chunks_exact_mut(stride).take(self.bias.len()).enumerate() {
                let factor = self.weight[o * self.maps.channels + channel] * row;
                for (sum, &column) in sum[support.clone()].iter_mut().zip(columns) {
                    *sum = *sum + factor * T::from_f32(column);
                }
            }
        }
    }
}

/// Row `y` of all heatmaps as the micro-kernel reads it: `[stride / NR, planes, NR]`.
#[inline(always)]
fn make_panels<T: Element>(rows: &mut Rows<'_, T>, y: usize, stride: usize, panels: &mut [T]) {
    let (low, high, fraction) = rows.around(y);
    let depth = low.len() / stride;
    for k in 0..depth {
        let (low, high) = (&low[k * stride..][..stride], &high[k * stride..][..stride]);
        for (j, (low, high)) in low.chunks_exact(NR).zip(high.chunks_exact(NR)).enumerate() {
            heat(low, high, fraction, &mut panels[(j * depth + k) * NR..][..NR]);
        }
    }
}

/// `sums += packed · panels`.
#[inline(always)]
fn multiply<V: Vector>(
    packed: &[V::Elem],
    panels: &[V::Elem],
    depth: usize,
    stride: usize,
    sums: &mut [V::Elem],
) {
    for (i, sums) in sums.chunks_exact_mut(MR * stride).enumerate() {
        let a = MicroPanel { data: packed[i * depth * MR..][..depth * MR].as_ptr(), step: MR };
        for (j, panel) in panels.chunks_exact(depth * NR).enumerate() {
            let b = MicroPanel { data: panel.as_ptr(), step: NR };
            // SAFETY: `a` has MR and `b` NR elements at each of `depth` steps; the tile's rows are `stride` apart and
            // its columns end at (j + 1) NR <= stride.
            unsafe { microkernel::<V>(depth, a, b, sums[j * NR..].as_mut_ptr(), stride, true) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gaussian::Gaussian;
    use super::super::rows::Logits;
    use super::super::testing::{CASES, dense, factors, gaussians};
    use super::*;
    use crate::testing::*;

    #[test]
    fn convolves_as_the_dense_convolution_does_at_each_level() {
        for (n, keypoints, outputs, (h, w), small) in CASES {
            let channels = 2 * keypoints;
            let (weight, bias) = (numbers::<f64>(1, outputs * channels), numbers::<f64>(2, outputs));
            let logits: Vec<f64> =
                numbers::<f64>(3, n * keypoints * small.0 * small.1).iter().map(|x| 4.0 * x).collect();
            let factors = factors(n, keypoints, (h, w));
            let gaussians = gaussians(&factors);
            for heated in [false, true] {
                let logits = Logits { data: &logits, planes: n * keypoints, size: small };
                let known = KnownMaps {
                    channels,
                    gaussians: &gaussians,
                    logits: heated.then_some(logits),
                    size: (h, w),
                };
                let maps = dense(&known);
                let g = square(channels, outputs, 1, 1, 0);
                let mut expected = naive_conv(&maps, &weight, &g, n, h, w);
                for (i, v) in expected.iter_mut().enumerate() {
                    *v += bias[i / (h * w) % outputs];
                    *v *= if *v > 0.0 { 1.0 } else { f64::from(0.2_f32) };
                }
                let small_logits = single(logits.data);
                at_each_level(|level| {
                    let what = format!("{n} {keypoints} {outputs} {h} {w} {heated} {level:?}");
                    let y = pointwise_conv(&known, (&weight, &bias), Activation::LeakyRelu(0.2)).unwrap();
                    assert_close(&y, &expected, 1e-12, &what);
                    let known = KnownMaps {
                        channels,
                        gaussians: &gaussians,
                        logits: heated.then_some(Logits {
                            data: &small_logits,
                            planes: n * keypoints,
                            size: small,
                        }),
                        size: (h, w),
                    };
                    let run = || {
                        let weights = (single(&weight), single(&bias));
                        pointwise_conv(&known, (&weights.0, &weights.1), Activation::LeakyRelu(0.2)).unwrap()
                    };
                    let y = run();
                    assert_close(&y, &single(&expected), 1e-5, &what);
                    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
                    assert!(one.install(run) == y, "{what}: one thread answers otherwise");
                });
            }
        }
    }

    #[test]
    fn refuses_wrong_sizes() {
        let gaussian = |channel, columns: usize, rows: usize| {
            (channel, Gaussian { columns: &[1.0; 4][..columns], rows: &[1.0; 4][..rows] })
        };
        let run = |gaussians: &[Vec<_>], logits: Option<Logits<'_, f32>>, weight: usize| {
            let known = KnownMaps { channels: 2, gaussians, logits, size: (3, 4) };
            pointwise_conv(&known, (&vec![1.0; weight], &[0.0]), Activation::Identity)
        };
        let logits = |len, planes| Some(Logits { data: &[0.0; 12][..len], planes, size: (2, 2) });
        assert!(run(&[vec![gaussian(1, 4, 3)]], logits(8, 2), 2).is_ok());
        assert_eq!(run(&[], None, 2), Ok(vec![]), "no images");
        assert!(run(&[], logits(8, 2), 2).is_err());
        assert!(run(&[vec![gaussian(2, 4, 3)]], None, 2).is_err());
        assert!(run(&[vec![gaussian(1, 3, 3)]], None, 2).is_err());
        assert!(run(&[vec![gaussian(1, 4, 4)]], None, 2).is_err());
        assert!(run(&[vec![]], logits(7, 2), 2).is_err());
        assert!(run(&[vec![]], logits(12, 3), 2).is_err());
        assert!(run(&[vec![]], None, 3).is_err());
    }
}
