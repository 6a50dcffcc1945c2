//! The gradients of [`pointwise_conv`](super::pointwise_conv) with respect to its weight and bias; the dense maps are
//! not made here either.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::known_maps::KnownMaps;
use super::pointwise::TASK;
use super::rows::{GridSamples, Rows, heat};
use crate::buffer::filled;
use crate::error::{Result, check_shape, elements};
use crate::gemm::NR;
use crate::simd::{Element, Kernel, Vector};
use crate::sums::channel_sums;

/// Heatmaps and outputs whose products are summed in registers at once.
const BLOCK: (usize, usize) = (4, 2);
/// Elements that hold a vector of any level.
const SUM: usize = 16;

/// The gradients of the weight, `[outputs, channels]`, and behind it the bias, `[outputs]`, given that of the output,
/// `dy`, `[n, outputs, h, w]`.
///
/// # Errors
/// An extent out of range; a slice whose length does not match.
pub fn pointwise_conv_backward<T: Element>(
    maps: &KnownMaps<'_, T>,
    dy: &[T],
    outputs: usize,
) -> Result<Vec<T>> {
    maps.check()?;
    let (n, (h, w)) = (maps.images(), maps.size);
    check_shape("gradient of the output", &[n, outputs, h, w], dy.len())?;
    let weights = elements("gradient of the weight", &[outputs, maps.channels])?;
    // SAFETY: the gradients of all weights and the sums of all outputs are written.
    unsafe {
        filled(weights + outputs, |gradients| {
            let (dw, db) = gradients.split_at_mut(weights);
            channel_sums(dy, n, outputs, h * w, db);
            weight_gradient(maps, dy, outputs, dw);
            Ok(())
        })
    }
}

fn weight_gradient<T: Element>(maps: &KnownMaps<'_, T>, dy: &[T], outputs: usize, dw: &mut [MaybeUninit<T>]) {
    let (n, (h, w), samples) = (maps.images(), maps.size, maps.samples());
    let tasks = if w == 0 { 0 } else { n * h.div_ceil(TASK) };
    let tasks = (0..tasks).into_par_iter().map(|task| {
        let (image, first) = (task / h.div_ceil(TASK), task % h.div_ceil(TASK) * TASK);
        let rows = first..(first + TASK).min(h);
        T::dispatch(PointwiseBackward { maps, dy, outputs, samples: &samples, image, rows })
    });
    // Summed in the order of the tasks, whichever threads ran them.
    let parts: Vec<Vec<T>> = tasks.collect();
    for (i, dw) in dw.iter_mut().enumerate() {
        dw.write(parts.iter().fold(T::ZERO, |sum, part| sum + part[i]));
    }
}

struct PointwiseBackward<'a, T> {
    maps: &'a KnownMaps<'a, T>,
    dy: &'a [T],
    outputs: usize,
    samples: &'a GridSamples<T>,
    image: usize,
    rows: Range<usize>,
}

impl<T: Element> Kernel<T> for PointwiseBackward<'_, T> {
    /// What these rows add to the gradient of the weight.
    type Output = Vec<T>;

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) -> Vec<T> {
        let ((h, w), depth, channels) = (self.maps.size, self.maps.heatmaps(), self.maps.channels);
        let stride = w.next_multiple_of(NR);
        let (planes, outputs) = (depth.next_multiple_of(BLOCK.0), self.outputs.next_multiple_of(BLOCK.1));
        let mut rows = Rows::new(self.maps.logits_of(self.image), self.samples, stride);
        let mut heated = vec![T::ZERO; planes * stride];
        // Zeros behind the width keep the elements there out of every sum.
        let mut gradients = vec![T::ZERO; outputs * stride];
        let mut sums = vec![T::ZERO; planes * outputs * SUM];
        let mut dw = vec![T::ZERO; self.outputs * channels];
        for y in self.rows.clone() {
            for (o, row) in gradients.chunks_exact_mut(stride).take(self.outputs).enumerate() {
                row[..w].copy_from_slice(&self.dy[((self.image * self.outputs + o) * h + y) * w..][..w]);
            }
            self.add_gaussians(y, stride, &gradients, &mut dw);
            if depth > 0 {
                let (low, high, fraction) = rows.around(y);
                heat(low, high, fraction, &mut heated[..depth * stride]);
                add_products::<V>(&heated, &gradients, stride, &mut sums);
            }
        }
        for (o, dw) in dw.chunks_exact_mut(channels.max(1)).enumerate() {
            for (k, dw) in dw[channels - depth..].iter_mut().enumerate() {
                let lanes = &sums[(k * outputs + o) * SUM..][..SUM];
                *dw = lanes.iter().fold(*dw, |sum, &lane| sum + lane);
            }
        }
        dw
    }
}

