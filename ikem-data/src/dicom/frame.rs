//! Decoding of the frame's samples.
//!
//! Sizes claimed by compressed data are checked against the data elements before memory is allocated.

use std::borrow::Cow;

use ikem_core::Size;

use super::codecs::{self, Expected};
use super::data_set::DataSet;
use super::file::Coding;
use super::pixels::{Stored, gather};
use super::rle;
use super::source::Source;
use super::tags::{
    BITS_ALLOCATED, BITS_STORED, COLUMNS, HIGH_BIT, NUMBER_OF_FRAMES, PHOTOMETRIC_INTERPRETATION, PIXEL_DATA,
    PIXEL_REPRESENTATION, PLANAR_CONFIGURATION, ROWS, SAMPLES_PER_PIXEL,
};
use crate::error::Error;
use crate::limits::Limits;

/// Photometric interpretation: what the samples mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Photometric {
    /// The lowest value is white.
    Monochrome1,
    /// The lowest value is black.
    Monochrome2,
    /// Indices into three lookup tables.
    Palette,
    Rgb,
    /// Luma and two chroma samples per pixel.
    Ybr,
    /// Like `Ybr`, but two neighbouring pixels share their chroma: luma, luma, chroma, chroma.
    Ybr422,
}

/// A decoded frame.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) photometric: Photometric,
    /// Bytes per sample.
    pub(super) bytes: usize,
    pub(super) big_endian: bool,
    /// Bits stored and the high bit.
    pub(super) stored: u32,
    pub(super) high: u32,
    /// Whether samples are signed.
    pub(super) signed: bool,
    /// Whether samples are stored plane by plane instead of interleaved.
    pub(super) planar: bool,
    pub(super) data: Cow<'a, [u8]>,
}

/// The size of the picture, checked against the limits.
pub(super) fn size(source: Source<'_>, data: &DataSet<'_>, limits: &Limits) -> Result<Size, Error> {
    let side = |tag, name| {
        let side = data.integer(tag).and_then(|side| u32::try_from(side).ok());
        side.filter(|&side| side <= u32::from(u16::MAX)).ok_or_else(|| source.missing(name))
    };
    limits.check(source.0, (side(COLUMNS, "columns")?, side(ROWS, "rows")?))
}

/// What the data elements say about the frame.
#[derive(Debug, Clone, Copy)]
struct Layout {
    size: Size,
    samples: usize,
    /// Bits allocated per sample, if stated.
    bits: Option<i64>,
    photometric: Photometric,
}

impl Layout {
    fn new(source: Source<'_>, data: &DataSet<'_>, size: Size) -> Result<Self, Error> {
        let name = data.text(PHOTOMETRIC_INTERPRETATION).unwrap_or_default().to_ascii_uppercase();
        let samples = data.integer(SAMPLES_PER_PIXEL).unwrap_or(match name.as_str() {
            "RGB" => 3,
            name if name.starts_with("YBR") => 3,
            _ => 1,
        });
        let photometric = match (name.as_str(), samples) {
            ("MONOCHROME1", 1) => Photometric::Monochrome1,
            ("MONOCHROME2" | "", 1) => Photometric::Monochrome2,
            ("PALETTE COLOR", 1) => Photometric::Palette,
            // The JPEG 2000 decoder converts these to RGB.
            ("RGB" | "" | "YBR_RCT" | "YBR_ICT", 3) => Photometric::Rgb,
            ("YBR_FULL", 3) => Photometric::Ybr,
            ("YBR_FULL_422", 3) => Photometric::Ybr422,
            _ => {
                let found = format!("a DICOM file with pixels of type {name} and {samples} samples a pixel");
                return Err(source.unsupported(found, "convert it to MONOCHROME2 or RGB"));
            }
        };
        if let Some(frames @ 2..) = data.integer_text(NUMBER_OF_FRAMES) {
            let found = format!("a DICOM file with {frames} frames");
            return Err(source.unsupported(found, "save the frame you need as a separate file"));
        }
        let bits = data.integer(BITS_ALLOCATED);
        if let Some(bits) = bits.filter(|bits| !matches!(bits, 8 | 16)) {
            let found = format!("a DICOM file with {bits} bits a sample");
            return Err(source.unsupported(found, "convert it to 8 or 16 bits"));
        }
        Ok(Self { size, samples: samples as usize, bits, photometric })
    }

    /// The length of uncompressed pixel data with `bytes` bytes per sample.
    fn length(&self, bytes: usize) -> usize {
        // Two pixels of a row share two chroma samples.
        let samples = if self.photometric == Photometric::Ybr422 { 2 } else { self.samples };
        self.size.area() * samples * bytes
    }

    /// The bytes per sample. If the file does not state them, they follow from the length of uncompressed data or the
    /// number of RLE segments; other decoders report the depth themselves, at most 2 bytes.
    fn bytes(&self, source: Source<'_>, stored: &Stored<'_>) -> Result<usize, Error> {
        let missing = || source.missing("bits allocated");
        match (self.bits, stored.coding) {
            (Some(bits), _) => Ok(bits as usize / 8),
            (None, Coding::Plain) => {
                // An odd length is padded to an even one.
                let fits = |bytes: &usize| {
                    (self.length(*bytes)..=self.length(*bytes) + 1).contains(&stored.bytes.len())
                };
                [2, 1].into_iter().find(fits).ok_or_else(missing)
            }
            (None, Coding::Rle) => {
                let segments = stored.bytes.first().map_or(0, |&segments| usize::from(segments));
                [1, 2].into_iter().find(|bytes| bytes * self.samples == segments).ok_or_else(missing)
            }
            (None, _) => Ok(2),
        }
    }
}

