//! JPEG, JPEG-LS and JPEG 2000 decoding.
//!
//! The decoders fill missing data with black or grey instead of failing, so truncated data is rejected here first. Each
//! gets a limit on its output.

use ikem_core::Size;
use openreadout_codecs::{
    CodecError, JpegColor, jpeg_decode_tiff_limited, jpeg_markers, jpeg2000_decode_limited,
    jpegls_decode_limited,
};

use super::file::{CONVERT, Coding};
use super::source::Source;
use crate::error::Error;
use crate::jpeg_stream::{decode_without_end, has_end, is_misread};

/// The end marker, the same in JPEG, JPEG-LS and JPEG 2000.
const END: [u8; 2] = [0xff, 0xd9];

/// What the data elements say about the compressed pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) size: Size,
    pub(super) samples: usize,
    /// Whether JPEG samples are RGB if the JPEG data itself does not say.
    pub(super) is_rgb: bool,
}

/// Decoded samples, interleaved by pixel.
pub(super) struct Unpacked {
    size: Size,
    samples: usize,
    /// Bytes per sample, 1 or 2; little-endian.
    pub(super) bytes: usize,
    pub(super) data: Vec<u8>,
}

/// Why compressed data cannot be decoded.
enum Failure {
    Unsupported(String),
    Broken(String),
}

impl From<CodecError> for Failure {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Unsupported { detail, .. } => Self::Unsupported(detail),
            error => Self::Broken(error.to_string()),
        }
    }
}

/// Decodes compressed data and checks that its size and number of samples are as `expected`.
pub(super) fn unpack(
    source: Source<'_>,
    data: &[u8],
    coding: Coding,
    expected: Expected,
) -> Result<Unpacked, Error> {
    let name = match coding {
        Coding::JpegLs => "JPEG-LS",
        Coding::Jpeg2000 => "JPEG 2000",
        _ => "JPEG",
    };
    let should = || format!("{}, {} samples a pixel", expected.size, expected.samples);
    let failed = |failure| match failure {
        Failure::Unsupported(found) => source
            .unsupported(format!("a DICOM file with an unsupported kind of {name} data ({found})"), CONVERT),
        Failure::Broken(found) => source.broken(format!("its {name} data: {found}"), should()),
    };
    let is_ended = match coding {
        Coding::Jpeg => has_end(data),
        // Some writers pad the data.
        _ => {
            let last = data.iter().rposition(|byte| !matches!(byte, 0 | 0xff));
            last.and_then(|last| data.get(..=last)).is_some_and(|data| data.ends_with(&END))
        }
    };
    let early = || Failure::Broken("truncated".to_owned());
    let unpacked = match coding {
        Coding::JpegLs if is_ended => jpeg_ls(data, expected),
        Coding::Jpeg2000 if is_ended => jpeg_2000(data, expected),
        Coding::Jpeg if is_ended => jpeg(data, expected),
        Coding::Jpeg => {
            let same = |a: &Unpacked, b: &Unpacked| a.data == b.data;
            let decoded = decode_without_end(data, |data| jpeg(data, expected), same);
            decoded.and_then(|decoded| decoded.ok_or_else(early))
        }
        _ => Err(early()),
    };
    let unpacked = unpacked.map_err(failed)?;
    if (unpacked.size, unpacked.samples) != (expected.size, expected.samples) {
        let found = format!("its {name} data has {}, {} samples a pixel", unpacked.size, unpacked.samples);
        return Err(source.broken(found, should()));
    }
    Ok(unpacked)
}

impl Expected {
    /// The largest output, in bytes: two per sample.
    fn limit(&self) -> usize {
        2 * self.size.area() * self.samples
    }
}

impl From<openreadout_codecs::Raster> for Unpacked {
    fn from(raster: openreadout_codecs::Raster) -> Self {
        Self {
            size: Size::new(raster.width as usize, raster.height as usize),
            samples: raster.channels as usize,
            bytes: raster.bits_per_sample as usize / 8,
            data: raster.data,
        }
    }
}

fn jpeg_ls(data: &[u8], expected: Expected) -> Result<Unpacked, Failure> {
    Ok(jpegls_decode_limited(data, expected.limit())?.into())
}

fn jpeg_2000(data: &[u8], expected: Expected) -> Result<Unpacked, Failure> {
    Ok(jpeg2000_decode_limited(data, expected.limit())?.into())
}

fn jpeg(data: &[u8], expected: Expected) -> Result<Unpacked, Failure> {
    if let Some(unpacked) = lossless(data, expected) {
        return unpacked;
    }
    let said = if expected.is_rgb { JpegColor::AsCoded } else { JpegColor::ToRgb };
    let colour = jpeg_markers(data, None)?.coded_color().unwrap_or(said);
    Ok(jpeg_decode_tiff_limited(data, None, colour, expected.limit())?.into())
}

/// Decodes lossless JPEG; `None` for other JPEG processes. No other decoder here supports all of its bit depths.
fn lossless(data: &[u8], expected: Expected) -> Option<Result<Unpacked, Failure>> {
    use jpeg_decoder::{CodingProcess, ColorTransform, Decoder, PixelFormat};
    let mut decoder = Decoder::new(data);
    decoder.read_info().ok()?;
    let info = decoder.info().filter(|info| info.coding_process == CodingProcess::Lossless)?;
    if is_misread(data) {
        return Some(Err(Failure::Unsupported("lossless, with restarts or a point transform".to_owned())));
    }
    let (samples, bytes) = match info.pixel_format {
        PixelFormat::L8 => (1, 1),
        PixelFormat::L16 => (1, 2),
        PixelFormat::RGB24 => (3, 1),
        PixelFormat::CMYK32 => (4, 1),
    };
    let size = Size::new(info.width.into(), info.height.into());
    if (size, samples) != (expected.size, expected.samples) {
        return Some(Ok(Unpacked { size, samples, bytes, data: Vec::new() }));
    }
    decoder.set_max_decoding_buffer_size(expected.limit());
    decoder.set_color_transform(if samples == 3 { ColorTransform::RGB } else { ColorTransform::None });
    let decoded = decoder.decode().map_err(|error| Failure::Broken(error.to_string()));
    Some(decoded.map(|data| {
        let data = if bytes == 1 {
            data
        } else {
            let words = data.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
            words.flat_map(|word| u16::from_ne_bytes(word).to_le_bytes()).collect()
        };
        Unpacked { size, samples, bytes, data }
    }))
}
