//! TIFF files, in nearly any sample layout.
//!
//! Data flow: [`chunks`] refuses what the decoder would overflow on, [`pages`] selects the largest page, [`layout`]
//! reads its sample layout and rejects unsupported ones,
//! [`relabel`] disguises layouts that the decoder does not know as ones that it does, [`tiles`] decompresses LZW tiles
//! that it would misread, [`grey`] converts the samples to grey values.

mod chunks;
mod file;
mod grey;
mod layout;
mod pages;
mod relabel;
mod tiles;

use std::io::Cursor;
use std::path::Path;

use ikem_core::Size;
use image::metadata::Orientation;
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;

use super::WHOLE;
use super::kind::CONVERT;
use crate::decoded::{Decoded, turned_size};
use crate::error::Error;
use crate::limits::Limits;
use layout::Layout;
use relabel::Changes;

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

/// The largest value of a directory field in bytes; the longest are lists of strips or tiles.
const LONGEST_VALUE: usize = 16 << 20;

/// Decodes the largest page, with a note if there are others.
pub(super) fn decode(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let (mut reader, page) = pages::largest(path, bytes, limits)?;
    let failed = |error| failed(path, error);
    let (width, height) = reader.dimensions().map_err(failed)?;
    let size = limits.check(path, (width, height))?;
    let orientation = orientation(&mut reader);
    let layout = Layout::read(path, &mut reader, size)?;
    limits.check_bytes(path, layout.decoded_bytes())?;
    let mut changes = Changes::default();
    layout.relabel(size, &mut changes);
    tiles::unpack(path, bytes, &mut reader, &layout, limits, &mut changes)?;
    let samples = if changes.is_empty() {
        read(&mut reader).map_err(failed)?
    } else {
        let offset = reader.ifd_pointer().map_or(0, |pointer| pointer.0);
        let changed = changes.applied_to(bytes, offset);
        let changed =
            changed.ok_or_else(|| Error::broken(path, "image", "its directory cannot be read", WHOLE))?;
        let mut reader = pages::open(&changed, limits).map_err(failed)?;
        reader.seek_to_image(page.number).map_err(failed)?;
        read(&mut reader).map_err(failed)?
    };
    let pixels = grey::pixels(path, size, &layout, samples)?;
    let decoded = Decoded { note: page.note(), ..Decoded::new(size, pixels) };
    Ok(decoded.oriented(orientation))
}

/// The size of the largest page after orientation.
pub(super) fn size(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Size, Error> {
    let (mut reader, _) = pages::largest(path, bytes, limits)?;
    let (width, height) = reader.dimensions().map_err(|error| failed(path, error))?;
    Ok(turned_size(limits.check(path, (width, height))?, orientation(&mut reader)))
}

fn orientation(reader: &mut Reader) -> Orientation {
    let exif: Option<u8> = reader.find_tag_unsigned(Tag::Orientation).ok().flatten();
    exif.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

/// Reads all samples of the page, plane by plane if the layout is planar.
fn read(reader: &mut Reader) -> Result<DecodingResult, TiffError> {
    let mut samples = DecodingResult::U8(Vec::new());
    let layout = reader.read_image_to_buffer(&mut samples)?;
    // If the limit is too small for all planes, the decoder reads only the first.
    match samples.as_buffer(0).byte_len() < layout.complete_len {
        true => Err(TiffError::LimitsExceeded),
        false => Ok(samples),
    }
}

fn failed(path: &Path, error: TiffError) -> Error {
    let broken = |found: String| Error::broken(path, "image", found, WHOLE);
    match error {
        TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            broken("the TIFF data is truncated".to_owned())
        }
        TiffError::UnsupportedError(found) => {
            Error::unsupported(path, format!("a TIFF image of an unsupported variant ({found})"), CONVERT)
        }
        TiffError::LimitsExceeded => {
            let (found, limit) = ("data that is too long", "the memory allowed for decoding");
            Error::TooLarge { path: path.to_owned(), found: found.to_owned(), limit: limit.to_owned() }
        }
        error => broken(format!("the TIFF decoder reports: {error}")),
    }
}
