//! Max pooling over 2 × 2 windows and over whole planes, and their gradients.
//!
//! The forward pass returns beside each maximum its place in the window, to which the backward pass sends the gradient.
//! Of equal values the first is the maximum, and a NaN is larger than all numbers, as in PyTorch.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::buffer::{filled, zeros};
use crate::error::{MOST, Result, check_range, check_shape, elements};
use crate::simd::Element;
use crate::tasks::planes_per_task;

/// The maximum of every 2 × 2 window of `[planes, h, w]`, `[planes, h / 2, w / 2]`, and its place in the window,
/// `2 dy + dx`. An odd last row or column is left out.
///
/// # Errors
/// A slice whose length does not match.
pub fn max_pool2x2<T: Element>(x: &[T], (planes, h, w): (usize, usize, usize)) -> Result<(Vec<T>, Vec<u8>)> {
    check_shape("input", &[planes, h, w], x.len())?;
    let (oh, ow) = (h / 2, w / 2);
    let len = planes * oh * ow;
    if len == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let per = planes_per_task(h * w);
    let mut places = vec![0_u8; len];
    // SAFETY: `pool_row` writes whole rows, and every row belongs to a task.
    let y = unsafe {
        filled(len, |y| {
            let tasks = y.par_chunks_mut(per * oh * ow).zip(x.par_chunks(per * h * w));
            tasks.zip(places.par_chunks_mut(per * oh * ow)).for_each(|((y, x), places)| {
                let planes = y.chunks_exact_mut(oh * ow).zip(places.chunks_exact_mut(oh * ow));
                for ((y, places), x) in planes.zip(x.chunks_exact(h * w)) {
                    let rows = y.chunks_exact_mut(ow).zip(places.chunks_exact_mut(ow));
                    for ((y, places), rows) in rows.zip(x.chunks_exact(2 * w)) {
                        pool_row(rows, w, y, places);
                    }
                }
            });
            Ok(())
        })
    }?;
    Ok((y, places))
}

/// The larger, the first of equals; NaN is larger than all numbers.
#[inline(always)]
fn larger<T: Element>(a: T, b: T) -> T {
    if b > a || b.partial_cmp(&b).is_none() { b } else { a }
}

/// Pools two rows of `w` elements.
fn pool_row<T: Element>(rows: &[T], w: usize, y: &mut [MaybeUninit<T>], places: &mut [u8]) {
    let (top, bottom) = rows.split_at(w);
    let pairs = top.chunks_exact(2).zip(bottom.chunks_exact(2));
    for ((y, place), (t, b)) in y.iter_mut().zip(places).zip(pairs) {
        let mut best = (t[0], 0);
        for (v, i) in [(t[1], 1), (b[0], 2), (b[1], 3)] {
            let win = v > best.0 || (v.partial_cmp(&v).is_none() && best.0.partial_cmp(&best.0).is_some());
            best = if win { (v, i) } else { best };
        }
        y.write(best.0);
        *place = best.1;
    }
}

