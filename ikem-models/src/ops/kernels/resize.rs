//! Bilinear resizing with aligned corners, and its adjoint.
//!
//! Both directions are separable. Two input rows are sampled along x, then blended into every output row between
//! them. The adjoint turns this around: for every input row it sums the output rows that read it, each weighted, and
//! then gathers along x.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::geometry::{KernelError, check};
use super::pool::planes_per_task;
use super::simd::{Element, Kernel, Vector};

/// Where an output position reads: `(1 - fraction) * x[low] + fraction * x[low + 1]`.
#[derive(Clone, Copy)]
pub(super) struct Sample<T> {
    pub low: usize,
    pub fraction: T,
}

/// PyTorch's positions for `align_corners=True`: i (n - 1) / (m - 1), 0 for a single output.
pub(super) fn samples<T: Element>(n: usize, m: usize) -> Vec<Sample<T>> {
    let scale = if m > 1 { T::from_f64((n - 1) as f64) / T::from_f64((m - 1) as f64) } else { T::ZERO };
    let sample = |i: usize| {
        let at = scale * T::from_f64(i as f64);
        // The second of two samples must exist; at the end the fraction becomes 1 instead.
        let low = (at.to_f64() as usize).min(n.saturating_sub(2));
        Sample { low, fraction: T::from_f64((at.to_f64() - low as f64).clamp(0.0, 1.0)) }
    };
    (0..m).map(sample).collect()
}

/// For each input position, the outputs that read it and with what weight.
struct Adjoint<T> {
    starts: Vec<usize>,
    terms: Vec<(usize, T)>,
}

impl<T: Element> Adjoint<T> {
    fn new(n: usize, m: usize) -> Self {
        let mut lists = vec![Vec::new(); n];
        for (i, s) in samples::<T>(n, m).into_iter().enumerate() {
            lists[s.low].push((i, T::ONE - s.fraction));
            if s.low + 1 < n {
                lists[s.low + 1].push((i, s.fraction));
            }
        }
        let mut starts = vec![0];
        let mut terms = Vec::new();
        for list in lists {
            terms.extend(list.into_iter().filter(|t| t.1 != T::ZERO));
            starts.push(terms.len());
        }
        Self { starts, terms }
    }

    fn of(&self, i: usize) -> &[(usize, T)] {
        &self.terms[self.starts[i]..self.starts[i + 1]]
    }
}

/// Resizes `[planes, h, w]` to `[planes, oh, ow]`, corners on corners.
///
/// # Errors
/// A slice whose size does not match, an empty input with an output.
pub fn resize_bilinear<T: Element>(
    x: &[T],
    planes: usize,
    (h, w): (usize, usize),
    (oh, ow): (usize, usize),
    y: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    check("input", planes * h * w, x.len())?;
    check("output", planes * oh * ow, y.len())?;
    if y.is_empty() {
        return Ok(());
    }
    if x.is_empty() {
        return Err(KernelError { what: "input", expected: 1, found: 0 });
    }
    let (rows, columns) = (samples::<T>(h, oh), samples::<T>(w, ow));
    let per = planes_per_task(oh * ow);
    y.par_chunks_mut(per * oh * ow).zip(x.par_chunks(per * h * w)).for_each(|(y, x)| {
        T::dispatch(Resize { x, y, size: (h, w), out: (oh, ow), rows: &rows, columns: &columns });
    });
    Ok(())
}

struct Resize<'a, T> {
    x: &'a [T],
    y: &'a mut [MaybeUninit<T>],
    size: (usize, usize),
    out: (usize, usize),
    rows: &'a [Sample<T>],
    columns: &'a [Sample<T>],
}

