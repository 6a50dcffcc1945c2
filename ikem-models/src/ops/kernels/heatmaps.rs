//! Heatmaps out of logits: bilinear upsampling with aligned corners and the sigmoid, row by row, so that whoever reads
//! them needs no more than the rows at hand.

use super::cross_entropy::Exponential;
use super::geometry::{KernelError, check};
use super::resize::{Sample, sample_row, samples};
use super::simd::{Element, Kernel, Vector};

/// `1 / (1 + exp(-x))`, in a form that loops over slices are vectorised with; the same at every instruction-set level. Not
/// a number is no heat: 0.
#[inline(always)]
fn sigmoid<T: Exponential>(x: T) -> T {
    let e = T::exp_of_minus_magnitude(x);
    (if x > T::ZERO { T::ONE } else { e }) / (T::ONE + e)
}

/// Logits on their way to heatmaps: `[planes, h, w]`.
#[derive(Clone, Copy)]
pub struct Logits<'a, T> {
    /// All planes.
    pub data: &'a [T],
    /// How many there are.
    pub planes: usize,
    /// Their height and width.
    pub size: (usize, usize),
}

impl<T> Logits<'_, T> {
    /// `Ok` if the data are of the size and there is something to sample.
    pub(super) fn check(&self) -> Result<(), KernelError> {
        check("logits", self.planes * self.size.0 * self.size.1, self.data.len())?;
        if self.data.is_empty() && self.planes > 0 {
            return Err(KernelError { what: "logits", expected: self.planes, found: 0 });
        }
        Ok(())
    }
}

/// Makes heatmap rows of all planes at once, fastest from the top down.
pub(super) struct Rows<'a, T> {
    logits: Logits<'a, T>,
    rows: &'a [Sample<T>],
    columns: &'a [Sample<T>],
    /// Two rows of the logits sampled along x, the even one first: `[2, planes, stride]`.
    sampled: Vec<T>,
    held: [usize; 2],
    stride: usize,
}

/// Where the rows and columns of a grid read the logits.
pub(super) struct Places<T> {
    rows: Vec<Sample<T>>,
    columns: Vec<Sample<T>>,
}

impl<T: Element> Places<T> {
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self { rows: samples(from.0, to.0), columns: samples(from.1, to.1) }
    }
}

impl<'a, T: Exponential> Rows<'a, T> {
    /// Rows are `stride` apart, which is at least a row's width; what is behind the width is arbitrary.
    pub fn new(logits: Logits<'a, T>, places: &'a Places<T>, stride: usize) -> Self {
        let sampled = vec![T::ZERO; 2 * logits.planes * stride];
        Self { logits, rows: &places.rows, columns: &places.columns, sampled, held: [usize::MAX; 2], stride }
    }

    /// The two sampled rows of every plane between which row `y` lies, and how far it is from the first.
    #[inline(always)]
    pub fn around(&mut self, y: usize) -> (&[T], &[T], T) {
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
pub(super) fn heat<T: Exponential>(low: &[T], high: &[T], fraction: T, to: &mut [T]) {
    let rest = T::ONE - fraction;
    for ((to, &low), &high) in to.iter_mut().zip(low).zip(high) {
        *to = sigmoid(low * rest + high * fraction);
    }
}

/// Upsamples one plane of logits of `size` to `out` and applies the sigmoid.
///
/// # Errors
/// A slice whose size does not match, an empty input with an output.
pub fn heatmap<T: Exponential>(
    logits: &[T],
    size: (usize, usize),
    out: (usize, usize),
    y: &mut [T],
) -> Result<(), KernelError> {
    let logits = Logits { data: logits, planes: 1, size };
    logits.check()?;
    check("heatmap", out.0 * out.1, y.len())?;
    if !y.is_empty() {
        T::dispatch(Heatmap { logits, places: &Places::new(size, out), width: out.1, y });
    }
    Ok(())
}

struct Heatmap<'a, T> {
    logits: Logits<'a, T>,
    places: &'a Places<T>,
    width: usize,
    y: &'a mut [T],
}

impl<T: Exponential> Kernel<T> for Heatmap<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let mut rows = Rows::new(self.logits, self.places, self.width);
        for (y, to) in self.y.chunks_exact_mut(self.width).enumerate() {
            let (low, high, fraction) = rows.around(y);
            heat(low, high, fraction, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::resize::resize_bilinear;
    use super::super::testing::*;
    use super::*;

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
            let upsampled = written(oh * ow, |y| {
                resize_bilinear(&logits, 1, (h, w), (oh, ow), y).unwrap();
            });
            let expected: Vec<f32> = upsampled.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
            at_each_level(|level| {
                let mut y = vec![f32::NAN; oh * ow];
                heatmap(&logits, (h, w), (oh, ow), &mut y).unwrap();
                assert_close(&y, &expected, 1e-6, &format!("{h} {w} {oh} {ow} {level:?}"));
            });
        }
    }

    #[test]
    fn refuses_wrong_sizes() {
        assert!(heatmap(&[0.0_f32; 3], (2, 2), (2, 2), &mut [0.0; 4]).is_err());
        assert!(heatmap(&[0.0_f32; 4], (2, 2), (2, 2), &mut [0.0; 3]).is_err());
        assert!(heatmap(&[0.0_f32; 0], (0, 2), (2, 2), &mut [0.0; 4]).is_err());
    }
}