/// The gradient of [`max_pool2x2`] with respect to its input, `[planes, h, w]`, given that of its output: each goes to
/// the maximum.
///
/// # Errors
/// A slice whose length does not match; a place outside the window.
pub fn max_pool2x2_backward<T: Element>(
    dy: &[T],
    places: &[u8],
    (planes, h, w): (usize, usize, usize),
) -> Result<Vec<T>> {
    let (oh, ow) = (h / 2, w / 2);
    let len = elements("gradient of the input", &[planes, h, w])?;
    check_shape("gradient of the output", &[planes, oh, ow], dy.len())?;
    check_shape("places", &[planes, oh, ow], places.len())?;
    if let Some(&outside) = places.iter().find(|&&place| place > 3) {
        check_range("place in a window", usize::from(outside), 0, 3)?;
    }
    if dy.is_empty() {
        return zeros(len);
    }
    let per = planes_per_task(h * w);
    // SAFETY: `unpool_row` writes whole rows; an odd last row is filled with zeros.
    unsafe {
        filled(len, |dx| {
            let inputs = dy.par_chunks(per * oh * ow).zip(places.par_chunks(per * oh * ow));
            dx.par_chunks_mut(per * h * w).zip(inputs).for_each(|(dx, (dy, places))| {
                let planes = dy.chunks_exact(oh * ow).zip(places.chunks_exact(oh * ow));
                for (dx, (dy, places)) in dx.chunks_exact_mut(h * w).zip(planes) {
                    let (even, last_row) = dx.split_at_mut(oh * 2 * w);
                    last_row.fill(MaybeUninit::new(T::ZERO));
                    let rows = dy.chunks_exact(ow).zip(places.chunks_exact(ow));
                    for (dx, (dy, places)) in even.chunks_exact_mut(2 * w).zip(rows) {
                        let (top, bottom) = dx.split_at_mut(w);
                        unpool_row(dy, places, 0, top);
                        unpool_row(dy, places, 2, bottom);
                    }
                }
            });
            Ok(())
        })
    }
}

/// One of the two rows of windows, whose places are `first` and `first + 1`.
fn unpool_row<T: Element>(dy: &[T], places: &[u8], first: u8, dx: &mut [MaybeUninit<T>]) {
    if dx.len() % 2 == 1 {
        dx[dx.len() - 1].write(T::ZERO);
    }
    for ((pair, &d), &i) in dx.chunks_exact_mut(2).zip(dy).zip(places) {
        pair[0].write(if i == first { d } else { T::ZERO });
        pair[1].write(if i == first + 1 { d } else { T::ZERO });
    }
}

/// The maximum of every plane of `[planes, plane]` and its index.
///
/// # Errors
/// A slice whose length does not match; an empty plane.
pub fn global_max<T: Element>(x: &[T], (planes, plane): (usize, usize)) -> Result<(Vec<T>, Vec<u32>)> {
    check_shape("input", &[planes, plane], x.len())?;
    if planes == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    check_range("elements of a plane", plane, 1, u32::MAX as usize)?;
    let (mut y, mut places) = (vec![T::ZERO; planes], vec![0_u32; planes]);
    let per = planes_per_task(plane);
    let outputs = y.par_chunks_mut(per).zip(places.par_chunks_mut(per));
    outputs.zip(x.par_chunks(per * plane)).for_each(|((y, places), x)| {
        for ((y, place), x) in y.iter_mut().zip(places).zip(x.chunks_exact(plane)) {
            let (max, at) = plane_max(x);
            (*y, *place) = (max, at as u32);
        }
    });
    Ok((y, places))
}

/// The maximum of a plane that is not empty, found in lanes, and then its first index.
fn plane_max<T: Element>(x: &[T]) -> (T, usize) {
    let mut lanes = [x[0]; 16];
    let chunks = x.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, v);
        }
    }
    let max = rest.iter().chain(&lanes).fold(x[0], |max, &v| larger(max, v));
    let nan = max.partial_cmp(&max).is_none();
    let at = x.iter().position(|v| if nan { v.partial_cmp(v).is_none() } else { *v == max });
    (max, at.unwrap_or(0))
}

