//! DICOM radiographs (part 10 files): a single frame, monochrome or colour, uncompressed or compressed.
//!
//! Data flow: [`file`] locates the data set, [`data_set`] extracts the elements of the picture (over [`stream`],
//! without copying), [`frame`] checks them against the limits and decodes the pixels, [`grey`] and [`colour`] convert
//! samples to grey values. The reader tolerates errors in a file unless that would take a guess that changes the
//! picture.

mod codecs;
mod colour;
mod data_set;
mod file;
mod frame;
mod grey;
mod lookup;
mod pixels;
mod presence;
mod rle;
mod samples;
mod source;
mod spacing;
mod stream;
mod tags;
mod voi;

use std::path::Path;

use ikem_core::Size;

use crate::decoded::Decoded;
use crate::error::Error;
use crate::limits::Limits;
use data_set::{DataSet, Part};
pub(crate) use file::is_dicom;
use frame::Photometric;
use source::Source;

/// The size of the picture; reads only the elements before the pixel data.
pub(crate) fn size(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Size, Error> {
    let source = Source(path);
    let contents = file::open(source, bytes, limits)?;
    let data = read(source, &contents, Part::Size)?;
    frame::size(source, &data, limits)
}

/// The picture as grey values, with its pixel spacing and, if needed, a note for the user.
pub(crate) fn decode(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let source = Source(path);
    let contents = file::open(source, bytes, limits)?;
    let data = read(source, &contents, Part::Picture)?;
    let size = frame::size(source, &data, limits)?;
    let frame = frame::decode(source, &data, contents.coding, size, limits)?;
    let (pixels, padded) = match frame.photometric {
        Photometric::Monochrome1 | Photometric::Monochrome2 => grey::pixels(source, &data, &frame)?,
        Photometric::Palette => (colour::palette(source, &data, &frame)?, 0.0),
        Photometric::Rgb | Photometric::Ybr | Photometric::Ybr422 => {
            (colour::pixels(&frame, size.area()), 0.0)
        }
    };
    let notes: Vec<String> = padding_note(padded).into_iter().chain(spacing::note(&data)).collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(Decoded { size, pixels, spacing: spacing::spacing(&data), note })
}

/// A warning if padding covers enough of a picture to hide vertebrae.
fn padding_note(part: f64) -> Option<String> {
    /// Collimated films have less padding than this beyond the collimator edges.
    const MUCH: f64 = 0.1;
    let percent = (100.0 * part).round();
    (part >= MUCH).then(|| {
        format!("{percent} % of the picture is padding (Pixel Padding Value), shown black; points there are guesses")
    })
}

fn read<'a>(source: Source<'_>, contents: &'a file::Contents<'_>, part: Part) -> Result<DataSet<'a>, Error> {
    let data = DataSet::read(&contents.data, contents.encoding, part);
    let data = data.map_err(|fault| source.broken(fault, "a complete file"))?;
    presence::check(source, &data)?;
    Ok(data)
}
