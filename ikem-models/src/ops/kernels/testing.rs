//! What the kernels' tests share: numbers, naive references, every level.

use std::sync::Mutex;

use super::simd::Element;
use super::{Geometry, Level};

/// Numbers in [-1, 1) from a 64-bit linear congruential generator.
pub(super) fn numbers<T: Element>(seed: u64, len: usize) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            T::from_f64((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0)
        })
        .collect()
}

/// Runs `f` at each level that the processor has.
pub(super) fn at_each_level(f: impl Fn(Level)) {
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock().unwrap_or_else(|e| e.into_inner());
    for level in [Level::Portable, Level::Avx2, Level::Avx512] {
        Level::force(Some(level));
        if Level::current() == level {
            f(level);
        }
    }
    Level::force(None);
}

/// Asserts that two sequences differ by at most `tolerance`.
#[track_caller]
pub(super) fn assert_close<T: Element>(got: &[T], expected: &[T], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let difference = (g.to_f64() - e.to_f64()).abs();
        assert!(difference <= tolerance, "{what}: element {i} is {g:?}, expected {e:?}");
    }
}

/// Convolution by its definition: `[n, out_channels, oh, ow]`.
pub(super) fn naive_conv<T: Element>(
    x: &[T],
    weight: &[T],
    g: &Geometry,
    n: usize,
    h: usize,
    w: usize,
) -> Vec<T> {
    let (oh, ow) = g.out_size(h, w).unwrap();
    let mut y = Vec::with_capacity(n * g.out_channels * oh * ow);
    for at in 0..n * g.out_channels * oh * ow {
        let (ox, oy, o, b) =
            (at % ow, at / ow % oh, at / ow / oh % g.out_channels, at / ow / oh / g.out_channels);
        let mut sum = 0.0;
        for i in 0..g.in_channels {
            for ky in 0..g.kernel.0 {
                for kx in 0..g.kernel.1 {
                    let iy = (oy * g.stride.0 + ky * g.dilation.0).wrapping_sub(g.padding.0);
                    let ix = (ox * g.stride.1 + kx * g.dilation.1).wrapping_sub(g.padding.1);
                    if iy < h && ix < w {
                        let v = x[((b * g.in_channels + i) * h + iy) * w + ix];
                        let f = weight[((o * g.in_channels + i) * g.kernel.0 + ky) * g.kernel.1 + kx];
                        sum += v.to_f64() * f.to_f64();
                    }
                }
            }
        }
        y.push(T::from_f64(sum));
    }
    y
}

/// The gradients of a convolution by its definition: with respect to the input and to the weight.
pub(super) fn naive_backward(
    x: &[f64],
    weight: &[f64],
    dy: &[f64],
    g: &Geometry,
    (n, h, w): (usize, usize, usize),
) -> (Vec<f64>, Vec<f64>) {
    let (oh, ow) = g.out_size(h, w).unwrap();
    let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
    assert_eq!(dy.len(), n * g.out_channels * oh * ow);
    for (at, d) in dy.iter().enumerate() {
        let (ox, oy, o, b) =
            (at % ow, at / ow % oh, at / ow / oh % g.out_channels, at / ow / oh / g.out_channels);
        for i in 0..g.in_channels {
            for ky in 0..g.kernel.0 {
                for kx in 0..g.kernel.1 {
                    let iy = (oy * g.stride.0 + ky * g.dilation.0).wrapping_sub(g.padding.0);
                    let ix = (ox * g.stride.1 + kx * g.dilation.1).wrapping_sub(g.padding.1);
                    if iy < h && ix < w {
                        let v = ((b * g.in_channels + i) * h + iy) * w + ix;
                        let f = ((o * g.in_channels + i) * g.kernel.0 + ky) * g.kernel.1 + kx;
                        dx[v] += d * weight[f];
                        dw[f] += d * x[v];
                    }
                }
            }
        }
    }
    (dx, dw)
}

/// (geometry, n, h, w): odd and even, smaller than a vector, single pixels, whole and broken panels.
pub(super) fn conv_cases() -> Vec<(Geometry, usize, usize, usize)> {
    let mut cases = vec![
        (Geometry::square(3, 5, 1, 1, 0), 2, 1, 1),
        (Geometry::square(3, 9, 1, 1, 0), 1, 5, 7),
        (Geometry::square(40, 300, 1, 1, 0), 1, 9, 11),
        (Geometry::square(2, 8, 3, 1, 1), 1, 1, 1),
        (Geometry::square(5, 17, 3, 1, 1), 3, 4, 4),
        (Geometry::square(19, 8, 3, 1, 1), 2, 13, 33),
        (Geometry::square(33, 20, 3, 1, 1), 1, 12, 32),
        (Geometry::square(70, 33, 3, 1, 1), 1, 8, 4),
        (Geometry::square(64, 21, 3, 1, 1), 2, 8, 5),
        (Geometry::square(32, 9, 3, 2, 1), 3, 9, 7),
        (Geometry::square(3, 10, 3, 2, 1), 2, 16, 16),
        (Geometry::square(4, 10, 3, 2, 1), 2, 15, 17),
        (Geometry::square(4, 10, 3, 2, 1), 1, 40, 69),
        (Geometry::square(4, 3, 5, 3, 2), 2, 14, 20),
        (Geometry::square(4, 3, 2, 2, 0), 1, 9, 8),
        (Geometry::square(4, 3, 1, 2, 0), 1, 9, 8),
    ];
    let mut odd = Geometry::square(3, 4, 3, 1, 2);
    odd.dilation = (2, 3);
    odd.padding = (2, 0);
    odd.stride = (1, 2);
    cases.push((odd, 2, 9, 12));
    odd.kernel = (1, 3);
    odd.padding = (0, 4);
    cases.push((odd, 1, 5, 40));
    cases
}

/// The same numbers in single precision.
pub(super) fn single(v: &[f64]) -> Vec<f32> {
    v.iter().map(|&v| v as f32).collect()
}

/// What a kernel that cannot fail here writes into `len` elements.
pub(super) fn written<T: Element>(len: usize, fill: impl FnOnce(&mut [std::mem::MaybeUninit<T>])) -> Vec<T> {
    // A number that no result equals stands where nothing was written.
    let mut v = vec![T::from_f64(-1.0e30); len];
    fill(super::as_uninit(&mut v));
    v
}
