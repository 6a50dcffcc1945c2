//! Max pooling, 2 × 2 and global.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::geometry::{KernelError, check};
use super::simd::Element;

/// Elements that are worth a task.
const TASK: usize = 1 << 14;

/// Planes of `plane` elements that make a task.
pub(super) fn planes_per_task(plane: usize) -> usize {
    (TASK / plane.max(1)).max(1)
}

/// Largest of every 2 × 2 square of `[planes, h, w]`, to `[planes, h / 2, w / 2]` (an odd last row or column is
/// left out). `index` receives which it was, `2 dy + dx`; of equals the first. NaN wins, as in PyTorch.
///
/// # Errors
/// A slice whose size does not match.
pub fn max_pool2x2<T: Element>(
    x: &[T],
    (planes, h, w): (usize, usize, usize),
    y: &mut [MaybeUninit<T>],
    index: Option<&mut [MaybeUninit<u8>]>,
) -> Result<(), KernelError> {
    let (oh, ow) = (h / 2, w / 2);
    check("input", planes * h * w, x.len())?;
    check("output", planes * oh * ow, y.len())?;
    if let Some(index) = &index {
        check("index", planes * oh * ow, index.len())?;
    }
    if oh * ow == 0 {
        return Ok(());
    }
    let per = planes_per_task(h * w);
    let y = y.par_chunks_mut(per * oh * ow);
    let x = x.par_chunks(per * h * w);
    match index {
        None => y.zip(x).for_each(|(y, x)| {
            for (y, x) in y.chunks_exact_mut(oh * ow).zip(x.chunks_exact(h * w)) {
                for (y, rows) in y.chunks_exact_mut(ow).zip(x.chunks_exact(2 * w)) {
                    pool_row(rows, w, y);
                }
            }
        }),
        Some(index) => y.zip(x).zip(index.par_chunks_mut(per * oh * ow)).for_each(|((y, x), index)| {
            let planes = y.chunks_exact_mut(oh * ow).zip(index.chunks_exact_mut(oh * ow));
            for ((y, index), x) in planes.zip(x.chunks_exact(h * w)) {
                let rows = y.chunks_exact_mut(ow).zip(index.chunks_exact_mut(ow));
                for ((y, index), rows) in rows.zip(x.chunks_exact(2 * w)) {
                    pool_row_indexed(rows, w, y, index);
                }
            }
        }),
    }
    Ok(())
}

/// The larger, the first of equals; NaN is larger than all.
#[inline(always)]
fn larger<T: Element>(a: T, b: T) -> T {
    if b > a || b.partial_cmp(&b).is_none() { b } else { a }
}

fn pool_row<T: Element>(rows: &[T], w: usize, y: &mut [MaybeUninit<T>]) {
    let (top, bottom) = rows.split_at(w);
    for ((y, t), b) in y.iter_mut().zip(top.chunks_exact(2)).zip(bottom.chunks_exact(2)) {
        y.write(larger(larger(t[0], t[1]), larger(b[0], b[1])));
    }
}

fn pool_row_indexed<T: Element>(
    rows: &[T],
    w: usize,
    y: &mut [MaybeUninit<T>],
    index: &mut [MaybeUninit<u8>],
) {
    let (top, bottom) = rows.split_at(w);
    let pairs = top.chunks_exact(2).zip(bottom.chunks_exact(2));
    for ((y, index), (t, b)) in y.iter_mut().zip(index).zip(pairs) {
        let mut best = (t[0], 0);
        for (v, i) in [(t[1], 1), (b[0], 2), (b[1], 3)] {
            let win = v > best.0 || (v.partial_cmp(&v).is_none() && best.0.partial_cmp(&best.0).is_some());
            best = if win { (v, i) } else { best };
        }
        y.write(best.0);
        index.write(best.1);
    }
}

/// The gradient of [`max_pool2x2`] with respect to `[planes, h, w]`: each gradient goes to the one maximum.
///
/// # Errors
/// A slice whose size does not match.
pub fn max_pool2x2_backward<T: Element>(
    dy: &[T],
    index: &[u8],
    (planes, h, w): (usize, usize, usize),
    dx: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    let (oh, ow) = (h / 2, w / 2);
    check("gradient of the output", planes * oh * ow, dy.len())?;
    check("index", planes * oh * ow, index.len())?;
    check("gradient of the input", planes * h * w, dx.len())?;
    if oh * ow == 0 {
        dx.fill(MaybeUninit::new(T::ZERO));
        return Ok(());
    }
    let per = planes_per_task(h * w);
    let inputs = dy.par_chunks(per * oh * ow).zip(index.par_chunks(per * oh * ow));
    dx.par_chunks_mut(per * h * w).zip(inputs).for_each(|(dx, (dy, index))| {
        let planes = dy.chunks_exact(oh * ow).zip(index.chunks_exact(oh * ow));
        for (dx, (dy, index)) in dx.chunks_exact_mut(h * w).zip(planes) {
            let (even, last_row) = dx.split_at_mut(oh * 2 * w);
            last_row.fill(MaybeUninit::new(T::ZERO));
            let rows = dy.chunks_exact(ow).zip(index.chunks_exact(ow));
            for (dx, (dy, index)) in even.chunks_exact_mut(2 * w).zip(rows) {
                let (top, bottom) = dx.split_at_mut(w);
                unpool_row(dy, index, 0, top);
                unpool_row(dy, index, 2, bottom);
            }
        }
    });
    Ok(())
}

