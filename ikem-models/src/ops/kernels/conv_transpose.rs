//! Transposed convolution, 2 × 2, stride 2: every input pixel makes four output pixels of its own.
//!
//! Forward: a 1×1 convolution to four times the channels whose pixels are then woven. Its gradients are an ordinary
//! 2×2 convolution of stride 2 and that convolution's weight gradient.

use std::mem::MaybeUninit;

use super::conv_backward::channel_sums;
use super::conv_forward::conv_forward;
use super::geometry::{Epilogue, Geometry, KernelError, Output, Segment, check};
use super::lhs::PackedLhs;
use super::patches::{Patches, Tap};
use super::product::{Operands, Sink, Tile, product};
use super::scratch::{Lifetime, Shared};
use super::simd::{Element, Vector};
use super::weight_gradient::conv_backward_weight;

/// A transposed convolution whose weights are packed once.
#[derive(Debug)]
pub struct PackedConvTranspose2x2<T> {
    in_channels: usize,
    out_channels: usize,
    bias: Option<Vec<T>>,
    weight: PackedLhs<T>,
}

impl<T: Element> PackedConvTranspose2x2<T> {
    /// Packs `weight` `[in_channels, out_channels, 2, 2]` and `bias` `[out_channels]`.
    ///
    /// # Errors
    /// A slice whose size does not match.
    pub fn new(
        weight: &[T],
        bias: Option<&[T]>,
        in_channels: usize,
        out_channels: usize,
    ) -> Result<Self, KernelError> {
        check("weight", in_channels * out_channels * 4, weight.len())?;
        check("bias", out_channels, bias.map_or(out_channels, <[T]>::len))?;
        let rows = out_channels * 4;
        let packed = PackedLhs::from_fn(rows, in_channels, Lifetime::Object, |row, k| weight[k * rows + row]);
        Ok(Self { in_channels, out_channels, bias: bias.map(<[T]>::to_vec), weight: packed })
    }

    /// Convolves `[n, in_channels, h, w]`, in segments of channels, to `[n, _, 2 h, 2 w]`.
    ///
    /// # Errors
    /// A slice whose size does not match.
    pub fn forward(
        &self,
        x: &[Segment<'_, T>],
        (n, h, w): (usize, usize, usize),
        out: &mut Output<'_, T>,
    ) -> Result<(), KernelError> {
        super::geometry::check_segments(x, self.in_channels, n, h * w)?;
        out.check(self.out_channels, n, 4 * h * w)?;
        let (image_step, offset) = out.layout(4 * h * w);
        let to = Shared::new(out.data.as_mut_ptr().cast::<T>().wrapping_add(offset));
        let sink = Weave { bias: self.bias.as_deref(), size: (h, w), to, image_step };
        let taps = [Tap::new((0, 0), (h, w), (h, w), (1, 1))];
        let patches = Patches::new(x, &taps, n, (h, w), (h, w), (1, 1));
        product(&[Operands { lhs: &self.weight, patches: &patches }], &sink);
        Ok(())
    }
}

/// Weaves rows (channel, dy, dx) into the output.
struct Weave<'a, T> {
    bias: Option<&'a [T]>,
    size: (usize, usize),
    to: Shared<T>,
    image_step: usize,
}

