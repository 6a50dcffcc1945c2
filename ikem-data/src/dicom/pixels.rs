//! The stored pixel data: uncompressed, or one frame in fragments (PS3.5, A.4).

use std::borrow::Cow;

use super::data_set::PixelData;
use super::file::Coding;
use super::tags::ITEM;

/// The magic bytes of JPEG and JPEG-LS data, JPEG 2000 codestreams and JPEG 2000 files.
const MAGICS: [&[u8]; 3] = [&[0xff, 0xd8, 0xff], &[0xff, 0x4f, 0xff, 0x51], b"\0\0\0\x0cjP  "];

/// Stored pixel data in one piece.
pub(super) struct Stored<'a> {
    pub(super) coding: Coding,
    pub(super) bytes: Cow<'a, [u8]>,
}

/// Joins the pixel data of the frame. The magic bytes of the data override the transfer syntax's `coding`.
pub(super) fn gather<'a>(pixels: &PixelData<'a>, coding: Coding) -> Stored<'a> {
    let mut stream = pixels.stream;
    let in_items = |bytes: &[u8]| bytes.starts_with(&[0xfe, 0xff, 0x00, 0xe0]);
    match pixels.header.length {
        Some(length) => {
            let bytes = stream.take_at_most(length);
            if coding == Coding::Plain {
                return Stored { coding, bytes: Cow::Borrowed(bytes) };
            }
            // Encapsulated data with a defined length, or without items, violates the standard but occurs.
            let bytes = if in_items(bytes) { joined(bytes) } else { Cow::Borrowed(bytes) };
            Stored { coding: seen(&bytes, coding), bytes }
        }
        None => {
            let bytes = joined(stream.rest());
            Stored { coding: seen(&bytes, coding), bytes }
        }
    }
}

/// The coding that the magic bytes show, or else `said`.
fn seen(bytes: &[u8], said: Coding) -> Coding {
    let [jpeg, codestream, file] = MAGICS.map(|magic| bytes.starts_with(magic));
    match bytes.get(3) {
        Some(0xf7) if jpeg => Coding::JpegLs,
        // A JPEG-LS header may also begin with other markers.
        _ if jpeg && said != Coding::JpegLs => Coding::Jpeg,
        _ if codestream || file => Coding::Jpeg2000,
        _ => said,
    }
}

/// Joins the fragments. Skips the first item, the offset table, unless a frame begins in it. Truncation is left to the
/// decoder, which detects incomplete frames.
fn joined(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut rest = bytes;
    let mut fragments = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, length @ ..] = *head;
        if [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])] != [ITEM.0, ITEM.1] {
            break;
        }
        let length = (u32::from_le_bytes(length) as usize).min(tail.len());
        let (fragment, after) = tail.split_at(length);
        fragments.push(fragment);
        rest = after;
    }
    let begins = |fragment: &&[u8]| MAGICS.iter().any(|magic| fragment.starts_with(magic));
    let frame = if fragments.first().is_some_and(begins) { 0 } else { 1 };
    match fragments.get(frame..).unwrap_or_default() {
        [one] => Cow::Borrowed(one),
        several => Cow::Owned(several.concat()),
    }
}
