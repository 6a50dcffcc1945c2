//! The 1 × 1 convolution of maps that are known to be a few Gaussians and heatmaps of small logits: dense maps are
//! made nowhere. Rows of heatmaps are made where they are multiplied; a Gaussian costs its neighbourhood alone.

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::cross_entropy::Exponential;
use super::geometry::{Activation, KernelError, check};
use super::heatmaps::{Logits, Places, Rows, heat};
use super::scratch::Shared;
use super::simd::{Element, Kernel, MR, NR, Operand, Vector, tile};

/// Rows of a task. Neighbours sample the same rows of logits, so it is not too few.
pub(super) const TASK: usize = 32;

/// One separable Gaussian.
#[derive(Clone, Debug)]
pub struct Gaussian<T> {
    /// The input channel that it is on.
    pub channel: usize,
    /// Its factor at every column.
    pub columns: Vec<T>,
    /// Its factor at every row.
    pub rows: Vec<T>,
}

impl<T: Element> Gaussian<T> {
    /// The columns where it is not zero.
    pub(super) fn reach(&self) -> Range<usize> {
        let first = self.columns.iter().position(|&v| v != T::ZERO).unwrap_or(0);
        let last = self.columns.iter().rposition(|&v| v != T::ZERO).map_or(first, |last| last + 1);
        first..last
    }
}

/// What is known of `[n, channels, h, w]` maps; where nothing is said they are zero.
#[derive(Clone, Copy)]
pub struct KnownMaps<'a, T> {
    /// Their channels.
    pub channels: usize,
    /// The Gaussians of each image.
    pub gaussians: &'a [Vec<Gaussian<T>>],
    /// The last channels are the heatmaps of these logits, n times as many planes.
    pub logits: Option<Logits<'a, T>>,
    /// Images, height and width.
    pub size: (usize, usize, usize),
}

impl<'a, T: Element> KnownMaps<'a, T> {
    pub(super) fn check(&self) -> Result<(), KernelError> {
        let (n, h, w) = self.size;
        check("lists of Gaussians", n, self.gaussians.len())?;
        for gaussian in self.gaussians.iter().flatten() {
            check("columns of a Gaussian", w, gaussian.columns.len())?;
            check("rows of a Gaussian", h, gaussian.rows.len())?;
            if gaussian.channel >= self.channels {
                let (expected, found) = (self.channels, gaussian.channel);
                return Err(KernelError { what: "channel of a Gaussian", expected, found });
            }
        }
        if let Some(logits) = self.logits {
            logits.check()?;
            check("planes of logits", n * self.heated(), logits.planes)?;
            if self.heated() > self.channels {
                let (expected, found) = (self.channels, self.heated());
                return Err(KernelError { what: "channels", expected, found });
            }
        }
        Ok(())
    }

    /// Channels of one image that are heatmaps.
    pub(super) fn heated(&self) -> usize {
        self.logits.map_or(0, |logits| logits.planes / self.size.0.max(1))
    }

    /// The logits of one image.
    pub(super) fn logits_of(&self, image: usize) -> Logits<'a, T> {
        let (planes, none) = (self.heated(), Logits { data: &[], planes: 0, size: (0, 0) });
        self.logits.map_or(none, |Logits { data, size, .. }| {
            let len = planes * size.0 * size.1;
            Logits { data: &data[image * len..][..len], planes, size }
        })
    }

    /// Where the grid reads the logits.
    pub(super) fn places(&self) -> Places<T> {
        let from = self.logits.map_or((1, 1), |logits| logits.size);
        Places::new(from, (self.size.1, self.size.2))
    }
}