/// The gradient of [`global_max`] with respect to its input, `[planes, plane]`, given that of its output: each goes to
/// one element.
///
/// # Errors
/// A slice whose length does not match; an index outside the plane.
pub fn global_max_backward<T: Element>(
    dy: &[T],
    places: &[u32],
    (planes, plane): (usize, usize),
) -> Result<Vec<T>> {
    let len = elements("gradient of the input", &[planes, plane])?;
    check_shape("gradient of the output", &[planes], dy.len())?;
    check_shape("places", &[planes], places.len())?;
    if planes == 0 {
        return Ok(Vec::new());
    }
    check_range("elements of a plane", plane, 1, MOST)?;
    if let Some(&outside) = places.iter().find(|&&place| place as usize >= plane) {
        check_range("index of a maximum", outside as usize, 0, plane - 1)?;
    }
    // SAFETY: every plane is filled.
    unsafe {
        filled(len, |dx| {
            dx.par_chunks_mut(plane).zip(dy).zip(places).for_each(|((dx, &d), &place)| {
                dx.fill(MaybeUninit::new(T::ZERO));
                dx[place as usize].write(d);
            });
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn pools_squares_and_sends_gradients_back() {
        for (planes, h, w) in [(1, 2, 2), (3, 5, 7), (2, 1, 4), (70, 8, 34), (2, 7, 2), (1, 3, 1)] {
            let x = numbers::<f64>(1, planes * h * w);
            let (oh, ow) = (h / 2, w / 2);
            let dy = numbers::<f64>(2, planes * oh * ow);
            let (mut y, mut index, mut dx) = (Vec::new(), Vec::new(), vec![0.0; x.len()]);
            for (at, &d) in dy.iter().enumerate() {
                let corner = (at / ow / oh * h + at / ow % oh * 2) * w + at % ow * 2;
                let square = [0, 1, w, w + 1].map(|d| x[corner + d]);
                let best = (1..4).fold(0, |b, i| if square[i] > square[b] { i } else { b });
                y.push(square[best]);
                index.push(best as u8);
                dx[corner + [0, 1, w, w + 1][best]] += d;
            }
            let size = (planes, h, w);
            assert_eq!(max_pool2x2_backward(&dy, &index, size).unwrap(), dx);
            assert_eq!(max_pool2x2(&x, size).unwrap(), (y, index));
        }
    }

    #[test]
    fn the_first_of_equals_wins() {
        let x = [1.0f32, 1.0, 1.0, 1.0];
        assert_eq!(max_pool2x2(&x, (1, 2, 2)).unwrap().1, [0]);
        assert_eq!(global_max(&[0.0f32, 2.0, 2.0, 1.0], (1, 4)).unwrap().1, [1]);
    }

    #[test]
    fn not_a_number_wins() {
        let x = [1.0f32, f32::NAN, 3.0, 0.0];
        assert!(max_pool2x2(&x, (1, 2, 2)).unwrap().0[0].is_nan());
        assert!(global_max(&x, (1, 4)).unwrap().0[0].is_nan());
    }

    #[test]
    fn global_maximum_and_its_gradient() {
        for (planes, plane) in [(1, 1), (3, 5), (2, 16), (5, 47), (40, 2048)] {
            let x = numbers::<f32>(1, planes * plane);
            let (y, index) = global_max(&x, (planes, plane)).unwrap();
            let dy = numbers::<f32>(2, planes);
            let dx = global_max_backward(&dy, &index, (planes, plane)).unwrap();
            for p in 0..planes {
                let x = &x[p * plane..][..plane];
                let best = (0..plane).fold(0, |b, i| if x[i] > x[b] { i } else { b });
                assert_eq!((y[p], index[p] as usize), (x[best], best));
                let expected: Vec<f32> = (0..plane).map(|i| if i == best { dy[p] } else { 0.0 }).collect();
                assert_eq!(dx[p * plane..][..plane], expected);
            }
        }
    }

    #[test]
    fn refuses_wrong_sizes() {
        assert!(max_pool2x2(&[0.0; 15], (1, 4, 4)).is_err());
        assert!(max_pool2x2_backward(&[1.0; 3], &[0; 4], (1, 4, 4)).is_err());
        assert!(max_pool2x2_backward(&[1.0; 4], &[0; 3], (1, 4, 4)).is_err());
        assert!(max_pool2x2_backward(&[1.0; 4], &[0, 1, 4, 0], (1, 4, 4)).is_err());
        assert!(global_max_backward(&[1.0], &[4], (1, 4)).is_err());
        assert!(global_max_backward(&[1.0], &[0], (1, 0)).is_err());
        assert!(global_max(&[0.0f32; 0], (1, 0)).is_err());
    }
}
