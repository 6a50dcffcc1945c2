//! Heatmaps, the sigmoid of logits resized bilinearly with aligned corners, made row by row, so that code that reads
//! them holds no more than the current rows.

use crate::error::{Result, check_grid, check_shape};
use crate::sampling::{Sample, sample_row, samples};
use crate::simd::{Element, Kernel, Vector};

/// `1 / (1 + exp(-x))`, in a form that the compiler vectorises in loops over slices; the same at every instruction-set
/// level. The sigmoid of a NaN is 0.
#[inline(always)]
fn sigmoid<T: Element>(x: T) -> T {
    let e = x.exp_minus_abs();
    (if x > T::ZERO { T::ONE } else { e }) / (T::ONE + e)
}

/// The logits of heatmaps, `[planes, h, w]`: the heatmaps are the sigmoid of the logits resized to a grid.
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a, T> {
    /// All planes, one after the other.
    pub data: &'a [T],
    /// Planes.
    pub planes: usize,
    /// Height and width of a plane, at least 1.
    pub size: (usize, usize),
}

impl<T> Logits<'_, T> {
    /// `Ok` if there are as many values as the shape has elements, and the planes are not empty.
    pub(crate) fn check(&self) -> Result<()> {
        check_grid("height or width of logits", self.size)?;
        check_shape("logits", &[self.planes, self.size.0, self.size.1], self.data.len())
    }
}

/// Samples rows of all planes at once; each row of logits is sampled once if the rows are read from the top down.
pub(crate) struct Rows<'a, T> {
    logits: Logits<'a, T>,
    rows: &'a [Sample<T>],
    columns: &'a [Sample<T>],
    /// Two rows of the logits sampled along x, the even one first: `[2, planes, stride]`.
    sampled: Vec<T>,
    held: [usize; 2],
    stride: usize,
}

/// The samples that the rows and columns of a grid take of the logits.
pub(crate) struct GridSamples<T> {
    rows: Vec<Sample<T>>,
    columns: Vec<Sample<T>>,
}

impl<T: Element> GridSamples<T> {
    pub(crate) fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self { rows: samples(from.0, to.0), columns: samples(from.1, to.1) }
    }
}

impl<'a, T: Element> Rows<'a, T> {
    /// Rows are `stride` apart, which is at least a row's width; the elements behind the width are arbitrary.
    pub(super) fn new(logits: Logits<'a, T>, samples: &'a GridSamples<T>, stride: usize) -> Self {
        let sampled = vec![T::ZERO; 2 * logits.planes * stride];
        Self {
            logits,
            rows: &samples.rows,
            columns: &samples.columns,
            sampled,
            held: [usize::MAX; 2],
            stride,
        }
    }

    /// The two sampled rows of every plane between which row `y` lies, and its distance from the first.
    #[inline(always)]
    pub(super) fn around(&mut self, y: usize) -> (&[T], &[T], T) {
        let (h, w) = self.logits.size;
        let Sample { low, fraction } = self.rows[y];
        let high = (low + 1).min(h - 1);
        let half = self.logits.planes * self.stride;
        for row in [low, high] {
            if self.held[row % 2] != row {
                let to = self.sampled[row % 2 * half..][..half].chunks_exact_mut(self.stride);
                for (plane, to) in self.logits.data.chunks_exact(h * w).zip(to) {
                    sample_row(&plane[row * w..][..w], self.columns, to);
                }
                self.held[row % 2] = row;
            }
        }
        (&self.sampled[low % 2 * half..][..half], &self.sampled[high % 2 * half..][..half], fraction)
    }
}

/// `to[i] = sigmoid((1 - fraction) low[i] + fraction high[i])`.
#[inline(always)]
pub(crate) fn heat<T: Element>(low: &[T], high: &[T], fraction: T, to: &mut [T]) {
    blend(low, high, fraction, to, sigmoid);
}

/// `to[i] = f((1 - fraction) low[i] + fraction high[i])`.
#[inline(always)]
fn blend<T: Element>(low: &[T], high: &[T], fraction: T, to: &mut [T], f: impl Fn(T) -> T) {
    let rest = T::ONE - fraction;
    for ((to, &low), &high) in to.iter_mut().zip(low).zip(high) {
        *to = f(low * rest + high * fraction);
    }
}

/// Writes the heatmap of one plane of `logits`, of the given `size`: the sigmoid of the logits resized to `grid`,
/// `[height, width]`.
///
/// # Errors
/// A slice whose length does not match; empty logits.
pub fn heatmap_into<T: Element>(
    logits: &[T],
    size: (usize, usize),
    grid: (usize, usize),
    heatmap: &mut [T],
) -> Result<()> {
    let logits = Logits { data: logits, planes: 1, size };
    logits.check()?;
    check_shape("heatmap", &[grid.0, grid.1], heatmap.len())?;
    if !heatmap.is_empty() {
        check_grid("height or width of the grid", grid)?;
        T::dispatch(Heatmap { logits, samples: &GridSamples::new(size, grid), width: grid.1, y: heatmap });
    }
    Ok(())
}

struct Heatmap<'a, T> {
    logits: Logits<'a, T>,
    samples: &'a GridSamples<T>,
    width: usize,
    y: &'a mut [T],
}

impl<T: Element> Kernel<T> for Heatmap<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let mut rows = Rows::new(self.logits, self.samples, self.width);
        for (y, to) in self.y.chunks_exact_mut(self.width).enumerate() {
            let (low, high, fraction) = rows.around(y);
            heat(low, high, fraction, to);
        }
    }
}