/// `activation(weight · maps + bias)`: `weight` `[outputs, channels]`, `bias` `[outputs]`, `y` `[n, outputs, h, w]`.
///
/// # Errors
/// A slice whose size does not match.
pub fn mix<T: Exponential>(
    maps: &KnownMaps<'_, T>,
    (weight, bias): (&[T], &[T]),
    activation: Activation<T>,
    y: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    let ((n, h, w), outputs) = (maps.size, bias.len());
    maps.check()?;
    check("weight", outputs * maps.channels, weight.len())?;
    check("output", n * outputs * h * w, y.len())?;
    if y.is_empty() {
        return Ok(());
    }
    let slope = match activation {
        Activation::None => T::ONE,
        Activation::Relu => T::ZERO,
        Activation::Leaky(slope) => slope,
    };
    let (places, packed) = (maps.places(), pack(weight, maps.channels, maps.heated()));
    let y = Shared::new(y.as_mut_ptr().cast::<T>());
    (0..n * h.div_ceil(TASK)).into_par_iter().for_each(|task| {
        let (image, first) = (task / h.div_ceil(TASK), task % h.div_ceil(TASK) * TASK);
        let rows = first..(first + TASK).min(h);
        T::dispatch(Mix { maps, weight, bias, slope, places: &places, packed: &packed, image, rows, y });
    });
    Ok(())
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

struct Mix<'a, T> {
    maps: &'a KnownMaps<'a, T>,
    weight: &'a [T],
    bias: &'a [T],
    slope: T,
    places: &'a Places<T>,
    packed: &'a [T],
    image: usize,
    rows: Range<usize>,
    /// The whole output; a task writes the rows of its image that are its own.
    y: Shared<T>,
}

impl<T: Exponential> Kernel<T> for Mix<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let ((_, h, w), outputs, depth) = (self.maps.size, self.bias.len(), self.maps.heated());
        let stride = w.next_multiple_of(NR);
        let mut rows = Rows::new(self.maps.logits_of(self.image), self.places, stride);
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

impl<T: Element> Mix<'_, T> {
    #[inline(always)]
    fn add_gaussians(&self, y: usize, stride: usize, sums: &mut [T]) {
        for gaussian in &self.maps.gaussians[self.image] {
            let row = gaussian.rows[y];
            if row == T::ZERO {
                continue;
            }
            let reach = gaussian.reach();
            let columns = &gaussian.columns[reach.clone()];
            for (o, sum) in sums.chunks_exact_mut(stride).take(self.bias.len()).enumerate() {
                let factor = self.weight[o * self.maps.channels + gaussian.channel] * row;
                for (sum, &column) in sum[reach.clone()].iter_mut().zip(columns) {
                    *sum = *sum + factor * column;
                }
            }
        }
    }
}