/// One of the two rows, whose indices are `first` and `first + 1`.
fn unpool_row<T: Element>(dy: &[T], index: &[u8], first: u8, dx: &mut [MaybeUninit<T>]) {
    if dx.len() % 2 == 1 {
        dx[dx.len() - 1].write(T::ZERO);
    }
    for ((pair, &d), &i) in dx.chunks_exact_mut(2).zip(dy).zip(index) {
        pair[0].write(if i == first { d } else { T::ZERO });
        pair[1].write(if i == first + 1 { d } else { T::ZERO });
    }
}

/// Largest element of each plane of `[planes, plane]` and its index, the first of equals; NaN wins.
///
/// # Errors
/// A slice whose size does not match, an empty plane.
pub fn global_max<T: Element>(
    x: &[T],
    (planes, plane): (usize, usize),
    y: &mut [MaybeUninit<T>],
    index: &mut [MaybeUninit<u32>],
) -> Result<(), KernelError> {
    check("input", planes * plane, x.len())?;
    check("output", planes, y.len())?;
    check("index", planes, index.len())?;
    if planes == 0 {
        return Ok(());
    }
    if plane == 0 {
        return Err(KernelError { what: "plane", expected: 1, found: 0 });
    }
    let per = planes_per_task(plane);
    let outputs = y.par_chunks_mut(per).zip(index.par_chunks_mut(per));
    outputs.zip(x.par_chunks(per * plane)).for_each(|((y, index), x)| {
        for ((y, index), x) in y.iter_mut().zip(index).zip(x.chunks_exact(plane)) {
            let (max, at) = plane_max(x);
            y.write(max);
            index.write(at as u32);
        }
    });
    Ok(())
}

/// The maximum, found in lanes, then its first place.
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

/// The gradient of [`global_max`] with respect to `[planes, plane]`: each goes to one element.
///
/// # Errors
/// A slice whose size does not match, an index outside the plane.
pub fn global_max_backward<T: Element>(
    dy: &[T],
    index: &[u32],
    (planes, plane): (usize, usize),
    dx: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    check("gradient of the output", planes, dy.len())?;
    check("index", planes, index.len())?;
    check("gradient of the input", planes * plane, dx.len())?;
    if let Some(&outside) = index.iter().find(|&&i| i as usize >= plane) {
        return Err(KernelError { what: "index", expected: plane, found: outside as usize });
    }
    if planes == 0 {
        return Ok(());
    }
    dx.par_chunks_mut(plane).zip(dy).zip(index).for_each(|((dx, &d), &i)| {
        dx.fill(MaybeUninit::new(T::ZERO));
        dx[i as usize].write(d);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

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
            let mut places = vec![MaybeUninit::new(9); index.len()];
            let found = written(y.len(), |y| max_pool2x2(&x, (planes, h, w), y, Some(&mut places)).unwrap());
            assert_eq!(found, y);
            // SAFETY: initialised above.
            assert_eq!(places.iter().map(|i| unsafe { i.assume_init() }).collect::<Vec<_>>(), index);
            assert_eq!(written(y.len(), |y| max_pool2x2(&x, (planes, h, w), y, None).unwrap()), y);
            let size = (planes, h, w);
            assert_eq!(written(x.len(), |dx| max_pool2x2_backward(&dy, &index, size, dx).unwrap()), dx);
        }
    }

    #[test]
    fn the_first_of_equals_wins() {
        let x = [1.0f32, 1.0, 1.0, 1.0];
        let mut index = [MaybeUninit::new(9)];
        written(1, |y| max_pool2x2(&x, (1, 2, 2), y, Some(&mut index)).unwrap());
        // SAFETY: initialised above.
        assert_eq!(unsafe { index[0].assume_init() }, 0);
        let mut index = [MaybeUninit::new(9)];
        written(1, |y| global_max(&[0.0f32, 2.0, 2.0, 1.0], (1, 4), y, &mut index).unwrap());
        // SAFETY: initialised above.
        assert_eq!(unsafe { index[0].assume_init() }, 1);
    }

    #[test]
    fn not_a_number_wins() {
        let x = [1.0f32, f32::NAN, 3.0, 0.0];
        assert!(written(1, |y| max_pool2x2(&x, (1, 2, 2), y, None).unwrap())[0].is_nan());
        let mut index = [MaybeUninit::new(9)];
        assert!(written(1, |y| global_max(&x, (1, 4), y, &mut index).unwrap())[0].is_nan());
    }

    #[test]
    fn global_maximum_and_its_gradient() {
        for (planes, plane) in [(1, 1), (3, 5), (2, 16), (5, 47), (40, 2048)] {
            let x = numbers::<f32>(1, planes * plane);
            let mut index = vec![MaybeUninit::new(0u32); planes];
            let y = written(planes, |y| global_max(&x, (planes, plane), y, &mut index).unwrap());
            // SAFETY: initialised above.
            let index: Vec<u32> = index.iter().map(|i| unsafe { i.assume_init() }).collect();
            let dy = numbers::<f32>(2, planes);
            let dx = written(x.len(), |dx| global_max_backward(&dy, &index, (planes, plane), dx).unwrap());
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
        let mut to = [MaybeUninit::<f32>::uninit(); 8];
        assert!(max_pool2x2(&[0.0; 16], (1, 4, 4), &mut to[..3], None).is_err());
        assert!(max_pool2x2(&[0.0; 15], (1, 4, 4), &mut to[..4], None).is_err());
        assert!(global_max_backward(&[1.0], &[4], (1, 4), &mut to[..4]).is_err());
        assert!(global_max(&[0.0f32; 0], (1, 0), &mut to[..1], &mut [MaybeUninit::uninit()]).is_err());
    }
}
