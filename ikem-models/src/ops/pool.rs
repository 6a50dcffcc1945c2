use std::sync::OnceLock;

use candle_core::{Result, Shape, Tensor};
use ikem_kernels as kernels;

use super::cpu::{self, CpuOp, Number};
use super::plain;

/// 2 × 2 max pool with stride 2: (B, C, H, W) → (B, C, ⌊H/2⌋, ⌊W/2⌋). The gradient goes to the first of equal maxima.
///
/// # Errors
/// When the device fails.
pub(crate) fn max_pool2x2(x: &Tensor) -> Result<Tensor> {
    if cpu::has_kernels(x) {
        cpu::apply1(MaxPool { places: OnceLock::new() }, x)
    } else {
        plain::max_pool2x2(x)
    }
}

/// The maximum of every plane: (B, C, H, W) → (B, C, 1, 1). The gradient goes to the first of equal maxima.
///
/// # Errors
/// When the device fails.
pub(crate) fn global_max(x: &Tensor) -> Result<Tensor> {
    if cpu::has_kernels(x) {
        cpu::apply1(GlobalMax { places: OnceLock::new() }, x)
    } else {
        plain::global_max(x)
    }
}

/// Keeps the place of each maximum in its window.
struct MaxPool {
    places: OnceLock<Vec<u8>>,
}

impl CpuOp<1> for MaxPool {
    const NAME: &'static str = "max pool";

    fn forward<T: Number>(&self, [x]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = cpu::extents(shape)?;
        let (y, places) = kernels::max_pool2x2(x, (n * c, h, w)).map_err(cpu::failed)?;
        // An operation runs once; if it ran again, the places would be the same.
        let _ = self.places.set(places);
        Ok((y, Shape::from((n, c, h / 2, w / 2))))
    }

    fn backward(&self, [x]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        let Some(places) = self.places.get() else { candle_core::bail!("backward before forward") };
        Ok([Some(cpu::apply1(
            MaxPoolGradient { places: places.clone(), size: cpu::extents(x.shape())? },
            dy,
        )?)])
    }
}

struct MaxPoolGradient {
    places: Vec<u8>,
    size: [usize; 4],
}

impl CpuOp<1> for MaxPoolGradient {
    const NAME: &'static str = "gradient of a max pool";

    fn forward<T: Number>(&self, [dy]: [&[T]; 1], _: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = self.size;
        let dx = kernels::max_pool2x2_backward(dy, &self.places, (n * c, h, w)).map_err(cpu::failed)?;
        Ok((dx, Shape::from(self.size.to_vec())))
    }
}

/// Keeps the place of each maximum in its plane.
struct GlobalMax {
    places: OnceLock<Vec<u32>>,
}

impl CpuOp<1> for GlobalMax {
    const NAME: &'static str = "global maximum";

    fn forward<T: Number>(&self, [x]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = cpu::extents(shape)?;
        let (y, places) = kernels::global_max(x, (n * c, h * w)).map_err(cpu::failed)?;
        // As with the max pool.
        let _ = self.places.set(places);
        Ok((y, Shape::from((n, c, 1, 1))))
    }

    fn backward(&self, [x]: [&Tensor; 1], dy: &Tensor) -> Result<[Option<Tensor>; 1]> {
        let Some(places) = self.places.get() else { candle_core::bail!("backward before forward") };
        Ok([Some(cpu::apply1(
            GlobalMaxGradient { places: places.clone(), size: cpu::extents(x.shape())? },
            dy,
        )?)])
    }
}

struct GlobalMaxGradient {
    places: Vec<u32>,
    size: [usize; 4],
}

impl CpuOp<1> for GlobalMaxGradient {
    const NAME: &'static str = "gradient of a global maximum";

    fn forward<T: Number>(&self, [dy]: [&[T]; 1], _: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [n, c, h, w] = self.size;
        let dx = kernels::global_max_backward(dy, &self.places, (n * c, h * w)).map_err(cpu::failed)?;
        Ok((dx, Shape::from(self.size.to_vec())))
    }
}