/// Row `y` of all heatmaps as the micro-kernel reads it: `[stride / NR, planes, NR]`.
#[inline(always)]
fn make_panels<T: Exponential>(rows: &mut Rows<'_, T>, y: usize, stride: usize, panels: &mut [T]) {
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
        let a = Operand { data: packed[i * depth * MR..][..depth * MR].as_ptr(), step: MR };
        for (j, panel) in panels.chunks_exact(depth * NR).enumerate() {
            let b = Operand { data: panel.as_ptr(), step: NR };
            // SAFETY: `a` has MR and `b` NR elements at each of `depth` steps; the tile's rows are `stride` apart and
            // its columns end at (j + 1) NR <= stride.
            unsafe { tile::<V>(depth, a, b, sums[j * NR..].as_mut_ptr(), stride, true) };
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::heatmaps::heatmap;
    use super::super::testing::single;
    use super::*;

    /// Images, keypoints, outputs, size, size of the logits.
    pub type Case = (usize, usize, usize, (usize, usize), (usize, usize));

    pub const CASES: [Case; 4] = [
        (1, 1, 1, (1, 1), (1, 1)),
        (2, 3, 5, (13, 9), (4, 3)),
        (3, 7, 16, (70, 33), (18, 9)),
        (1, 2, 17, (33, 64), (9, 16)),
    ];

    /// Gaussians on all channels but the last, or none; with and without heatmaps.
    pub fn gaussians(n: usize, channels: usize, (h, w): (usize, usize)) -> Vec<Vec<Gaussian<f64>>> {
        let axis = |len: usize, centre: f64| -> Vec<f64> {
            let value = |i: usize| (-0.1 * (i as f64 - centre).powi(2)).exp();
            (0..len).map(|i| if value(i) < 1e-3 { 0.0 } else { value(i) }).collect()
        };
        let one = |b: usize, c: usize| Gaussian {
            channel: c,
            columns: axis(w, 1.3 * (b + c) as f64),
            rows: axis(h, h as f64 - 2.7 * c as f64),
        };
        (0..n).map(|b| (0..channels.min(b + 2)).map(|c| one(b, c)).collect()).collect()
    }

    pub fn single_precision(all: &[Vec<Gaussian<f64>>]) -> Vec<Vec<Gaussian<f32>>> {
        let one = |g: &Gaussian<f64>| Gaussian {
            channel: g.channel,
            columns: single(&g.columns),
            rows: single(&g.rows),
        };
        all.iter().map(|list| list.iter().map(one).collect()).collect()
    }

    /// The maps written out.
    pub fn dense(maps: &KnownMaps<'_, f64>) -> Vec<f64> {
        let (n, h, w) = maps.size;
        let mut all = vec![0.0; n * maps.channels * h * w];
        for (b, image) in all.chunks_exact_mut(maps.channels * h * w).enumerate() {
            for g in &maps.gaussians[b] {
                for i in 0..h * w {
                    image[g.channel * h * w + i] += g.rows[i / w] * g.columns[i % w];
                }
            }
            let Logits { data, planes, size } = maps.logits_of(b);
            let first = maps.channels - planes;
            for k in 0..planes {
                let plane = &data[k * size.0 * size.1..][..size.0 * size.1];
                heatmap(plane, size, (h, w), &mut image[(first + k) * h * w..][..h * w]).unwrap();
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::testing::{CASES, dense, gaussians, single_precision};
    use super::*;

    #[test]
    fn mixes_as_the_dense_convolution_does_at_each_level() {
        for (n, keypoints, outputs, (h, w), small) in CASES {
            let channels = 2 * keypoints;
            let (weight, bias) = (numbers::<f64>(1, outputs * channels), numbers::<f64>(2, outputs));
            let logits: Vec<f64> =
                numbers::<f64>(3, n * keypoints * small.0 * small.1).iter().map(|x| 4.0 * x).collect();
            let gaussians = gaussians(n, keypoints, (h, w));
            for heated in [false, true] {
                let logits = Logits { data: &logits, planes: n * keypoints, size: small };
                let known = KnownMaps {
                    channels,
                    gaussians: &gaussians,
                    logits: heated.then_some(logits),
                    size: (n, h, w),
                };
                let maps = dense(&known);
                let g = super::super::Geometry::square(channels, outputs, 1, 1, 0);
                let mut expected = naive_conv(&maps, &weight, &g, n, h, w);
                for (i, v) in expected.iter_mut().enumerate() {
                    *v += bias[i / (h * w) % outputs];
                    *v *= if *v > 0.0 { 1.0 } else { 0.2 };
                }
                let (small_logits, small_gaussians) = (single(logits.data), single_precision(&gaussians));
                at_each_level(|level| {
                    let what = format!("{n} {keypoints} {outputs} {h} {w} {heated} {level:?}");
                    let y = written(expected.len(), |y| {
                        mix(&known, (&weight, &bias), Activation::Leaky(0.2), y).unwrap();
                    });
                    assert_close(&y, &expected, 1e-12, &what);
                    let known = KnownMaps {
                        channels,
                        gaussians: &small_gaussians,
                        logits: heated.then_some(Logits {
                            data: &small_logits,
                            planes: n * keypoints,
                            size: small,
                        }),
                        size: (n, h, w),
                    };
                    let run = || {
                        written(expected.len(), |y| {
                            let weights = (single(&weight), single(&bias));
                            mix(&known, (&weights.0, &weights.1), Activation::Leaky(0.2), y).unwrap();
                        })
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
        let gaussian =
            |channel, columns, rows| Gaussian { channel, columns: vec![1.0; columns], rows: vec![1.0; rows] };
        let run = |gaussians: &[Vec<Gaussian<f32>>], logits: Option<Logits<'_, f32>>, weight: usize| {
            let known = KnownMaps { channels: 2, gaussians, logits, size: (1, 3, 4) };
            let mut y = [MaybeUninit::uninit(); 12];
            mix(&known, (&vec![1.0; weight], &[0.0]), Activation::None, &mut y)
        };
        let logits = |len, planes| Some(Logits { data: &[0.0; 12][..len], planes, size: (2, 2) });
        assert!(run(&[vec![gaussian(1, 4, 3)]], logits(8, 2), 2).is_ok());
        assert!(run(&[], None, 2).is_err());
        assert!(run(&[vec![gaussian(2, 4, 3)]], None, 2).is_err());
        assert!(run(&[vec![gaussian(1, 3, 3)]], None, 2).is_err());
        assert!(run(&[vec![gaussian(1, 4, 4)]], None, 2).is_err());
        assert!(run(&[vec![]], logits(7, 2), 2).is_err());
        assert!(run(&[vec![]], logits(12, 3), 2).is_err());
        assert!(run(&[vec![]], None, 3).is_err());
    }
}
