//! The sample layout of a page.

use std::path::Path;

use ikem_core::Size;
use tiff::tags::{CompressionMethod, PhotometricInterpretation, PlanarConfiguration, SampleFormat, Tag};

use super::super::WHOLE;
use super::super::kind::CONVERT;
use super::relabel::Changes;
use super::{Reader, failed};
use crate::error::Error;

/// The largest number of samples per pixel: CMYK, alpha and a few more.
const MOST_SAMPLES: u16 = 16;

/// The photometric interpretation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Colours {
    /// The first sample is grey.
    Grey,
    /// The first sample is grey, and 0 is white.
    Negative,
    /// The first sample is an index into a palette, given as luma 0…1.
    Palette(Vec<f32>),
    /// Red, green, blue.
    Rgb,
    /// Ink amounts.
    Cmyk,
    /// The first sample is luma.
    YCbCr,
}

/// The sample layout of a page.
pub(super) struct Layout {
    pub(super) colours: Colours,
    /// Bits per sample.
    pub(super) bits: u8,
    /// Samples per pixel, including alpha and others.
    pub(super) samples: u16,
    pub(super) format: SampleFormat,
    /// Whether samples are stored plane by plane.
    pub(super) planar: bool,
    pub(super) compression: CompressionMethod,
    /// Width and height of a tile; `None` for strips.
    pub(super) tile: Option<(u32, u32)>,
    area: u64,
}

impl Layout {
    /// Reads the layout of the page of `size` that `reader` is at.
    pub(super) fn read(path: &Path, reader: &mut Reader, size: Size) -> Result<Self, Error> {
        let number = |reader: &mut Reader, tag, default: u16| {
            let numbers = reader.find_tag_unsigned_vec::<u16>(tag).map_err(|error| failed(path, error))?;
            Ok::<_, Error>(numbers.and_then(|numbers| numbers.first().copied()).unwrap_or(default))
        };
        let compression = compression(path, number(reader, Tag::Compression, 1)?)?;
        let bits = number(reader, Tag::BitsPerSample, 1)?;
        let samples = number(reader, Tag::SamplesPerPixel, 1)?;
        let format = SampleFormat::from_u16_exhaustive(number(reader, Tag::SampleFormat, 1)?);
        let unsupported = |found: String| Err(Error::unsupported(path, found, CONVERT));
        let known = match format {
            SampleFormat::Uint => matches!(bits, 1..=16 | 32 | 64),
            SampleFormat::Int => matches!(bits, 8 | 16 | 32 | 64),
            SampleFormat::IEEEFP => matches!(bits, 16 | 32 | 64),
            // Undefined; read as integers, as libtiff does.
            SampleFormat::Void => matches!(bits, 1..=16),
            _ => false,
        };
        if !known || samples > MOST_SAMPLES {
            return unsupported(format!("a TIFF image with {samples} samples of {bits} bits ({format:?})"));
        }
        let bits = bits as u8;
        let planar = number(reader, Tag::PlanarConfiguration, 1)? == PlanarConfiguration::Planar.to_u16();
        let photometric = number(reader, Tag::PhotometricInterpretation, 0)?;
        let colours = match PhotometricInterpretation::from_u16(photometric) {
            Some(PhotometricInterpretation::BlackIsZero) => Colours::Grey,
            Some(PhotometricInterpretation::WhiteIsZero) => Colours::Negative,
            Some(PhotometricInterpretation::RGB) if samples >= 3 => Colours::Rgb,
            Some(PhotometricInterpretation::CMYK) if samples >= 4 => Colours::Cmyk,
            Some(PhotometricInterpretation::YCbCr) if samples >= 3 => Colours::YCbCr,
            Some(PhotometricInterpretation::RGBPalette) if bits <= 16 => palette(path, reader, bits)?,
            other => {
                return unsupported(match other {
                    Some(other) => format!("a TIFF image with {samples} samples a pixel ({other:?})"),
                    None => {
                        format!("a TIFF image with an unknown photometric interpretation ({photometric})")
                    }
                });
            }
        };
        let mut side = |tag| reader.find_tag_unsigned::<u32>(tag).map_err(|error| failed(path, error));
        let tile = side(Tag::TileWidth)?.zip(side(Tag::TileLength)?);
        Ok(Self { colours, bits, samples, format, planar, compression, tile, area: size.area() as u64 })
    }

    /// The size of the decoded samples in bytes, at least one byte per sample.
    pub(super) fn decoded_bytes(&self) -> u64 {
        let samples = self.area.saturating_mul(self.samples.into());
        samples.saturating_mul(u64::from(self.bits.max(8)).div_ceil(8))
    }

