//! JPEG beyond what `image` handles: lossless coding, unsupported codings and a missing end marker.

use std::path::Path;

use ikem_core::Size;
use image::ImageFormat;
use image::metadata::Orientation;

use super::kind::CONVERT;
use super::pixels::turned_size;
use super::{Decoded, Limits, Pixels, WHOLE, picture};
use crate::error::Error;

const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const RESTART_INTERVAL: u8 = 0xdd;
const LOSSLESS: u8 = 0xc3;
/// The number of DCT coefficients in a block.
const COEFFICIENTS: usize = 64;

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

/// Decodes JPEG data without an end marker; `None` if more than the marker is missing.
///
/// Decoders fill missing rows silently. Bytes after the last row change nothing, but bytes in place of missing rows do.
/// The picture is therefore decoded with two different tails, and the results must be the `same`.
pub(crate) fn decode_without_end<T, E>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<Option<T>, E> {
    if !has_all_scans(bytes) {
        return Ok(None);
    }
    // The first byte of the end marker may be left.
    let data = bytes.strip_suffix(&[0xff]).unwrap_or(bytes);
    // Decoders pad with zeros, so the noise must not start with zeros.
    let noise = (0_u32..2048).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x7f);
    let noise: Vec<u8> = [0x5a; 64].into_iter().chain(noise).collect();
    let with = |tail: &[u8]| decode(&[data, tail, &[0xff, END]].concat());
    let plain = with(&[])?;
    Ok(with(&noise).ok().filter(|noisy| same(&plain, noisy)).map(|_| plain))
}

/// Iterates over the marker segments up to the end marker: the marker and its payload, without entropy-coded data.
struct Segments<'a>(&'a [u8]);

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(bytes.get(2..).unwrap_or_default())
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Entropy-coded data extends to the next marker that is not a stuffed zero or a restart.
        let marks = |place: &usize| {
            self.0.get(place + 1).is_some_and(|marker| !matches!(marker, 0x00 | 0x01 | 0xd0..=0xd7 | 0xff))
        };
        let place = memchr::memchr_iter(0xff, self.0).find(marks)?;
        let (marker, after) = (*self.0.get(place + 1)?, self.0.get(place + 2..)?);
        let length = match (marker, after) {
            (END, _) => 0,
            (_, [high, low, ..]) => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return None,
        };
        self.0 = if marker == END { &[] } else { after.get(length..).unwrap_or_default() };
        Some((marker, after.get(2..length.max(2)).unwrap_or_default()))
    }
}

/// Whether a JPEG file has its end marker. Without one, decoders silently fill missing data with grey.
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    Segments::of(bytes).any(|(marker, _)| marker == END)
}

/// Whether the scans cover all bits of all coefficients of all components.
fn has_all_scans(bytes: &[u8]) -> bool {
    let mut missing: Vec<(u8, [u8; COEFFICIENTS])> = Vec::new();
    let mut lossless = false;
    for (marker, segment) in Segments::of(bytes) {
        match (marker, segment) {
            (_, [_, _, _, _, _, _, components @ ..]) if is_frame(marker) => {
                let ids = components.chunks_exact(3).filter_map(|component| component.first());
                lossless = marker == LOSSLESS;
                missing = ids.map(|&id| (id, [u8::MAX; COEFFICIENTS])).collect();
            }
            (SCAN, [count, rest @ ..]) => {
                let (components, rest) = rest.split_at(rest.len().min(2 * usize::from(*count)));
                let [first, last, bits, ..] = rest else { return false };
                // A lossless scan has its predictor in place of the first coefficient.
                let range = match lossless {
                    true => 0..COEFFICIENTS,
                    false => usize::from(*first)..(usize::from(*last) + 1).min(COEFFICIENTS),
                };
                for (id, left) in &mut missing {
                    if components.chunks_exact(2).any(|component| component.first() == Some(id)) {
                        left.get_mut(range.clone()).unwrap_or_default().fill(bits & 0x0f);
                    }
                }
            }
            _ => {}
        }
    }
    !missing.is_empty() && missing.iter().all(|(_, left)| left.iter().all(|bits| *bits == 0))
}

const fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xf7)
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

/// Whether lossless data has restarts or a point transform, which `jpeg-decoder` silently decodes wrong.
pub(crate) fn is_misread(bytes: &[u8]) -> bool {
    let restarts = Segments::of(bytes).any(|(marker, every)| marker == RESTART_INTERVAL && every != [0, 0]);
    let scan = Segments::of(bytes).find(|(marker, _)| *marker == SCAN);
    restarts || scan.and_then(|(_, scan)| scan.last()).is_some_and(|bits| bits & 0x0f != 0)
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
