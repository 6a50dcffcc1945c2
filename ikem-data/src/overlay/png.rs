use std::io::Cursor;
use std::path::Path;

use ikem_core::{FieldError, GrayImage, Size, Tones};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use ndarray::ArrayView2;

use super::palette::{heat_colour, heat_opacity, to_byte};
use crate::error::Error;
use crate::files;

/// Writes a grey image atomically as an 8-bit PNG file; values are clamped to 0…1.
///
/// # Errors
/// [`Error::Argument`] if it is too large for PNG, [`Error::Write`].
pub fn write_gray_png(path: impl AsRef<Path>, image: &GrayImage) -> Result<(), Error> {
    files::write(path.as_ref(), &gray_png(image)?)
}

/// Encodes a grey image as 8-bit PNG; values are clamped to 0…1.
///
/// # Errors
/// [`Error::Argument`] if it is too large for PNG.
pub fn gray_png(image: &GrayImage) -> Result<Vec<u8>, Error> {
    let pixels: Vec<u8> = image.pixels().iter().map(|&value| to_byte(value)).collect();
    encode_png(image.size(), &pixels, ExtendedColorType::L8)
}

/// Encodes a film as 8-bit PNG for display, with its [`Tones`] applied, so that a film that uses a small part of its
/// type (12 of 16 bits) gets the full range of grey levels.
///
/// # Errors
/// Same as [`gray_png`].
pub fn film_png(image: &GrayImage) -> Result<Vec<u8>, Error> {
    gray_png(&Tones::of(image).apply_to(image))
}

/// Encodes a heatmap (H × W, 0…1) as an RGBA PNG of the same size, to overlay on the image. Higher values are lighter
/// and more opaque.
///
/// # Errors
/// [`Error::Argument`] if the map is empty.
pub fn heatmap_png(map: ArrayView2<'_, f32>) -> Result<Vec<u8>, Error> {
    let (height, width) = map.dim();
    let pixel = |&value: &f32| {
        let [red, green, blue] = heat_colour(value);
        [red, green, blue, to_byte(heat_opacity(value))]
    };
    let pixels: Vec<u8> = map.iter().flat_map(pixel).collect();
    encode_png(Size::new(width, height), &pixels, ExtendedColorType::Rgba8)
}

pub(super) fn encode_png(size: Size, pixels: &[u8], colour: ExtendedColorType) -> Result<Vec<u8>, Error> {
    let too_large = |found: String| FieldError::new("picture", "a size that PNG can hold", found);
    let side = |pixels: usize| u32::try_from(pixels).map_err(|_| too_large(size.to_string()));
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(pixels, side(size.width)?, side(size.height)?, colour)
        .map_err(|error| too_large(error.to_string()))?;
    Ok(bytes.into_inner())
}