/// The highest value of the heatmap that [`heatmap_into`] writes, of which only the rows are made that may contain it. NaN is
/// ignored; the peak of an empty heatmap is 0.
///
/// # Errors
/// A slice whose length does not match; empty logits.
pub fn heatmap_peak<T: Element>(logits: &[T], size: (usize, usize), grid: (usize, usize)) -> Result<T> {
    let logits = Logits { data: logits, planes: 1, size };
    logits.check()?;
    if grid.0 * grid.1 == 0 {
        return Ok(T::ZERO);
    }
    check_grid("height or width of the grid", grid)?;
    Ok(T::dispatch(HeatmapPeak { logits, samples: &GridSamples::new(size, grid), width: grid.1 }))
}

struct HeatmapPeak<'a, T> {
    logits: Logits<'a, T>,
    samples: &'a GridSamples<T>,
    width: usize,
}

impl<T: Element> Kernel<T> for HeatmapPeak<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) -> T {
        let (height, width) = self.logits.size;
        let tops: Vec<T> = self.logits.data.chunks_exact(width).map(highest).collect();
        // No row of the grid exceeds both rows of the logits that it lies between.
        let bound = |sample: &Sample<T>| larger(tops[sample.low], tops[(sample.low + 1).min(height - 1)]);
        let bounds: Vec<T> = self.samples.rows.iter().map(bound).collect();
        let best = highest(&bounds);
        let first = bounds.iter().position(|bound| *bound == best).unwrap_or(0);
        let mut rows = Rows::new(self.logits, self.samples, self.width);
        let mut row = vec![T::ZERO; self.width];
        let mut peak = lowest();
        for y in std::iter::once(first).chain(0..bounds.len()) {
            if bounds[y] > peak {
                let (low, high, fraction) = rows.around(y);
                blend(low, high, fraction, &mut row, |logit| logit);
                peak = larger(peak, highest(&row));
            }
        }
        sigmoid(peak)
    }
}

/// Below all numbers.
fn lowest<T: Element>() -> T {
    T::from_f64(f64::NEG_INFINITY)
}

#[inline(always)]
fn larger<T: Element>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

/// The highest of some values, but for NaN.
#[inline(always)]
fn highest<T: Element>(values: &[T]) -> T {
    values.iter().copied().fold(lowest(), larger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resize::resize_bilinear;
    use crate::testing::*;

    #[test]
    fn the_sigmoid_is_right_to_the_last_bits_and_never_overflows() {
        for i in -200_000..=200_000 {
            let x = i as f32 * 5e-4;
            let expected = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - expected).abs() < 2e-7, "{x}: {}", sigmoid(x));
        }
        assert_eq!(sigmoid(f32::INFINITY), 1.0);
        assert_eq!(sigmoid(0_f32), 0.5);
        for x in [f32::NEG_INFINITY, f32::NAN] {
            assert!((0.0..1e-37).contains(&sigmoid(x)), "{x}: {}", sigmoid(x));
        }
    }

    #[test]
    fn a_heatmap_is_the_sigmoid_of_the_upsampled_logits_at_each_level() {
        for ((h, w), (oh, ow)) in
            [((1, 1), (3, 5)), ((4, 3), (15, 11)), ((9, 17), (33, 67)), ((5, 6), (5, 6)), ((7, 9), (3, 2))]
        {
            let logits: Vec<f32> = numbers::<f32>(3, h * w).iter().map(|x| 8.0 * x).collect();
            let upsampled = resize_bilinear(&logits, 1, (h, w), (oh, ow)).unwrap();
            let expected: Vec<f32> = upsampled.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
            at_each_level(|level| {
                let mut y = vec![f32::NAN; oh * ow];
                heatmap_into(&logits, (h, w), (oh, ow), &mut y).unwrap();
                assert_close(&y, &expected, 1e-6, &format!("{h} {w} {oh} {ow} {level:?}"));
            });
        }
    }

    #[test]
    fn refuses_wrong_sizes() {
        assert!(heatmap_into(&[0.0_f32; 3], (2, 2), (2, 2), &mut [0.0; 4]).is_err());
        assert!(heatmap_into(&[0.0_f32; 4], (2, 2), (2, 2), &mut [0.0; 3]).is_err());
        assert!(heatmap_into(&[0.0_f32; 0], (0, 2), (2, 2), &mut [0.0; 4]).is_err());
    }

    #[test]
    fn a_peak_is_the_highest_value_of_its_heatmap_at_each_level() {
        for (seed, (h, w), (oh, ow)) in
            [(3, (1, 1), (3, 5)), (4, (9, 17), (33, 67)), (5, (12, 6), (45, 21)), (6, (7, 9), (3, 2))]
        {
            // A narrow peak between pixels, one at a corner, one on a plateau; and without any.
            let mut cases = vec![numbers::<f32>(seed, h * w).iter().map(|x| 8.0 * x).collect::<Vec<_>>()];
            cases.push(vec![-6.0; h * w]);
            cases.push((0..h * w).map(|i| if i == h * w - 1 { 2.0 } else { -9.0 }).collect());
            cases.push(
                (0..h * w).map(|i| if i == h * w / 2 { f32::NAN } else { i as f32 % 7.0 - 3.0 }).collect(),
            );
            for logits in cases {
                at_each_level(|level| {
                    let mut y = vec![f32::NAN; oh * ow];
                    heatmap_into(&logits, (h, w), (oh, ow), &mut y).unwrap();
                    let peak = heatmap_peak(&logits, (h, w), (oh, ow)).unwrap();
                    let expected = y.iter().copied().fold(0.0, f32::max);
                    assert!((peak - expected).abs() < 1e-6, "{peak} {expected} {h} {w} {oh} {ow} {level:?}");
                });
            }
        }
        assert_eq!(heatmap_peak(&[1.0_f32], (1, 1), (0, 4)), Ok(0.0));
        assert!(heatmap_peak::<f32>(&[], (0, 1), (3, 4)).is_err());
    }
}
