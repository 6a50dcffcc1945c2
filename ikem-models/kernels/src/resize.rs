//! Bilinear resizing with aligned corners, as PyTorch's `interpolate(mode="bilinear", align_corners=True)`, and its
//! adjoint.
//!
//! Both are separable. Forward, two input rows are sampled along x and blended into every output row between them. The
//! adjoint goes the other way: for every input row it sums the output rows that read it, each weighted, and then
//! gathers along x.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::buffer::filled;
use crate::error::{LARGEST_SIDE, Result, check_grid, check_range, check_shape, elements};
use crate::sampling::{Sample, sample_row, samples};
use crate::simd::{Element, Kernel, Vector};
use crate::tasks::planes_per_task;

/// `[planes, h, w]` resized to `[planes, oh, ow]`, corners on corners.
///
/// # Errors
/// A slice whose length does not match; an empty input with an output.
pub fn resize_bilinear<T: Element>(
    x: &[T],
    planes: usize,
    from: (usize, usize),
    to: (usize, usize),
) -> Result<Vec<T>> {
    check_shape("input", &[planes, from.0, from.1], x.len())?;
    check_sides(from, to)?;
    let len = elements("output", &[planes, to.0, to.1])?;
    // SAFETY: `resize_into` writes the whole output.
    unsafe { filled(len, |y| resize_into(x, planes, from, to, y)) }
}

/// `Ok` if no side is too long; sides of 0 are allowed.
fn check_sides(from: (usize, usize), to: (usize, usize)) -> Result<()> {
    for side in [from.0, from.1, to.0, to.1] {
        check_range("height or width", side, 0, LARGEST_SIDE)?;
    }
    Ok(())
}

/// As [`resize_bilinear`], into a slice, all of which it writes when it returns `Ok`.
pub(crate) fn resize_into<T: Element>(
    x: &[T],
    planes: usize,
    (h, w): (usize, usize),
    (oh, ow): (usize, usize),
    y: &mut [MaybeUninit<T>],
) -> Result<()> {
    check_shape("input", &[planes, h, w], x.len())?;
    check_shape("output", &[planes, oh, ow], y.len())?;
    if y.is_empty() {
        return Ok(());
    }
    check_grid("height or width of the input", (h, w))?;
    check_sides((h, w), (oh, ow))?;
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

/// The gradient of [`resize_bilinear`] with respect to its input, `[planes, h, w]`, given that of its output, `[planes,
/// oh, ow]`.
///
/// # Errors
/// A slice whose length does not match.
pub fn resize_bilinear_backward<T: Element>(
    dy: &[T],
    planes: usize,
    from: (usize, usize),
    to: (usize, usize),
) -> Result<Vec<T>> {
    check_shape("gradient of the output", &[planes, to.0, to.1], dy.len())?;
    check_sides(from, to)?;
    let len = elements("gradient of the input", &[planes, from.0, from.1])?;
    // SAFETY: `resize_backward_into` writes the whole gradient.
    unsafe { filled(len, |dx| resize_backward_into(dy, planes, from, to, dx)) }
}

/// As [`resize_bilinear_backward`], into a slice, all of which it writes when it returns `Ok`.
pub(crate) fn resize_backward_into<T: Element>(
    dy: &[T],
    planes: usize,
    (h, w): (usize, usize),
    (oh, ow): (usize, usize),
    dx: &mut [MaybeUninit<T>],
) -> Result<()> {
    check_shape("gradient of the output", &[planes, oh, ow], dy.len())?;
    check_shape("gradient of the input", &[planes, h, w], dx.len())?;
    if dx.is_empty() {
        return Ok(());
    }
    if dy.is_empty() {
        dx.fill(MaybeUninit::new(T::ZERO));
        return Ok(());
    }
    check_sides((h, w), (oh, ow))?;
    let (rows, columns) = (Adjoint::<T>::new(h, oh), Adjoint::<T>::new(w, ow));
    let per = planes_per_task(oh * ow);
    dx.par_chunks_mut(per * h * w).enumerate().for_each(|(task, dx)| {
        let dy = &dy[task * per * oh * ow..][..dx.len() / (h * w) * oh * ow];
        T::dispatch(Gather { dy, dx, size: (h, w), out: (oh, ow), rows: &rows, columns: &columns });
    });
    Ok(())
}

/// For each input position, the outputs that read it and their weights.
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
    use super::*;
    use crate::testing::*;

    fn resize<T: Element>(x: &[T], planes: usize, from: (usize, usize), to: (usize, usize)) -> Vec<T> {
        resize_bilinear(x, planes, from, to).unwrap()
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
            let sample = |i: usize, n: usize, m: usize| {
                let at = if m > 1 { i as f64 * (n - 1) as f64 / (m - 1) as f64 } else { 0.0 };
                (at.floor() as usize, (at.floor() as usize + 1).min(n - 1), at.fract())
            };
            let expected: Vec<f64> = (0..planes * oh * ow)
                .map(|at| {
                    let plane = &x[at / ow / oh * h * w..][..h * w];
                    let ((y0, y1, fy), (x0, x1, fx)) = (sample(at / ow % oh, h, oh), sample(at % ow, w, ow));
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
                let dx = resize_bilinear_backward(&dy, planes, (h, w), (oh, ow)).unwrap();
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
        assert!(resize_bilinear(&[0.0_f32; 3], 1, (2, 2), (2, 2)).is_err());
        assert!(resize_bilinear::<f32>(&[], 1, (0, 2), (2, 2)).is_err());
        assert!(resize_bilinear(&[0.0_f32; 4], 1, (2, 2), (usize::MAX, 2)).is_err());
        assert!(resize_bilinear_backward(&[0.0_f32; 3], 1, (2, 2), (2, 2)).is_err());
        assert_eq!(resize_bilinear(&[0.0_f32; 4], 1, (2, 2), (0, 3)), Ok(vec![]));
        assert_eq!(resize_bilinear_backward::<f32>(&[], 1, (2, 2), (0, 3)), Ok(vec![0.0; 4]));
    }
}
