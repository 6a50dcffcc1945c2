// The kernels' outputs are vectors that they write whole.
#![allow(unsafe_code)]

use candle_core::{DType, Device, Result, Shape, Tensor};

use super::cpu::{self, CpuOp, Number, written};
use super::{kernels, plain};

/// Bilinear resizing with aligned corners, (B, C, H, W) → (B, C, `height`, `width`), as PyTorch's
/// `interpolate(mode="bilinear", align_corners=True)`.
///
/// # Errors
/// When the device fails.
pub fn resize_bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    if (h, w) == (height, width) {
        Ok(x.clone())
    } else if cpu::has_kernels(x) {
        cpu::apply1(Resize { height, width }, x)
    } else {
        plain::resize_bilinear(x, height, width)
    }
}

struct Resize {
    height: usize,
    width: usize,
}

impl CpuOp<1> for Resize {
    const NAME: &'static str = "bilinear resizing";

    fn forward<T: Number>(&self, [x]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = cpu::extents(shape)?;
        let to = (self.height, self.width);
        // SAFETY: the kernel writes every element of its output.
        let y =
            unsafe { written(n * c * to.0 * to.1, |y| kernels::resize_bilinear(x, n * c, (h, w), to, y)) }?;
        Ok((y, Shape::from((n, c, to.0, to.1))))
    }

    fn backward(&self, [x]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        Ok([Some(cpu::apply1(ResizeGradient { size: cpu::extents(x.shape())? }, dy)?)])
    }
}

/// The adjoint, back to `size` (B, C, H, W).
struct ResizeGradient {
    size: [usize; 4],
}

impl CpuOp<1> for ResizeGradient {
    const NAME: &'static str = "bilinear resizing's gradient";

    fn forward<T: Number>(&self, [dy]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let ([n, c, h, w], [_, _, height, width]) = (self.size, cpu::extents(shape)?);
        // SAFETY: the kernel writes every element of its output.
        let dx = unsafe {
            written(n * c * h * w, |dx| {
                kernels::resize_bilinear_backward(dy, n * c, (h, w), (height, width), dx)
            })
        }?;
        Ok((dx, Shape::from(self.size.to_vec())))
    }
}

/// Where each of `to` samples lies among `from` ones, the first on the first and the last on the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpolation {
    from: usize,
    /// The sample before, and the weight of the one after it.
    taps: Vec<(usize, f32)>,
}

impl Interpolation {
    /// The samples of `to` places on an axis of `from` values.
    #[must_use]
    pub fn new(from: usize, to: usize) -> Self {
        // PyTorch computes the scale and the places in f32; so do we, to round alike.
        let scale = if to > 1 { from.saturating_sub(1) as f32 / (to - 1) as f32 } else { 0.0 };
        let tap = |i: usize| {
            let place = i as f32 * scale;
            let before = (place as usize).min(from.saturating_sub(1));
            (before, if before + 1 < from { place - before as f32 } else { 0.0 })
        };
        Self { from, taps: (0..to).map(tap).collect() }
    }

    /// The sample before each place, and the weight of the one after it.
    #[must_use]
    pub fn taps(&self) -> &[(usize, f32)] {
        &self.taps
    }

    /// The interpolation as a matrix, shape (to, from).
    pub(super) fn matrix(&self, dtype: DType, device: &Device) -> Result<Tensor> {
        let mut values = vec![0.0_f32; self.taps.len() * self.from];
        for (row, &(before, after)) in values.chunks_exact_mut(self.from.max(1)).zip(&self.taps) {
            row[before] = 1.0 - after;
            if after > 0.0 {
                row[before + 1] = after;
            }
        }
        Tensor::from_vec(values, (self.taps.len(), self.from), device)?.to_dtype(dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_aligned() {
        assert_eq!(Interpolation::new(3, 5).taps(), [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5), (2, 0.0)]);
        assert_eq!(Interpolation::new(4, 1).taps(), [(0, 0.0)]);
        assert_eq!(Interpolation::new(1, 3).taps(), [(0, 0.0); 3]);
    }
}
