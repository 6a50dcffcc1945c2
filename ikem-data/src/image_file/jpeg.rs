//! JPEG beyond what `image` handles: lossless coding, unsupported codings and a missing end marker.

use std::path::Path;

use ikem_core::Size;
use image::ImageFormat;
use image::metadata::Orientation;

use super::kind::CONVERT;
use super::{WHOLE, picture};
use crate::decoded::{Decoded, Pixels, turned_size};
use crate::error::Error;
use crate::jpeg_stream::{LOSSLESS, SCAN, Segments, decode_without_end, has_end, is_frame, is_misread};
use crate::limits::Limits;

/// Decodes a JPEG picture.
pub(super) fn decode(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let lossless = is_lossless(path, bytes)?;
    let decode = |bytes: &[u8]| match lossless {
        true => decode_lossless(path, bytes, limits),
        false => picture::decode(path, bytes, ImageFormat::Jpeg, limits),
    };
    if has_end(bytes) {
        return decode(bytes);
    }
    let same = |a: &Decoded, b: &Decoded| a.size == b.size && a.pixels == b.pixels;
    decode_without_end(bytes, decode, same)?
        .ok_or_else(|| Error::broken(path, "image", "the JPEG data is truncated", WHOLE))
}

/// The size of the picture after orientation.
pub(super) fn size(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Size, Error> {
    if !is_lossless(path, bytes)? {
        return picture::size(path, bytes, ImageFormat::Jpeg, limits);
    }
    let decoder = lossless_decoder(path, bytes)?;
    Ok(turned_size(lossless_size(path, &decoder, limits)?, orientation(&decoder)))
}

/// Whether the coding is lossless; an error for an unsupported coding.
fn is_lossless(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    let unsupported = |found: &str| Err(Error::unsupported(path, found, CONVERT));
    let mut frame = Segments::of(bytes).take_while(|(marker, _)| *marker != SCAN);
    let Some((marker, segment)) = frame.find(|(marker, _)| is_frame(*marker)) else { return Ok(false) };
    let bits = segment.first().copied().unwrap_or(8);
    match marker {
        LOSSLESS => match is_misread(bytes) || segment.get(5) != Some(&1) {
            true => unsupported("a lossless JPEG picture with colour, restarts or a point transform"),
            false => Ok(true),
        },
        0xf7 => unsupported("a JPEG-LS picture"),
        0xc5..=0xc7 | 0xcd..=0xcf => unsupported("a hierarchical JPEG picture"),
        0xc9..=0xcb => unsupported("an arithmetic-coded JPEG picture"),
        _ if bits != 8 => unsupported(&format!("a JPEG picture with {bits} bits")),
        _ => Ok(false),
    }
}

type LosslessDecoder<'a> = jpeg_decoder::Decoder<&'a [u8]>;

fn lossless_decoder<'a>(path: &Path, bytes: &'a [u8]) -> Result<LosslessDecoder<'a>, Error> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info().map_err(|error| lossless_failed(path, &error))?;
    Ok(decoder)
}

/// The size of the picture before orientation.
fn lossless_size(path: &Path, decoder: &LosslessDecoder, limits: &Limits) -> Result<Size, Error> {
    let info = decoder.info();
    let info = info.ok_or_else(|| Error::broken(path, "image", "the JPEG data has no header", WHOLE))?;
    let size = limits.check(path, (info.width.into(), info.height.into()))?;
    // Memory per pixel for samples, prediction differences and bytes.
    limits.check_bytes(path, size.area() as u64 * 8)?;
    Ok(size)
}

fn orientation(decoder: &LosslessDecoder) -> Orientation {
    decoder.exif_data().and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

fn decode_lossless(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let mut decoder = lossless_decoder(path, bytes)?;
    let size = lossless_size(path, &decoder, limits)?;
    let decoded = decoder.decode().map_err(|error| lossless_failed(path, &error))?;
    let mut frames = Segments::of(bytes).filter(|(marker, _)| is_frame(*marker));
    let bits = frames.next().and_then(|(_, frame)| frame.first().copied()).unwrap_or(8);
    let full = ((1_u32 << bits.min(16)) - 1) as f32;
    let words = decoded.chunks_exact(2).filter_map(|pair| Some(u16::from_ne_bytes(pair.try_into().ok()?)));
    let pixels = match bits {
        16 => Pixels::Words(words.collect()),
        8 => Pixels::Bytes(decoded),
        _ => Pixels::Values(words.map(|word| (f32::from(word) / full).min(1.0)).collect()),
    };
    Ok(Decoded::new(size, pixels).oriented(orientation(&decoder)))
}

fn lossless_failed(path: &Path, error: &jpeg_decoder::Error) -> Error {
    match error {
        jpeg_decoder::Error::Unsupported(feature) => {
            Error::unsupported(path, format!("a JPEG picture with {feature:?}"), CONVERT)
        }
        error => Error::broken(path, "image", format!("the JPEG decoder reports: {error}"), WHOLE),
    }
}
