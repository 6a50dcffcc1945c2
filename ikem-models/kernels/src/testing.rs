//! What the kernels' tests share: numbers, reference implementations, runs at every instruction-set level.

use std::sync::Mutex;

use crate::conv::{ConvShape, Geometry};
use crate::simd::{Element, Level};

/// A convolution of a square filter, undilated.
pub(crate) fn square(
    in_channels: usize,
    out_channels: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
) -> ConvShape {
    ConvShape { in_channels, out_channels, geometry: Geometry { kernel, stride, padding, dilation: 1 } }
}

/// Elements of a weight.
pub(crate) fn weights(g: &ConvShape) -> usize {
    g.in_channels * g.out_channels * g.geometry.taps()
}

/// Numbers in [-1, 1) from a 64-bit linear congruential generator.
pub(crate) fn numbers<T: Element>(seed: u64, len: usize) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            T::from_f64((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0)
        })
        .collect()
}

/// Runs `f` at each level that the processor has.
pub(crate) fn at_each_level(f: impl Fn(Level)) {
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
pub(crate) fn assert_close<T: Element>(got: &[T], expected: &[T], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let difference = (g.to_f64() - e.to_f64()).abs();
        assert!(difference <= tolerance, "{what}: element {i} is {g:?}, expected {e:?}");
    }
}

/// Convolution by its definition: `[n, out_channels, oh, ow]`.
pub(crate) fn naive_conv<T: Element>(
    x: &[T],
    weight: &[T],
    g: &ConvShape,
    n: usize,
    h: usize,
    w: usize,
) -> Vec<T> {
    let (oh, ow) = g.geometry.out_size(h, w).unwrap();
    let mut y = Vec::with_capacity(n * g.out_channels * oh * ow);
    for at in 0..n * g.out_channels * oh * ow {
        let (ox, oy, o, b) =
            (at % ow, at / ow % oh, at / ow / oh % g.out_channels, at / ow / oh / g.out_channels);
        let mut sum = 0.0;
        for i in 0..g.in_channels {
            for ky in 0..g.geometry.kernel {
                for kx in 0..g.geometry.kernel {
                    let iy =
                        (oy * g.geometry.stride + ky * g.geometry.dilation).wrapping_sub(g.geometry.padding);
                    let ix =
                        (ox * g.geometry.stride + kx * g.geometry.dilation).wrapping_sub(g.geometry.padding);
                    if iy < h && ix < w {
                        let v = x[((b * g.in_channels + i) * h + iy) * w + ix];
                        let f = weight
                            [((o * g.in_channels + i) * g.geometry.kernel + ky) * g.geometry.kernel + kx];
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
pub(crate) fn naive_backward(
    x: &[f64],
    weight: &[f64],
    dy: &[f64],
    g: &ConvShape,
    (n, h, w): (usize, usize, usize),
) -> (Vec<f64>, Vec<f64>) {
    let (oh, ow) = g.geometry.out_size(h, w).unwrap();
    let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
    assert_eq!(dy.len(), n * g.out_channels * oh * ow);
    for (at, d) in dy.iter().enumerate() {
        let (ox, oy, o, b) =
            (at % ow, at / ow % oh, at / ow / oh % g.out_channels, at / ow / oh / g.out_channels);
        for i in 0..g.in_channels {
            for ky in 0..g.geometry.kernel {
                for kx in 0..g.geometry.kernel {
                    let iy =
                        (oy * g.geometry.stride + ky * g.geometry.dilation).wrapping_sub(g.geometry.padding);
                    let ix =
                        (ox * g.geometry.stride + kx * g.geometry.dilation).wrapping_sub(g.geometry.padding);
                    if iy < h && ix < w {
                        let v = ((b * g.in_channels + i) * h + iy) * w + ix;
                        let f = ((o * g.in_channels + i) * g.geometry.kernel + ky) * g.geometry.kernel + kx;
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
pub(crate) fn conv_cases() -> Vec<(ConvShape, usize, usize, usize)> {
    let mut cases = vec![
        (square(3, 5, 1, 1, 0), 2, 1, 1),
        (square(3, 9, 1, 1, 0), 1, 5, 7),
        (square(40, 300, 1, 1, 0), 1, 9, 11),
        (square(2, 8, 3, 1, 1), 1, 1, 1),
        (square(5, 17, 3, 1, 1), 3, 4, 4),
        (square(19, 8, 3, 1, 1), 2, 13, 33),
        (square(33, 20, 3, 1, 1), 1, 12, 32),
        (square(70, 33, 3, 1, 1), 1, 8, 4),
        (square(64, 21, 3, 1, 1), 2, 8, 5),
        (square(32, 9, 3, 2, 1), 3, 9, 7),
        (square(3, 10, 3, 2, 1), 2, 16, 16),
        (square(4, 10, 3, 2, 1), 2, 15, 17),
        (square(4, 10, 3, 2, 1), 1, 40, 69),
        (square(4, 3, 5, 3, 2), 2, 14, 20),
        (square(4, 3, 2, 2, 0), 1, 9, 8),
        (square(4, 3, 1, 2, 0), 1, 9, 8),
    ];
    let dilated = |kernel, stride, padding, dilation| ConvShape {
        in_channels: 3,
        out_channels: 4,
        geometry: Geometry { kernel, stride, padding, dilation },
    };
    cases.push((dilated(3, 1, 2, 2), 2, 9, 12));
    cases.push((dilated(3, 2, 0, 3), 2, 9, 12));
    cases.push((dilated(3, 2, 4, 3), 1, 5, 40));
    // Padded by more than the filter reaches.
    cases.push((square(2, 3, 1, 1, 1), 2, 3, 4));
    cases.push((square(2, 3, 3, 2, 4), 1, 5, 3));
    cases
}

/// The same numbers in single precision.
pub(crate) fn single(v: &[f64]) -> Vec<f32> {
    v.iter().map(|&v| v as f32).collect()
}

/// Transposed 2 × 2 convolution of stride 2 by its definition: each input pixel adds its weighted filter.
pub(crate) fn naive_conv_transpose(
    x: &[f64],
    weight: &[f64],
    (i, o): (usize, usize),
    (n, h, w): (usize, usize, usize),
) -> Vec<f64> {
    let mut y = vec![0.0; n * o * 4 * h * w];
    for (at, v) in x.iter().enumerate() {
        let (px, py, c, b) = (at % w, at / w % h, at / w / h % i, at / w / h / i);
        for k in 0..o * 4 {
            let (channel, ky, kx) = (k / 4, k / 2 % 2, k % 2);
            y[((b * o + channel) * 2 * h + 2 * py + ky) * 2 * w + 2 * px + kx] += v * weight[c * o * 4 + k];
        }
    }
    y
}