    /// Whether samples share bytes in a way that the decoder does not support.
    pub(super) const fn is_packed(&self) -> bool {
        !matches!(self.bits, 8 | 16 | 32 | 64)
    }

    /// Bytes per row of `width` pixels, for one plane if the layout is planar.
    pub(super) fn row_bytes(&self, width: u32) -> u64 {
        let samples = if self.planar { 1 } else { u64::from(self.samples) };
        (u64::from(width) * u64::from(self.bits) * samples).div_ceil(8)
    }

    /// Records how to relabel the directory so that the decoder reads the samples.
    ///
    /// Palette indices and negatives become plain grey, and packed samples become a wider row of bytes.
    pub(super) fn relabel(&self, size: Size, changes: &mut Changes) {
        let black_is_zero = u32::from(PhotometricInterpretation::BlackIsZero.to_u16());
        if matches!(self.colours, Colours::Negative | Colours::Palette(_)) {
            changes.set(Tag::PhotometricInterpretation, black_is_zero);
        }
        if self.format == SampleFormat::Void {
            changes.set(Tag::SampleFormat, u32::from(SampleFormat::Uint.to_u16()));
        }
        if self.is_packed() && (self.samples > 1 || !matches!(self.bits, 1 | 2 | 4)) {
            let bytes = |width: u32| u32::try_from(self.row_bytes(width)).unwrap_or(u32::MAX);
            changes.set(Tag::ImageWidth, bytes(u32::try_from(size.width).unwrap_or(u32::MAX)));
            changes.set(Tag::BitsPerSample, 8);
            changes.set(Tag::PhotometricInterpretation, black_is_zero);
            if !self.planar {
                changes.set(Tag::SamplesPerPixel, 1);
                changes.set(Tag::ExtraSamples, 0);
            }
            if let Some((width, _)) = self.tile {
                changes.set(Tag::TileWidth, bytes(width));
            }
        }
    }
}

/// The palette of a page as luma.
fn palette(path: &Path, reader: &mut Reader, bits: u8) -> Result<Colours, Error> {
    let broken = |found: String, expected: String| Error::broken(path, "image", found, expected);
    let colours = 1_usize << bits;
    let map = reader.find_tag_unsigned_vec::<u16>(Tag::ColorMap).map_err(|error| failed(path, error))?;
    let map = map.unwrap_or_default();
    if map.len() != 3 * colours {
        let found = format!("its palette has {} values", map.len());
        return Err(broken(found, format!("{} for {bits} bits", 3 * colours)));
    }
    // Many writers store 8-bit values, or shift them without repeating the bits.
    let full = match map.iter().copied().max() {
        Some(most) if most < 256 => 255.0,
        _ if map.iter().all(|value| value % 256 == 0) => 255.0 * 256.0,
        _ => 65535.0,
    };
    let channel = |channel: usize, colour: usize| map.get(channel * colours + colour).copied().unwrap_or(0);
    let colour = |colour| [0, 1, 2].map(|index| f32::from(channel(index, colour)));
    match crate::decoded::luma((0..colours).map(colour), full) {
        crate::decoded::Pixels::Values(luma) => Ok(Colours::Palette(luma)),
        _ => Err(broken("its palette is invalid".to_owned(), WHOLE.to_owned())),
    }
}

/// The compression method; an error with its name if it is not supported.
fn compression(path: &Path, compression: u16) -> Result<CompressionMethod, Error> {
    let known = [
        CompressionMethod::None,
        CompressionMethod::LZW,
        CompressionMethod::Deflate,
        CompressionMethod::OldDeflate,
        CompressionMethod::PackBits,
        CompressionMethod::ModernJPEG,
        CompressionMethod::Fax4,
    ];
    let method = CompressionMethod::from_u16_exhaustive(compression);
    if known.contains(&method) {
        return Ok(method);
    }
    let name = match compression {
        2 => "CCITT Huffman",
        3 => "CCITT group 3",
        6 => "old-style JPEG",
        9 | 10 | 34661 => "JBIG",
        34663 | 34715 => "JBIG2",
        32809 => "ThunderScan",
        33003 | 33004 | 33005 | 34712 => "JPEG 2000",
        34676 | 34677 => "SGI LogLuv",
        34887 => "LERC",
        34892 => "lossy JPEG (DNG)",
        34925 => "LZMA",
        34933 => "PNG",
        34934 => "JPEG XR",
        50000 | 34926 => "Zstandard",
        50001 | 34927 => "WebP",
        50002 | 52546 => "JPEG XL",
        _ => "an unknown compression",
    };
    let advice = "save it uncompressed or with LZW, or convert it to PNG";
    Err(Error::unsupported(path, format!("a TIFF image compressed with {name} ({compression})"), advice))
}