impl<T: Element> Kernel<T> for Resize<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let ((h, w), (oh, ow)) = (self.size, self.out);
        // Two input rows sampled along x; consecutive output rows share them.
        let mut sampled = vec![T::ZERO; 2 * ow];
        let mut held = [usize::MAX; 2];
        for (plane, y) in self.y.chunks_exact_mut(oh * ow).enumerate() {
            let x = &self.x[plane * h * w..][..h * w];
            held.fill(usize::MAX);
            for (sample, y) in self.rows.iter().zip(y.chunks_exact_mut(ow)) {
                for row in [sample.low, (sample.low + 1).min(h - 1)] {
                    if held[row % 2] != row {
                        let to = &mut sampled[row % 2 * ow..][..ow];
                        sample_row(&x[row * w..][..w], self.columns, to);
                        held[row % 2] = row;
                    }
                }
                let low = sample.low % 2 * ow;
                let high = (sample.low + 1).min(h - 1) % 2 * ow;
                blend::<V>(&sampled[low..][..ow], &sampled[high..][..ow], sample.fraction, y);
            }
        }
    }
}

#[inline(always)]
pub(super) fn sample_row<T: Element>(x: &[T], columns: &[Sample<T>], to: &mut [T]) {
    let last = x.len() - 1;
    for (to, s) in to.iter_mut().zip(columns) {
        *to = x[s.low.min(last)] * (T::ONE - s.fraction) + x[(s.low + 1).min(last)] * s.fraction;
    }
}

/// `y = (1 - fraction) * low + fraction * high`.
#[inline(always)]
fn blend<V: Vector>(low: &[V::Elem], high: &[V::Elem], fraction: V::Elem, y: &mut [MaybeUninit<V::Elem>]) {
    let (rest, fraction) = (V::splat(V::Elem::ONE - fraction), V::splat(fraction));
    let len = y.len().min(low.len()).min(high.len());
    let (low, high, y) = (low.as_ptr(), high.as_ptr(), y.as_mut_ptr().cast::<V::Elem>());
    for i in (0..len).step_by(V::LANES) {
        let count = len - i;
        // SAFETY: the first `count` lanes lie inside all three.
        unsafe {
            let (low, high) = (V::load_range(low.add(i), 0, count), V::load_range(high.add(i), 0, count));
            low.mul(rest).add(high.mul(fraction)).store_first(y.add(i), count);
        }
    }
}

/// The gradient of [`resize_bilinear`] with respect to its input `[planes, h, w]`, from `[planes, oh, ow]`.
///
/// # Errors
/// A slice whose size does not match.
pub fn resize_bilinear_backward<T: Element>(
    dy: &[T],
    planes: usize,
    (h, w): (usize, usize),
    (oh, ow): (usize, usize),
    dx: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    check("gradient of the output", planes * oh * ow, dy.len())?;
    check("gradient of the input", planes * h * w, dx.len())?;
    if dx.is_empty() {
        return Ok(());
    }
    let (rows, columns) = (Adjoint::<T>::new(h, oh), Adjoint::<T>::new(w, ow));
    let per = planes_per_task(oh * ow);
    dx.par_chunks_mut(per * h * w).enumerate().for_each(|(task, dx)| {
        let dy = &dy[task * per * oh * ow..][..dx.len() / (h * w) * oh * ow];
        T::dispatch(Gather { dy, dx, size: (h, w), out: (oh, ow), rows: &rows, columns: &columns });
    });
    Ok(())
}

struct Gather<'a, T> {
    dy: &'a [T],
    dx: &'a mut [MaybeUninit<T>],
    size: (usize, usize),
    out: (usize, usize),
    rows: &'a Adjoint<T>,
    columns: &'a Adjoint<T>,
}

