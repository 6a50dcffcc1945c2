//! Transposed convolution with a 2 × 2 filter and stride 2: `[n, C, h, w]` to `[n, O, 2h, 2w]`, weight `[C, O, 2, 2]`.
//!
//! Windows do not overlap: every input pixel makes four output pixels of its own. Forward, it is a product of the
//! weights, `[4·O, C]`, and the input's pixels, `[C, n·h·w]`, whose rows are interleaved when they are stored.
//! Backward, it is an ordinary convolution with a 2 × 2 filter and stride 2, and that convolution's weight gradient.

use std::mem::MaybeUninit;

use super::backward_weight::weight_gradient;
use super::epilogue::Epilogue;
use super::forward::conv2d;
use super::geometry::{ConvShape, Geometry};
use crate::buffer::filled;
use crate::error::{MOST, Result, check_len, check_range, check_shape, elements};
use crate::gemm::{FilterTap, Im2Col, Operands, OutputTile, PackedA, TileSink, gemm};
use crate::scratch::{Lifetime, Shared};
use crate::segment::{Segment, check_segments};
use crate::simd::{Element, Vector};
use crate::sums::channel_sums;

/// The convolution of which the transposed one is the adjoint.
const GEOMETRY: Geometry = Geometry { kernel: 2, stride: 2, padding: 0, dilation: 1 };

/// A transposed convolution whose weights are packed once.
#[derive(Debug)]
pub struct PackedConvTranspose2x2<T> {
    in_channels: usize,
    out_channels: usize,
    bias: Option<Vec<T>>,
    weight: PackedA<T>,
}

impl<T: Element> PackedConvTranspose2x2<T> {
    /// Packs `weight` `[in_channels, out_channels, 2, 2]` and `bias` `[out_channels]`.
    ///
    /// # Errors
    /// No channels; a slice whose length does not match.
    pub fn new(weight: &[T], bias: Option<&[T]>, in_channels: usize, out_channels: usize) -> Result<Self> {
        check_channels((in_channels, out_channels))?;
        check_shape("weight", &[in_channels, out_channels, 2, 2], weight.len())?;
        check_len("bias", out_channels, bias.map_or(out_channels, <[T]>::len))?;
        let rows = out_channels * 4;
        let packed = PackedA::from_fn(rows, in_channels, Lifetime::Object, |row, k| weight[k * rows + row]);
        Ok(Self { in_channels, out_channels, bias: bias.map(<[T]>::to_vec), weight: packed })
    }

    /// Convolves `[n, in_channels, h, w]`, in segments of channels, to `[n, out_channels, 2h, 2w]`.
    ///
    /// # Errors
    /// An extent out of range; a slice whose length does not match.
    pub fn forward(&self, x: &[Segment<'_, T>], (n, h, w): (usize, usize, usize)) -> Result<Vec<T>> {
        let len = elements("output", &[n, self.out_channels, 4, h, w])?;
        check_segments(x, self.in_channels, (n, h, w))?;
        if len == 0 {
            return Ok(Vec::new());
        }
        elements("product", &[n, self.in_channels, h, w])?;
        // SAFETY: the product computes every tile, and the sink stores it.
        unsafe {
            filled(len, |y| {
                let to = Shared::new(y.as_mut_ptr().cast());
                let sink = InterleaveSink {
                    bias: self.bias.as_deref(),
                    size: (h, w),
                    to,
                    channels: self.out_channels,
                };
                let taps = [FilterTap::new((0, 0), (h, w), (h, w), 1)];
                let columns = Im2Col::new(x, &taps, n, (h, w), (h, w), 1);
                gemm(&[Operands { a: &self.weight, b: &columns }], &sink);
                Ok(())
            })
        }
    }
}

fn check_channels((inputs, outputs): (usize, usize)) -> Result<()> {
    check_range("input channels", inputs, 1, MOST)?;
    check_range("output channels", outputs, 1, MOST)
}

/// Interleaves the product's rows (channel, dy, dx) to the output's pixels.
struct InterleaveSink<'a, T> {
    bias: Option<&'a [T]>,
    size: (usize, usize),
    to: Shared<T>,
    channels: usize,
}

impl<T: Element> TileSink<T> for InterleaveSink<'_, T> {
    #[inline(always)]
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &OutputTile<T>) {
        let (h, w) = self.size;
        for r in (0..tile.rows).step_by(2) {
            let (channel, dy) = ((tile.first_row + r) / 4, (tile.first_row + r) / 2 % 2);
            let bias = V::splat(self.bias.map_or(T::ZERO, |b| b[channel]));
            let mut done = 0;
            while done < tile.pixels {
                let p = tile.first_pixel + done;
                let (image, y, x) = (p / (h * w), p % (h * w) / w, p % w);
                let len = (w - x).min(tile.pixels - done);
                let map = image * self.channels + channel;
                let at = map * 4 * h * w + (2 * y + dy) * 2 * w + 2 * x;
                for i in (0..len).step_by(V::LANES) {
                    let count = V::LANES.min(len - i);
                    // SAFETY: rows r and r + 1 are the two horizontal taps; their 2 `count` outputs are ours.
                    unsafe {
                        let from = tile.data.add(r * tile.step + done + i);
                        let left = V::load_range(from, 0, count).add(bias);
                        let right = V::load_range(from.add(tile.step), 0, count).add(bias);
                        let (first, second) = V::interleave(left, right);
                        let to = self.to.get().add(at + 2 * i);
                        first.store_first(to, 2 * count);
                        if 2 * count > V::LANES {
                            second.store_first(to.add(V::LANES), 2 * count - V::LANES);
                        }
                    }
                }
                done += len;
            }
        }
    }
}

