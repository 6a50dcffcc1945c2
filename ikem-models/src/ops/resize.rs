use candle_core::{Result, Shape, Tensor};
use ikem_kernels as kernels;

use super::cpu::{self, CpuOp, Number};
use super::plain;

/// Bilinear resizing with aligned corners, (B, C, H, W) → (B, C, `height`, `width`), as PyTorch's
/// `interpolate(mode="bilinear", align_corners=True)`.
///
/// # Errors
/// When the device fails.
pub(crate) fn resize_bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
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
        let y = kernels::resize_bilinear(x, n * c, (h, w), to).map_err(cpu::failed)?;
        Ok((y, Shape::from((n, c, to.0, to.1))))
    }

    fn backward(&self, [x]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        Ok([Some(cpu::apply1(ResizeGradient { size: cpu::extents(x.shape())? }, dy)?)])
    }
}

/// The adjoint of resizing: the gradient of an input of `size` (B, C, H, W).
struct ResizeGradient {
    size: [usize; 4],
}

impl CpuOp<1> for ResizeGradient {
    const NAME: &'static str = "gradient of bilinear resizing";

    fn forward<T: Number>(&self, [dy]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let ([n, c, h, w], [_, _, height, width]) = (self.size, cpu::extents(shape)?);
        let dx = kernels::resize_bilinear_backward(dy, n * c, (h, w), (height, width));
        let dx = dx.map_err(cpu::failed)?;
        Ok((dx, Shape::from(self.size.to_vec())))
    }
}
