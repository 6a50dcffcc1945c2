use candle_core::{Result, Shape, Tensor};
use ikem_core::Size;
use ikem_kernels::{self as kernels, Logits};

use super::cpu::{self, CpuOp, Number};
use super::plain;

/// The mean position, x and y in pixels of a grid of `size`, under the heatmap of every plane of the logits (B, K, h,
/// w): the sigmoid of the logits resized bilinearly with aligned corners. (B, K, 2); what
/// [`Decoding::Expected`](ikem_core::Decoding::Expected) computes, with a gradient.
///
/// On the CPU no map of the grid's size is stored.
///
/// # Errors
/// When the device fails.
pub fn expected_points(logits: &Tensor, size: Size) -> Result<Tensor> {
    if cpu::has_kernels(logits) {
        return cpu::apply1(Expectation { size: (size.height, size.width) }, logits);
    }
    plain::expected_points(logits, size.height, size.width)
}

struct Expectation {
    size: (usize, usize),
}

impl CpuOp<1> for Expectation {
    const NAME: &'static str = "expected points";

    fn forward<T: Number>(&self, [logits]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let ([batch, keypoints, ..], logits) = planes(logits, shape)?;
        let points = kernels::expected_points(logits, self.size).map_err(cpu::failed)?;
        Ok((points, Shape::from((batch, keypoints, 2))))
    }

    fn backward(&self, [logits]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        let gradient = Gradient { size: self.size };
        cpu::apply2(gradient, &logits.detach(), &dy.detach()).map(|gradient| [Some(gradient)])
    }
}

/// Of the logits and the gradient of the points: the gradient of the logits. The maps are made again instead of being
/// kept, since the logits are much smaller.
struct Gradient {
    size: (usize, usize),
}

impl CpuOp<2> for Gradient {
    const NAME: &'static str = "gradient of expected points";

    fn forward<T: Number>(
        &self,
        [logits, dy]: [&[T]; 2],
        [shape, _]: [&Shape; 2],
    ) -> Result<(Vec<T>, Shape)> {
        let (_, planes) = planes(logits, shape)?;
        let gradient = kernels::expected_points_backward(planes, self.size, dy);
        Ok((gradient.map_err(cpu::failed)?, shape.clone()))
    }
}

/// The extents of `shape`, and the logits as the kernels take them.
fn planes<'a, T>(data: &'a [T], shape: &Shape) -> Result<([usize; 4], Logits<'a, T>)> {
    let extents @ [batch, keypoints, h, w] = cpu::extents(shape)?;
    Ok((extents, Logits { data, planes: batch * keypoints, size: (h, w) }))
}