/// The gradient with respect to the input, `[n, in_channels, h, w]`, given that of the output, `[n, out_channels, 2h,
/// 2w]`.
///
/// # Errors
/// An extent out of range; a slice whose length does not match.
pub fn conv_transpose2x2_backward_input<T: Element>(
    weight: &[T],
    dy: &[T],
    channels: (usize, usize),
    (n, h, w): (usize, usize, usize),
) -> Result<Vec<T>> {
    check_shape("gradient of the output", &[n, channels.1, 4, h, w], dy.len())?;
    let dy = [Segment::new(dy, channels.1)];
    if h * w == 0 {
        return Ok(Vec::new());
    }
    conv2d((weight, None), &adjoint(channels), &dy, (n, 2 * h, 2 * w), &Epilogue::none())
}

/// The gradients with respect to the weight, `[in_channels, out_channels, 2, 2]`, and behind it the bias,
/// `[out_channels]`.
///
/// # Errors
/// An extent out of range; a slice whose length does not match.
pub fn conv_transpose2x2_backward_weight<T: Element>(
    x: &[T],
    dy: &[T],
    channels: (usize, usize),
    (n, h, w): (usize, usize, usize),
) -> Result<Vec<T>> {
    check_channels(channels)?;
    check_shape("gradient of the output", &[n, channels.1, 4, h, w], dy.len())?;
    check_shape("input", &[n, channels.0, h, w], x.len())?;
    let weights = elements("weight", &[channels.0, channels.1, 2, 2])?;
    // Seen from the output's side, the input is the gradient of a convolution's output.
    let conv = (h * w > 0).then(|| adjoint(channels).on((n, 2 * h, 2 * w))).transpose()?;
    // SAFETY: the gradients of all weights and the sums of all channels are stored.
    unsafe {
        filled(weights + channels.1, |gradients| {
            let (dw, db) = gradients.split_at_mut(weights);
            channel_sums(dy, n, channels.1, 4 * h * w, db);
            match conv {
                Some(conv) => weight_gradient(&conv, dy, x, dw),
                None => dw.fill(MaybeUninit::new(T::ZERO)),
            }
            Ok(())
        })
    }
}

/// The convolution that leads from the output's gradient to the input's.
const fn adjoint((in_channels, out_channels): (usize, usize)) -> ConvShape {
    ConvShape { in_channels: out_channels, out_channels: in_channels, geometry: GEOMETRY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn forward_and_adjoint() {
        for (i, o, n, h, w) in [(1, 1, 1, 1, 1), (3, 2, 2, 3, 5), (9, 4, 1, 7, 33), (40, 20, 2, 8, 4)] {
            let (x, weight) = (numbers(1, n * i * h * w), numbers(2, i * o * 4));
            let (bias, dy) = (numbers(3, o), numbers(4, n * o * 4 * h * w));
            let mut y = naive_conv_transpose(&x, &weight, (i, o), (n, h, w));
            for (at, v) in y.iter_mut().enumerate() {
                *v += bias[at / (4 * h * w) % o];
            }
            let g = square(o, i, 2, 2, 0);
            let dx = naive_conv(&dy, &weight, &g, n, 2 * h, 2 * w);
            let (_, dw) = naive_backward(&dy, &weight, &x, &g, (n, 2 * h, 2 * w));
            at_each_level(|level| {
                let what = format!("{i} {o} {n} {h} {w} {level:?}");
                let conv = PackedConvTranspose2x2::new(&weight, Some(&bias), i, o).unwrap();
                let found = conv.forward(&[Segment::new(&x, i)], (n, h, w)).unwrap();
                assert_close(&found, &y, 1e-12, &what);
                let found = conv_transpose2x2_backward_input(&weight, &dy, (i, o), (n, h, w)).unwrap();
                assert_close(&found, &dx, 1e-12, &what);
                let mut found = conv_transpose2x2_backward_weight(&x, &dy, (i, o), (n, h, w)).unwrap();
                let db = found.split_off(weight.len());
                assert_close(&found, &dw, 1e-11, &what);
                let sums: Vec<f64> = (0..o)
                    .map(|c| {
                        dy.iter()
                            .enumerate()
                            .filter(|(at, _)| at / (4 * h * w) % o == c)
                            .map(|(_, v)| v)
                            .sum()
                    })
                    .collect();
                assert_close(&db, &sums, 1e-10, &what);
            });
        }
    }

    #[test]
    fn refuses_wrong_sizes() {
        assert!(PackedConvTranspose2x2::<f32>::new(&[0.0; 23], None, 2, 3).is_err());
        let conv = PackedConvTranspose2x2::<f32>::new(&[0.0; 24], None, 2, 3).unwrap();
        assert_eq!(conv.forward(&[Segment::new(&[0.0; 2], 2)], (1, 1, 1)).unwrap().len(), 12);
        assert!(conv.forward(&[Segment::new(&[0.0; 2], 2)], (1, 1, 2)).is_err());
        assert!(conv.forward(&[Segment::new(&[0.0; 1], 2)], (1, 1, 1)).is_err());
        assert!(conv.forward(&[Segment::new(&[0.0; 2], 1)], (1, 1, 1)).is_err());
        assert!(PackedConvTranspose2x2::<f32>::new(&[], None, 0, 3).is_err(), "no input channels");
        assert!(PackedConvTranspose2x2::<f32>::new(&[], None, 2, 0).is_err(), "no output channels");
        assert!(conv_transpose2x2_backward_input::<f32>(&[], &[], (2, 0), (1, 1, 1)).is_err());
        assert!(conv_transpose2x2_backward_weight::<f32>(&[0.0; 2], &[], (2, 0), (1, 1, 1)).is_err());
    }
}
