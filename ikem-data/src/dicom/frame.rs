//! The samples of a frame, decoded.
//!
//! The decoders of dicom-pixeldata trust that compressed data hold what the elements say, and stop the program where they do
//! not. So what the data claim is compared first.

use dicom_pixeldata::{DecodedPixelData, PixelDecoder};
use ikem_core::Size;

use super::elements::{Coding, Elements};
use super::{BITS_ALLOCATED, KIND, NUMBER_OF_FRAMES, PHOTOMETRIC_INTERPRETATION, SAMPLES_PER_PIXEL};
use crate::Error;
use crate::image_file::{Limits, jpeg_has_end};

/// Segments that the header of an RLE frame has room for.
const SEGMENTS: usize = 15;

/// What a frame should hold.
#[derive(Debug, Clone, Copy)]
struct Layout {
    size: Size,
    samples: usize,
    /// Of a sample.
    bytes: usize,
}

impl Layout {
    fn new(elements: &Elements, size: Size, limits: &Limits) -> Result<Self, Error> {
        let samples = elements.integer(SAMPLES_PER_PIXEL).unwrap_or(1) as usize;
        let bits = elements.integer(BITS_ALLOCATED).ok_or_else(|| elements.missing("bits allocated"))?;
        let frames = elements.text(NUMBER_OF_FRAMES).unwrap_or_default();
        if !matches!(samples, 1 | 3) || !matches!(bits, 8 | 16) {
            let found = format!("its pixels have {samples} samples of {bits} bits");
            return Err(elements.broken(found, "1 or 3 samples of 8 or 16 bits"));
        }
        if !matches!(frames.as_str(), "" | "1") {
            return Err(elements.broken(format!("it has {frames:?} frames"), "one"));
        }
        let colours = elements.text(PHOTOMETRIC_INTERPRETATION).unwrap_or_default();
        // Only JPEG's decoder turns other colours into RGB; that of RLE just says so.
        if samples == 3 && elements.coding != Coding::Jpeg && colours != "RGB" {
            return Err(elements.broken(format!("its pixels are {colours:?} of 3 samples"), "RGB"));
        }
        let layout = Self { size, samples, bytes: bits as usize / 8 };
        let decoded = layout.length() as u64;
        if decoded > limits.bytes {
            let (found, limit) = (format!("{decoded} bytes of pixels"), format!("{} bytes", limits.bytes));
            return Err(Error::TooLarge { path: elements.path().to_owned(), found, limit });
        }
        Ok(layout)
    }

    fn length(&self) -> usize {
        self.size.area() * self.samples * self.bytes
    }
}

/// Decodes the frame of `elements`, a picture of `size`.
pub(super) fn decode(
    elements: Elements,
    size: Size,
    limits: &Limits,
) -> Result<DecodedPixelData<'static>, Error> {
    let layout = Layout::new(&elements, size, limits)?;
    let expected = format!("those of {size}, {} samples of {} bits", layout.samples, 8 * layout.bytes);
    let path = elements.path();
    let broken = |found: String| Error::broken(path, KIND, found, expected.clone());
    match elements.coding {
        Coding::Plain if elements.pixels.len() < layout.length() => {
            let (is, should) = (elements.pixels.len(), layout.length());
            Err(broken(format!("its pixels end early, with {is} bytes of {should}")))
        }
        Coding::Plain => Ok(()),
        Coding::Rle => rle_fits(&elements.pixels, layout).map_err(broken),
        Coding::Jpeg => jpeg_fits(&elements.pixels, layout).map_err(broken),
    }?;
    let object = elements.into_object()?;
    let decoded = object.decode_pixel_data_frame(0);
    let decoded = decoded.map_err(|error| broken(format!("its pixels: {}", chain(&error))))?;
    match decoded.data().len() {
        length if length == layout.length() => Ok(decoded.to_owned()),
        length => Err(broken(format!("its pixels are {length} bytes"))),
    }
}

/// What an error says, and why.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether JPEG data are of the layout's size.
fn jpeg_fits(data: &[u8], layout: Layout) -> Result<(), String> {
    let mut decoder = jpeg_decoder::Decoder::new(data);
    decoder.read_info().map_err(|error| format!("its JPEG data: {error}"))?;
    let info = decoder.info().ok_or("its JPEG data have no header")?;
    let size = Size::new(info.width.into(), info.height.into());
    let bytes = info.pixel_format.pixel_bytes();
    if size != layout.size || bytes != layout.samples * layout.bytes {
        return Err(format!("its JPEG data are {size} with {bytes} bytes a pixel"));
    }
    // The decoder fills what is missing with grey.
    if jpeg_has_end(data) { Ok(()) } else { Err("its JPEG data end early".to_owned()) }
}

/// Whether RLE data have a segment for each byte of a pixel, each of which unpacks to the layout's area.
fn rle_fits(data: &[u8], layout: Layout) -> Result<(), String> {
    let word = |place: usize| -> Option<usize> {
        let bytes = data.get(4 * place..4 * place + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let segments = word(0).filter(|_| data.len() > 4 * SEGMENTS).ok_or("its RLE data end early")?;
    if segments != layout.samples * layout.bytes {
        return Err(format!("its RLE data have {segments} segments"));
    }
    for segment in 1..=segments {
        let end = if segment == segments { Some(data.len()) } else { word(segment + 1) };
        let range = word(segment).zip(end).and_then(|(start, end)| data.get(start..end));
        let packed =
            range.ok_or_else(|| format!("segment {segment} of its RLE data lies outside of them"))?;
        let (unpacked, area) = (unpacked_length(packed), layout.size.area());
        // Some writers end a segment with a byte or a run too many.
        if !(area..=area + 256).contains(&unpacked) {
            return Err(format!("segment {segment} of its RLE data has {unpacked} bytes"));
        }
    }
    Ok(())
}

/// How many bytes a segment of RLE data becomes (PS3.5 G.3).
fn unpacked_length(packed: &[u8]) -> usize {
    let (mut place, mut length) = (0, 0);
    while let Some(&control) = packed.get(place) {
        place += 1;
        match control {
            0..=127 => {
                let run = usize::from(control) + 1;
                length += run.min(packed.len() - place.min(packed.len()));
                place += run;
            }
            128 => {}
            129..=255 => {
                length += 257 - usize::from(control);
                place += 1;
            }
        }
    }
    length
}