impl<T: Element> Sink<T> for Weave<'_, T> {
    #[inline(always)]
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &Tile<T>) {
        let (h, w) = self.size;
        for r in (0..tile.rows).step_by(2) {
            let (channel, dy) = ((tile.first_row + r) / 4, (tile.first_row + r) / 2 % 2);
            let bias = V::splat(self.bias.map_or(T::ZERO, |b| b[channel]));
            let mut done = 0;
            while done < tile.pixels {
                let p = tile.first_pixel + done;
                let (image, y, x) = (p / (h * w), p % (h * w) / w, p % w);
                let len = (w - x).min(tile.pixels - done);
                let at = image * self.image_step + channel * 4 * h * w + (2 * y + dy) * 2 * w + 2 * x;
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

/// The gradient with respect to the input, `[n, in_channels, h, w]`, from `[n, out_channels, 2 h, 2 w]`.
///
/// # Errors
/// A slice whose size does not match.
pub fn conv_transpose2x2_backward_input<T: Element>(
    weight: &[T],
    dy: &[T],
    (in_channels, out_channels): (usize, usize),
    (n, h, w): (usize, usize, usize),
    dx: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    let g = Geometry::square(out_channels, in_channels, 2, 2, 0);
    let dy = [Segment::new(dy, out_channels)];
    if h * w == 0 {
        return check("gradient of the input", 0, dx.len());
    }
    let mut dx = Output::whole(dx, in_channels);
    conv_forward((weight, None), &g, &dy, (n, 2 * h, 2 * w), &Epilogue::none(), &mut dx)
}

/// The gradients with respect to the weight `[in_channels, out_channels, 2, 2]` and the bias, if asked for.
///
/// # Errors
/// A slice whose size does not match.
pub fn conv_transpose2x2_backward_weight<T: Element>(
    x: &[T],
    dy: &[T],
    (in_channels, out_channels): (usize, usize),
    (n, h, w): (usize, usize, usize),
    dw: &mut [MaybeUninit<T>],
    db: Option<&mut [MaybeUninit<T>]>,
) -> Result<(), KernelError> {
    if let Some(db) = db {
        check("gradient of the output", n * out_channels * 4 * h * w, dy.len())?;
        check("gradient of the bias", out_channels, db.len())?;
        channel_sums(dy, n, out_channels, 4 * h * w, db);
    }
    // Seen from the output's side, the input is the gradient of a convolution's output.
    let g = Geometry::square(out_channels, in_channels, 2, 2, 0);
    conv_backward_weight(dy, x, &g, (n, 2 * h, 2 * w), dw, None)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    /// Each input pixel adds its 2 × 2 pattern.
    fn naive(
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
                y[((b * o + channel) * 2 * h + 2 * py + ky) * 2 * w + 2 * px + kx] +=
                    v * weight[c * o * 4 + k];
            }
        }
        y
    }

    #[test]
    fn forward_and_adjoint() {
        for (i, o, n, h, w) in [(1, 1, 1, 1, 1), (3, 2, 2, 3, 5), (9, 4, 1, 7, 33), (40, 20, 2, 8, 4)] {
            let (x, weight) = (numbers(1, n * i * h * w), numbers(2, i * o * 4));
            let (bias, dy) = (numbers(3, o), numbers(4, n * o * 4 * h * w));
            let mut y = naive(&x, &weight, (i, o), (n, h, w));
            for (at, v) in y.iter_mut().enumerate() {
                *v += bias[at / (4 * h * w) % o];
            }
            let g = Geometry::square(o, i, 2, 2, 0);
            let dx = naive_conv(&dy, &weight, &g, n, 2 * h, 2 * w);
            let (_, dw) = naive_backward(&dy, &weight, &x, &g, (n, 2 * h, 2 * w));
            at_each_level(|level| {
                let what = format!("{i} {o} {n} {h} {w} {level:?}");
                let conv = PackedConvTranspose2x2::new(&weight, Some(&bias), i, o).unwrap();
                let found = written(n * (o + 1) * 4 * h * w, |to| {
                    let mut out = Output::part(to, o + 1, 1);
                    conv.forward(&[Segment::new(&x, i)], (n, h, w), &mut out).unwrap();
                });
                for b in 0..n {
                    let image = &found[b * (o + 1) * 4 * h * w..][..(o + 1) * 4 * h * w];
                    assert!(image[..4 * h * w].iter().all(|&v| v == -1e30), "{what}");
                    assert_close(&image[4 * h * w..], &y[b * o * 4 * h * w..][..o * 4 * h * w], 1e-12, &what);
                }
                let found = written(x.len(), |dx| {
                    conv_transpose2x2_backward_input(&weight, &dy, (i, o), (n, h, w), dx).unwrap();
                });
                assert_close(&found, &dx, 1e-12, &what);
                let mut db = vec![0.0; o];
                let found = written(weight.len(), |to| {
                    let db = Some(super::super::as_uninit(&mut db));
                    conv_transpose2x2_backward_weight(&x, &dy, (i, o), (n, h, w), to, db).unwrap();
                });
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
        let mut y = [MaybeUninit::uninit(); 12];
        assert!(
            conv.forward(&[Segment::new(&[0.0; 2], 2)], (1, 1, 1), &mut Output::whole(&mut y, 3)).is_ok()
        );
        assert!(
            conv.forward(&[Segment::new(&[0.0; 2], 2)], (1, 1, 1), &mut Output::whole(&mut y[1..], 3))
                .is_err()
        );
        assert!(
            conv.forward(&[Segment::new(&[0.0; 1], 2)], (1, 1, 1), &mut Output::whole(&mut y, 3)).is_err()
        );
    }
}
