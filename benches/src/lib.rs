#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Synthetic inputs shared by the benchmarks.

mod networks;

pub use networks::{Convolution, Transposed, bundled, convolutions, hrnet_ocr, transposed, unet};

use candle_core::{Device, Tensor};
use ikem_core::{GrayImage, Keypoints, Point, Size};

/// The network's grid.
pub const GRID: Size = Size::new(256, 512);

/// 68 keypoints in two columns, spread over the grid.
#[must_use]
pub fn keypoints() -> Keypoints {
    (0..68).map(|k| Point::new(96.3 + 60.5 * (k % 2) as f32, 20.2 + 6.9 * k as f32)).collect()
}

/// A synthetic image of the size of a typical radiograph.
///
/// # Panics
/// Never: the number of pixels matches the size.
#[must_use]
#[allow(clippy::expect_used)]
pub fn radiograph() -> GrayImage {
    let size = Size::new(900, 2300);
    let pixels = (0..size.area()).map(|i| (i * 7919 % 4096) as f32 / 4096.0).collect();
    GrayImage::new(size, pixels).expect("as many pixels as the size says")
}

/// A tensor with values in −1…1.
///
/// # Panics
/// If it cannot be allocated.
#[must_use]
#[allow(clippy::expect_used)]
pub fn tensor(shape: &[usize]) -> Tensor {
    Tensor::from_vec(values(shape.iter().product()), shape, &Device::Cpu).expect("a tensor")
}

/// `count` values in −1…1.
#[must_use]
pub fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 2048) as f32 / 1024.0 - 1.0).collect()
}
