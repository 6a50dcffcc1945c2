use std::path::Path;

use ikem_core::Size;
use image::ExtendedColorType;

use super::mark::marked;
use super::png::encode_png;
use crate::error::Error;
use crate::files;

/// A rendered RGB picture, 8 bits per channel, in row-major order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture of `size` from three bytes per pixel.
    pub(super) const fn new(size: Size, rgb: Vec<u8>) -> Self {
        Self { size, rgb }
    }

    /// Width and height, in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The red, green and blue bytes of all pixels in row-major order.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Encodes the picture as PNG, with a mark by which [`is_overlay`](crate::is_overlay) knows it.
    ///
    /// # Errors
    /// [`Error::Argument`] if it is too large for PNG.
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        encode_png(self.size, &self.rgb, ExtendedColorType::Rgb8).map(marked)
    }

    /// Writes the picture atomically as a PNG file.
    ///
    /// # Errors
    /// Same as [`to_png`](Self::to_png); [`Error::Write`].
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        files::write(path.as_ref(), &self.to_png()?)
    }
}