impl<T: Element> Kernel<T> for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let ((h, w), (oh, ow)) = (self.size, self.out);
        let mut sum = vec![T::ZERO; ow];
        for (plane, dx) in self.dx.chunks_exact_mut(h * w).enumerate() {
            let dy = &self.dy[plane * oh * ow..][..oh * ow];
            for (row, dx) in dx.chunks_exact_mut(w).enumerate() {
                sum.fill(T::ZERO);
                for &(y, weight) in self.rows.of(row) {
                    for (sum, &d) in sum.iter_mut().zip(&dy[y * ow..][..ow]) {
                        *sum = *sum + d * weight;
                    }
                }
                for (column, dx) in dx.iter_mut().enumerate() {
                    let terms = self.columns.of(column).iter();
                    dx.write(terms.fold(T::ZERO, |total, &(x, weight)| total + sum[x] * weight));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn resize<T: Element>(x: &[T], planes: usize, from: (usize, usize), to: (usize, usize)) -> Vec<T> {
        written(planes * to.0 * to.1, |y| {
            resize_bilinear(x, planes, from, to, y).unwrap();
        })
    }

    /// Planes, size, resized size.
    type Case = (usize, (usize, usize), (usize, usize));

    const CASES: [Case; 9] = [
        (1, (1, 1), (1, 1)),
        (2, (1, 1), (3, 5)),
        (1, (2, 2), (3, 3)),
        (3, (4, 3), (9, 17)),
        (1, (9, 17), (4, 3)),
        (2, (5, 7), (1, 1)),
        (2, (5, 1), (3, 4)),
        (70, (8, 4), (16, 32)),
        (1, (6, 40), (6, 40)),
    ];

    #[test]
    fn interpolates_between_aligned_corners() {
        for (planes, (h, w), (oh, ow)) in CASES {
            let x = numbers::<f64>(1, planes * h * w);
            let place = |i: usize, n: usize, m: usize| {
                let at = if m > 1 { i as f64 * (n - 1) as f64 / (m - 1) as f64 } else { 0.0 };
                (at.floor() as usize, (at.floor() as usize + 1).min(n - 1), at.fract())
            };
            let expected: Vec<f64> = (0..planes * oh * ow)
                .map(|at| {
                    let plane = &x[at / ow / oh * h * w..][..h * w];
                    let ((y0, y1, fy), (x0, x1, fx)) = (place(at / ow % oh, h, oh), place(at % ow, w, ow));
                    let row = |y: usize| plane[y * w + x0] * (1.0 - fx) + plane[y * w + x1] * fx;
                    row(y0) * (1.0 - fy) + row(y1) * fy
                })
                .collect();
            at_each_level(|level| {
                let what = format!("{planes} {h} {w} {oh} {ow} {level:?}");
                assert_close(&resize(&x, planes, (h, w), (oh, ow)), &expected, 1e-12, &what);
                let y = resize(&single(&x), planes, (h, w), (oh, ow));
                assert_close(&y, &single(&expected), 1e-5, &what);
            });
        }
    }

    #[test]
    fn backward_is_the_adjoint() {
        for (planes, (h, w), (oh, ow)) in CASES {
            let (x, dy) = (numbers::<f64>(1, planes * h * w), numbers::<f64>(2, planes * oh * ow));
            at_each_level(|level| {
                let dx = written(x.len(), |dx| {
                    resize_bilinear_backward(&dy, planes, (h, w), (oh, ow), dx).unwrap();
                });
                // Row by row: the gradient of one output is that output's weights.
                let y = resize(&x, planes, (h, w), (oh, ow));
                let forward: f64 = y.iter().zip(&dy).map(|(a, b)| a * b).sum();
                let backward: f64 = x.iter().zip(&dx).map(|(a, b)| a * b).sum();
                assert!((forward - backward).abs() < 1e-10, "{h} {w} {oh} {ow} {level:?}");
                for at in (0..x.len()).step_by(1 + x.len() / 50) {
                    let mut unit = vec![0.0; x.len()];
                    unit[at] = 1.0;
                    let column = resize(&unit, planes, (h, w), (oh, ow));
                    let expected: f64 = column.iter().zip(&dy).map(|(a, b)| a * b).sum();
                    assert!((dx[at] - expected).abs() < 1e-11, "{h} {w} {oh} {ow} {level:?}");
                }
            });
        }
    }

    #[test]
    fn refuses_wrong_sizes() {
        let mut to = [MaybeUninit::<f32>::uninit(); 4];
        assert!(resize_bilinear(&[0.0; 3], 1, (2, 2), (2, 2), &mut to).is_err());
        assert!(resize_bilinear(&[0.0; 4], 1, (2, 2), (2, 1), &mut to).is_err());
        assert!(resize_bilinear(&[], 1, (0, 2), (2, 2), &mut to).is_err());
        assert!(resize_bilinear_backward(&[0.0; 3], 1, (2, 2), (2, 2), &mut to).is_err());
    }
}