/// Decodes the frame of a data set, a picture of `size`.
pub(super) fn decode<'a>(
    source: Source<'_>,
    data: &DataSet<'a>,
    coding: Coding,
    size: Size,
    limits: &Limits,
) -> Result<Frame<'a>, Error> {
    let early = || source.broken("it ends before its pixel data", format!("pixels of {size}"));
    let pixels = data.pixels.as_ref().ok_or_else(early)?;
    if pixels.header.tag != PIXEL_DATA {
        let advice = "convert it to 16-bit integers";
        return Err(source.unsupported("a DICOM file with floating-point pixels", advice));
    }
    let layout = Layout::new(source, data, size)?;
    let stored = gather(pixels, coding);
    let bytes = layout.bytes(source, &stored)?;
    let decoded = (layout.size.area() * layout.samples * bytes) as u64;
    if decoded > limits.bytes {
        return Err(source.too_large(format!("{decoded} bytes of pixels"), limits));
    }
    let mut frame = Frame {
        photometric: layout.photometric,
        bytes,
        big_endian: false,
        stored: 0,
        high: 0,
        signed: data.integer(PIXEL_REPRESENTATION) == Some(1),
        planar: data.integer(PLANAR_CONFIGURATION) == Some(1),
        data: Cow::Borrowed(&[]),
    };
    let expected = || format!("{size}, {} samples a pixel of {} bits", layout.samples, 8 * bytes);
    match stored.coding {
        Coding::Plain => {
            frame.big_endian = data.encoding().big_endian;
            frame.data = plain(
                stored.bytes,
                layout.length(bytes),
                frame.big_endian && bytes == 1 && pixels.header.kind == Some(*b"OW"),
            )
            .map_err(|found| source.broken(found, expected()))?;
        }
        Coding::Rle => {
            let planes = rle::unpack(&stored.bytes, size.area(), layout.samples, bytes);
            frame.data = Cow::Owned(planes.map_err(|found| source.broken(found, expected()))?);
            frame.planar = true;
            // RLE stores full planes, so chroma is not subsampled.
            if frame.photometric == Photometric::Ybr422 {
                frame.photometric = Photometric::Ybr;
            }
        }
        coding => compressed(source, &stored.bytes, coding, layout, &mut frame)?,
    }
    (frame.stored, frame.high) = depth(source, data, 8 * frame.bytes as i64)?;
    Ok(frame)
}

/// Decodes JPEG, JPEG-LS or JPEG 2000 data into `frame`, whose bytes per sample become those of the decoder.
fn compressed(
    source: Source<'_>,
    data: &[u8],
    coding: Coding,
    layout: Layout,
    frame: &mut Frame<'_>,
) -> Result<(), Error> {
    let (size, samples) = (layout.size, layout.samples);
    let wanted = Expected { size, samples, is_rgb: layout.photometric == Photometric::Rgb };
    let unpacked = codecs::unpack(source, data, coding, wanted)?;
    // Some writers state 16 bits for 8-bit data, but none the reverse.
    if unpacked.bytes > frame.bytes {
        let expected = format!("{size}, {samples} samples a pixel of {} bits", 8 * frame.bytes);
        return Err(source.broken(format!("its pixels have {} bits", 8 * unpacked.bytes), expected));
    }
    frame.bytes = unpacked.bytes;
    frame.planar = false;
    if samples == 3 {
        frame.photometric = Photometric::Rgb;
    }
    frame.data = Cow::Owned(unpacked.data);
    Ok(())
}

/// Bits stored and the high bit of samples with `bits` bits; all bits if the file does not say. Clamped to `bits` where
/// the decoder returned fewer bits than the file states.
fn depth(source: Source<'_>, data: &DataSet<'_>, bits: i64) -> Result<(u32, u32), Error> {
    let most = if data.integer(BITS_ALLOCATED).is_some_and(|said| said > bits) { bits } else { i64::MAX };
    let stored = data.integer(BITS_STORED).unwrap_or(bits).min(most);
    let high = data.integer(HIGH_BIT).unwrap_or(stored - 1).min(most - 1);
    if stored < 1 || high >= bits || stored > high + 1 {
        let found = format!("it says that bit {high} is the highest of {stored} bits stored");
        return Err(source.broken(found, format!("a subset of the bits 0…{}", bits - 1)));
    }
    Ok((stored as u32, high as u32))
}

/// Uncompressed samples without trailing bytes; `swapped` if pairs of bytes are in the opposite byte order.
fn plain(bytes: Cow<'_, [u8]>, length: usize, swapped: bool) -> Result<Cow<'_, [u8]>, String> {
    let early = || format!("its pixel data is truncated to {} of {length} bytes", bytes.len());
    if swapped {
        let swap = |pair: &[u8]| pair.iter().rev().copied().collect::<Vec<_>>();
        let mut swapped: Vec<u8> = bytes.chunks(2).flat_map(swap).collect();
        swapped.truncate(length);
        return if swapped.len() < length { Err(early()) } else { Ok(Cow::Owned(swapped)) };
    }
    match bytes {
        Cow::Borrowed(all) => all.get(..length).map(Cow::Borrowed).ok_or_else(early),
        Cow::Owned(ref all) => all.get(..length).map(|all| Cow::Owned(all.to_vec())).ok_or_else(early),
    }
}
