use std::io::Cursor;
use std::path::Path;

use ikem_core::{GrayImage, Size};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::{Error, files};

/// A picture in colour to look at: 8 bits of red, green and blue a pixel, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    rgb: Vec<u8>,
}

impl Picture {
    /// `rgb` holds three bytes for each pixel of `size`.
    pub(super) const fn new(size: Size, rgb: Vec<u8>) -> Self {
        Self { size, rgb }
    }

    /// Width and height.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Red, green, blue of every pixel, row-major.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The picture as the bytes of a PNG file.
    ///
    /// # Errors
    /// [`Error::Argument`] when it is too large for a PNG file.
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        encode_png(self.size, &self.rgb, ExtendedColorType::Rgb8)
    }

    /// Writes the picture as a PNG file: to a temporary file first, which then takes the name `path`.
    ///
    /// # Errors
    /// As [`to_png`](Self::to_png); [`Error::Write`].
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        files::write(path.as_ref(), &self.to_png()?)
    }
}

/// Writes a grey image as a PNG file of 8 bits; values outside 0…1 are cut.
///
/// # Errors
/// [`Error::Argument`] when it is too large for a PNG file, [`Error::Write`].
pub fn write_gray_png(path: impl AsRef<Path>, image: &GrayImage) -> Result<(), Error> {
    let pixels: Vec<u8> = image.pixels().iter().map(|&value| to_byte(value)).collect();
    files::write(path.as_ref(), &encode_png(image.size(), &pixels, ExtendedColorType::L8)?)
}

/// A value of 0…1 as a byte.
pub(super) fn to_byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn encode_png(size: Size, pixels: &[u8], colour: ExtendedColorType) -> Result<Vec<u8>, Error> {
    let too_large = |found: String| Error::Argument {
        argument: "picture",
        found,
        expected: "a size that PNG can hold".to_owned(),
    };
    let side = |pixels: usize| u32::try_from(pixels).map_err(|_| too_large(size.to_string()));
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels, side(size.width)?, side(size.height)?, colour)
        .map_err(|error| too_large(error.to_string()))?;
    Ok(bytes.into_inner())
}
