//! The pixels as they are stored: plain, or a frame in fragments (PS3.5, A.4).

use std::borrow::Cow;

use super::data_set::PixelData;
use super::file::Coding;
use super::tags::ITEM;

/// What JPEG, JPEG-LS, JPEG 2000 data and JPEG 2000 files begin with.
const MAGICS: [&[u8]; 3] = [&[0xff, 0xd8, 0xff], &[0xff, 0x4f, 0xff, 0x51], b"\0\0\0\x0cjP  "];

/// Stored pixels in one piece.
pub(super) struct Stored<'a> {
    pub(super) coding: Coding,
    pub(super) bytes: Cow<'a, [u8]>,
}

/// Gathers the pixels of the one frame. How they are coded is seen by what they begin with; `coding` is what was said.
pub(super) fn gather<'a>(pixels: &PixelData<'a>, coding: Coding) -> Stored<'a> {
    let mut stream = pixels.stream;
    let in_items = |bytes: &[u8]| bytes.starts_with(&[0xfe, 0xff, 0x00, 0xe0]);
    match pixels.header.length {
        Some(length) => {
            let bytes = stream.take_at_most(length);
            if coding == Coding::Plain {
                return Stored { coding, bytes: Cow::Borrowed(bytes) };
            }
            // A length in place of a delimiter is against the standard, and so are compressed pixels without items.
            let bytes = if in_items(bytes) { joined(bytes) } else { Cow::Borrowed(bytes) };
            Stored { coding: seen(&bytes, coding), bytes }
        }
        None => {
            let bytes = joined(stream.rest());
            Stored { coding: seen(&bytes, coding), bytes }
        }
    }
}

/// The coding that data begin as, or that was said.
fn seen(bytes: &[u8], said: Coding) -> Coding {
    let [jpeg, codestream, file] = MAGICS.map(|magic| bytes.starts_with(magic));
    match bytes.get(3) {
        Some(0xf7) if jpeg => Coding::JpegLs,
        // A JPEG-LS header may begin with other markers, too.
        _ if jpeg && said != Coding::JpegLs => Coding::Jpeg,
        _ if codestream || file => Coding::Jpeg2000,
        _ => said,
    }
}

/// The fragments in one piece. The first item is a table of offsets, unless a frame begins there at once. What ends early is
/// taken as far as it reaches, since the frame itself tells whether it is whole.
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
