//! Decoding with the crate `image`.

use std::io::Cursor;
use std::path::Path;

use ikem_core::Size;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::WHOLE;
use super::kind::CONVERT;
use crate::decoded::{Decoded, Pixels, luma, turned_size};
use crate::error::Error;
use crate::limits::Limits;

/// Decodes a picture of the given format.
pub(super) fn decode(
    path: &Path,
    bytes: &[u8],
    format: ImageFormat,
    limits: &Limits,
) -> Result<Decoded, Error> {
    let failed = |error: image::ImageError| failed(path, format, error);
    let mut decoder = decoder(path, bytes, format)?;
    limits.check(path, decoder.dimensions())?;
    limits.check_bytes(path, decoder.total_bytes())?;
    let mut decoding = image::Limits::default();
    decoding.max_alloc = Some(limits.bytes);
    decoder.set_limits(decoding).map_err(failed)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok(to_gray(path, picture)?.oriented(orientation))
}

/// The size of the picture after orientation.
pub(super) fn size(path: &Path, bytes: &[u8], format: ImageFormat, limits: &Limits) -> Result<Size, Error> {
    let mut decoder = decoder(path, bytes, format)?;
    let size = limits.check(path, decoder.dimensions())?;
    Ok(turned_size(size, decoder.orientation().unwrap_or(Orientation::NoTransforms)))
}

fn decoder<'a>(path: &Path, bytes: &'a [u8], format: ImageFormat) -> Result<impl ImageDecoder + 'a, Error> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    // The decoders have smaller limits by default; ours are checked separately.
    reader.no_limits();
    reader.into_decoder().map_err(|error| failed(path, format, error))
}

fn failed(path: &Path, format: ImageFormat, error: image::ImageError) -> Error {
    use image::ImageError;
    match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::broken(path, "image", format!("the {format:?} decoder reports: {error}"), WHOLE)
        }
        ImageError::IoError(_) => {
            Error::broken(path, "image", format!("the {format:?} data is truncated"), WHOLE)
        }
        ImageError::Limits(error) => {
            let limit = "the memory allowed for decoding".to_owned();
            Error::TooLarge { path: path.to_owned(), found: error.to_string(), limit }
        }
        ImageError::Unsupported(error) => Error::unsupported(
            path,
            format!("a {format:?} image of an unsupported variant ({error})"),
            CONVERT,
        ),
        error => Error::broken(path, "image", error, WHOLE),
    }
}

fn to_gray(path: &Path, picture: DynamicImage) -> Result<Decoded, Error> {
    let size = Size::new(picture.width() as usize, picture.height() as usize);
    let pixels = match picture {
        DynamicImage::ImageLuma8(pixels) => Pixels::Bytes(pixels.into_raw()),
        DynamicImage::ImageLuma16(pixels) => Pixels::Words(pixels.into_raw()),
        DynamicImage::ImageLumaA8(pixels) => Pixels::Bytes(pixels.pixels().map(|p| p.0[0]).collect()),
        DynamicImage::ImageLumaA16(pixels) => Pixels::Words(pixels.pixels().map(|p| p.0[0]).collect()),
        DynamicImage::ImageRgb8(pixels) => luma(pixels.pixels().map(|p| p.0.map(f32::from)), 255.0),
        DynamicImage::ImageRgb16(pixels) => luma(pixels.pixels().map(|p| p.0.map(f32::from)), 65535.0),
        DynamicImage::ImageRgba8(pixels) => {
            luma(pixels.pixels().map(|p| [p.0[0], p.0[1], p.0[2]].map(f32::from)), 255.0)
        }
        DynamicImage::ImageRgba16(pixels) => {
            luma(pixels.pixels().map(|p| [p.0[0], p.0[1], p.0[2]].map(f32::from)), 65535.0)
        }
        other => {
            let found = format!("a picture with pixel type {:?}", other.color());
            return Err(Error::unsupported(path, found, CONVERT));
        }
    };
    Ok(Decoded::new(size, pixels))
}
