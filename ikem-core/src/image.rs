use std::sync::Arc;

use crate::error::Error;
use crate::geometry::Size;
use crate::pixel::Pixel;

/// A greyscale image in memory: one channel, f32 in 0 (black) … 1 (white), rows from the top. Clones share the pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct GrayImage {
    size: Size,
    pixels: Arc<Vec<f32>>,
}

impl GrayImage {
    /// An image of `size` with the given pixels in row-major order.
    ///
    /// # Errors
    /// [`Error::EmptySize`] without pixels, [`Error::Length`] unless there are width × height of them, [`Error::Pixel`]
    /// when one is not finite.
    pub fn new(size: Size, pixels: Vec<f32>) -> Result<Self, Error> {
        if size.area() == 0 {
            return Err(Error::EmptySize(size));
        }
        if pixels.len() != size.area() {
            return Err(Error::Length { what: "pixels", expected: size.area(), found: pixels.len() });
        }
        match pixels.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(Error::Pixel { index, value: pixels[index] }),
            None => Ok(Self { size, pixels: Arc::new(pixels) }),
        }
    }

    /// An image of 8-bit pixels in row-major order; 255 becomes 1.
    ///
    /// # Errors
    /// Like [`new`](Self::new).
    pub fn from_u8(size: Size, pixels: &[u8]) -> Result<Self, Error> {
        Self::new(size, pixels.iter().map(|&pixel| pixel.value()).collect())
    }

    /// An image of 16-bit pixels in row-major order; 65535 becomes 1.
    ///
    /// # Errors
    /// Like [`new`](Self::new).
    pub fn from_u16(size: Size, pixels: &[u16]) -> Result<Self, Error> {
        Self::new(size, pixels.iter().map(|&pixel| pixel.value()).collect())
    }

    /// The image with `change` applied to each value, which must return finite numbers.
    pub(crate) fn map(&self, change: impl Fn(f32) -> f32) -> Self {
        let pixels = self.pixels.iter().map(|&value| change(value)).collect();
        Self { size: self.size, pixels: Arc::new(pixels) }
    }

    /// Width and height.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The pixels in row-major order.
    #[must_use]
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_of_both_depths_is_white() {
        let eight = GrayImage::from_u8(Size::new(2, 1), &[255, 51]).expect("two pixels");
        let sixteen = GrayImage::from_u16(Size::new(2, 1), &[65535, 13107]).expect("two pixels");
        assert_eq!(eight.pixels(), [1.0, 0.2]);
        assert_eq!(eight, sixteen);
    }

    #[test]
    fn invalid_images_are_rejected() {
        assert_eq!(GrayImage::new(Size::new(0, 3), vec![]), Err(Error::EmptySize(Size::new(0, 3))));
        assert!(matches!(
            GrayImage::new(Size::new(2, 2), vec![0.0; 3]),
            Err(Error::Length { expected: 4, found: 3, .. })
        ));
        assert!(matches!(
            GrayImage::new(Size::new(2, 1), vec![0.0, f32::NAN]),
            Err(Error::Pixel { index: 1, .. })
        ));
    }
}
