use std::io::Cursor;
use std::path::Path;

use ikem_core::{FieldError, GrayImage, Size, Tones};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use ndarray::ArrayView2;

use super::palette::{heat_colour, heat_opacity};
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
    files::write(path.as_ref(), &gray_png(image)?)
}

/// A grey image as the bytes of a PNG file of 8 bits; values outside 0…1 are cut.
///
/// # Errors
/// [`Error::Argument`] when it is too large for a PNG file.
pub fn gray_png(image: &GrayImage) -> Result<Vec<u8>, Error> {
    let pixels: Vec<u8> = image.pixels().iter().map(|&value| to_byte(value)).collect();
    encode_png(image.size(), &pixels, ExtendedColorType::L8)
}

/// A film as the bytes of a PNG file of 8 bits, to look at: with its [`Tones`], so that one that uses a small part of its type
/// (12 bits of 16) has as many levels as any other.
///
/// # Errors
/// As [`gray_png`].
pub fn film_png(image: &GrayImage) -> Result<Vec<u8>, Error> {
    gray_png(&Tones::of(image).apply_to(image))
}

/// One heatmap (H × W, 0…1) as the bytes of a PNG file of its size, to be laid over the image: the higher a value, the
/// lighter its colour and the less is seen through it.
///
/// # Errors
/// [`Error::Argument`] when the map has no values.
pub fn heatmap_png(map: ArrayView2<'_, f32>) -> Result<Vec<u8>, Error> {
    let (height, width) = map.dim();
    let pixel = |&value: &f32| {
        let [red, green, blue] = heat_colour(value);
        [red, green, blue, to_byte(heat_opacity(value))]
    };
    let pixels: Vec<u8> = map.iter().flat_map(pixel).collect();
    encode_png(Size::new(width, height), &pixels, ExtendedColorType::Rgba8)
}

/// A value of 0…1 as a byte.
pub(super) fn to_byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn encode_png(size: Size, pixels: &[u8], colour: ExtendedColorType) -> Result<Vec<u8>, Error> {
    let too_large = |found: String| FieldError::new("picture", "a size that PNG can hold", found);
    let side = |pixels: usize| u32::try_from(pixels).map_err(|_| too_large(size.to_string()));
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels, side(size.width)?, side(size.height)?, colour)
        .map_err(|error| too_large(error.to_string()))?;
    Ok(bytes.into_inner())
}