impl<T: Element> PointwiseBackward<'_, T> {
    #[inline(always)]
    fn add_gaussians(&self, y: usize, stride: usize, gradients: &[T], dw: &mut [T]) {
        let channels = self.maps.channels.max(1);
        for (channel, gaussian) in &self.maps.gaussians[self.image] {
            let row = T::from_f32(gaussian.rows[y]);
            if row == T::ZERO {
                continue;
            }
            let support = gaussian.support();
            for (dw, gradient) in dw.chunks_exact_mut(channels).zip(gradients.chunks_exact(stride)) {
                let pairs = gradient[support.clone()].iter().zip(&gaussian.columns[support.clone()]);
                let sum = pairs.fold(T::ZERO, |sum, (&d, &column)| sum + d * T::from_f32(column));
                dw[*channel] = dw[*channel] + sum * row;
            }
        }
    }
}

/// `sums[k][o] += heated[k] · gradients[o]`, a vector's lanes summed apart.
#[inline(always)]
fn add_products<V: Vector>(heated: &[V::Elem], gradients: &[V::Elem], stride: usize, sums: &mut [V::Elem]) {
    let outputs = gradients.len() / stride;
    for (k, heated) in heated.chunks_exact(BLOCK.0 * stride).enumerate() {
        for (o, gradients) in gradients.chunks_exact(BLOCK.1 * stride).enumerate() {
            let place = |i: usize, j: usize| ((k * BLOCK.0 + i) * outputs + o * BLOCK.1 + j) * SUM;
            let mut held = [[V::splat(V::Elem::ZERO); BLOCK.1]; BLOCK.0];
            for (i, held) in held.iter_mut().enumerate() {
                for (j, held) in held.iter_mut().enumerate() {
                    // SAFETY: every sum has SUM elements, no vector has more.
                    *held = unsafe { V::load(sums[place(i, j)..][..SUM].as_ptr()) };
                }
            }
            for x in (0..stride).step_by(V::LANES) {
                let mut right = [V::splat(V::Elem::ZERO); BLOCK.1];
                for (j, right) in right.iter_mut().enumerate() {
                    // SAFETY: rows are `stride` long, a multiple of the lanes.
                    *right = unsafe { V::load(gradients.as_ptr().add(j * stride + x)) };
                }
                for (i, held) in held.iter_mut().enumerate() {
                    // SAFETY: as above.
                    let left = unsafe { V::load(heated.as_ptr().add(i * stride + x)) };
                    for (held, &right) in held.iter_mut().zip(&right) {
                        *held = left.mul_add(right, *held);
                    }
                }
            }
            for (i, held) in held.iter().enumerate() {
                for (j, held) in held.iter().enumerate() {
                    // SAFETY: every sum has SUM elements, no vector has more.
                    unsafe { held.store(sums[place(i, j)..][..SUM].as_mut_ptr()) };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Logits;
    use super::super::testing::{CASES, dense, factors, gaussians};
    use super::*;
    use crate::testing::*;

    fn gradients<T: Element>(known: &KnownMaps<'_, T>, dy: &[T], outputs: usize) -> (Vec<T>, Vec<T>) {
        let mut dw = pointwise_conv_backward(known, dy, outputs).unwrap();
        let db = dw.split_off(outputs * known.channels);
        (dw, db)
    }

    #[test]
    fn learns_as_the_dense_convolution_does_at_each_level() {
        for (n, keypoints, outputs, (h, w), small) in CASES {
            let channels = 2 * keypoints;
            let dy = numbers::<f64>(1, n * outputs * h * w);
            let logits: Vec<f64> =
                numbers::<f64>(3, n * keypoints * small.0 * small.1).iter().map(|x| 4.0 * x).collect();
            let factors = factors(n, keypoints, (h, w));
            let gaussians = gaussians(&factors);
            for heated in [false, true] {
                let logits = Logits { data: &logits, planes: n * keypoints, size: small };
                let size = (h, w);
                let known =
                    KnownMaps { channels, gaussians: &gaussians, logits: heated.then_some(logits), size };
                let g = square(channels, outputs, 1, 1, 0);
                let weight = vec![0.0; outputs * channels];
                let (_, expected) = naive_backward(&dense(&known), &weight, &dy, &g, (n, h, w));
                let sum = |o: usize| {
                    let planes = dy.chunks_exact(h * w).skip(o).step_by(outputs);
                    planes.flatten().sum::<f64>()
                };
                let bias: Vec<f64> = (0..outputs).map(sum).collect();
                let data = single(logits.data);
                at_each_level(|level| {
                    let what = format!("{n} {keypoints} {outputs} {h} {w} {heated} {level:?}");
                    let (dw, db) = gradients(&known, &dy, outputs);
                    assert_close(&dw, &expected, 1e-10, &what);
                    assert_close(&db, &bias, 1e-10, &what);
                    let logits = heated.then_some(Logits { data: &data, planes: n * keypoints, size: small });
                    let known = KnownMaps { channels, gaussians: &gaussians, logits, size };
                    let run = || gradients(&known, &single(&dy), outputs);
                    let answer = run();
                    assert_close(&answer.0, &single(&expected), 1e-3, &what);
                    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
                    assert!(one.install(run) == answer, "{what}: one thread answers otherwise");
                });
            }
        }
    }
}
