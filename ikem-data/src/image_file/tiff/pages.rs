//! Selection of a page: a file may hold a film, a thumbnail of it, or several films.

use std::io::Cursor;
use std::path::Path;

use tiff::TiffError;
use tiff::decoder::Decoder;

use super::super::WHOLE;
use super::{LONGEST_VALUE, Reader, chunks, failed};
use crate::error::Error;
use crate::limits::Limits;

/// The most pages searched.
const MOST: usize = 256;

/// The selected page.
pub(super) struct Page {
    /// Its index, from 0.
    pub(super) number: usize,
    /// The number of pages found, at most [`MOST`].
    count: usize,
}

impl Page {
    /// A note for the user if there are other pages.
    pub(super) fn note(&self) -> Option<String> {
        let more = if self.count == MOST { " or more" } else { "" };
        let page = self.number + 1;
        (self.count > 1).then(|| format!("page {page} of {}{more} was used, the largest", self.count))
    }
}

/// Opens a file at its first page.
pub(super) fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Reader<'a>, TiffError> {
    let most = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
    let mut decoding = tiff::decoder::Limits::default();
    decoding.decoding_buffer_size = most;
    decoding.intermediate_buffer_size = most;
    decoding.ifd_value_size = most.min(LONGEST_VALUE);
    Ok(Decoder::new(Cursor::new(bytes))?.with_limits(decoding))
}

/// Opens a file at its largest page, the first if several are equal. Pages after a broken one are not searched.
pub(super) fn largest<'a>(
    path: &Path,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<(Reader<'a>, Page), Error> {
    let failed = |error| failed(path, error);
    if chunks::are_too_many(bytes, MOST) {
        return Err(Error::broken(
            path,
            "image",
            "a page has more strips or tiles than can be counted",
            WHOLE,
        ));
    }
    let mut reader = open(bytes, limits).map_err(failed)?;
    let area = |reader: &mut Reader| {
        reader.dimensions().map_or(0, |(width, height)| u64::from(width) * u64::from(height))
    };
    let (mut number, mut most) = (0, area(&mut reader));
    let mut count = 1;
    while count < MOST && reader.more_images() && reader.next_image().is_ok() {
        let found = area(&mut reader);
        if found > most {
            (number, most) = (count, found);
        }
        count += 1;
    }
    if count > 1 {
        reader.seek_to_image(number).map_err(failed)?;
    }
    Ok((reader, Page { number, count }))
}
