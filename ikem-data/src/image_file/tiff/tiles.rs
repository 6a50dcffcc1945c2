//! LZW-compressed tiles.
//!
//! The decoder reads tiles row by row, and its LZW reader may then lose the last bytes of a tile. Tiles are therefore
//! decompressed here and appended to the file uncompressed.

use std::path::Path;

use tiff::tags::{CompressionMethod, Tag};
use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

use super::super::WHOLE;
use super::layout::Layout;
use super::relabel::Changes;
use super::{Reader, failed};
use crate::error::Error;
use crate::limits::Limits;

/// Decompresses LZW tiles of the file `bytes` and records the changes; does nothing for other layouts.
pub(super) fn unpack(
    path: &Path,
    bytes: &[u8],
    reader: &mut Reader,
    layout: &Layout,
    limits: &Limits,
    changes: &mut Changes,
) -> Result<(), Error> {
    let Some((width, height)) = layout.tile.filter(|_| layout.compression == CompressionMethod::LZW) else {
        return Ok(());
    };
    let mut list = |tag| {
        let numbers = reader.find_tag_unsigned_vec::<u64>(tag).map_err(|error| failed(path, error))?;
        Ok::<_, Error>(numbers.unwrap_or_default())
    };
    let (offsets, lengths) = (list(Tag::TileOffsets)?, list(Tag::TileByteCounts)?);
    let length = layout.row_bytes(width).saturating_mul(height.into());
    let all = length.saturating_mul(offsets.len() as u64);
    limits.check_bytes(path, all)?;
    let early = || Error::broken(path, "image", "the TIFF data is truncated", WHOLE);
    let part = |offset: u64, length: u64| {
        let start = usize::try_from(offset).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    };
    let mut places = Vec::with_capacity(offsets.len());
    for (&offset, &packed) in offsets.iter().zip(&lengths) {
        let place = bytes.len() + changes.appended.len();
        places.push(u32::try_from(place).map_err(|_| early())?);
        let tile = part(offset, packed).and_then(|packed| unpacked(packed, usize::try_from(length).ok()?));
        changes.appended.extend(tile.ok_or_else(early)?);
    }
    let length = u32::try_from(length).map_err(|_| early())?;
    changes.fields.push((Tag::TileByteCounts, vec![length; places.len()]));
    changes.fields.push((Tag::TileOffsets, places));
    changes.set(Tag::Compression, CompressionMethod::None.to_u16().into());
    Ok(())
}

/// The first `length` decompressed bytes of a tile; `None` if it is broken or holds fewer.
fn unpacked(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut out = vec![0; length];
    let (mut read, mut written) = (0, 0);
    while written < length {
        let result = decoder.decode_bytes(packed.get(read..)?, out.get_mut(written..)?);
        read += result.consumed_in;
        written += result.consumed_out;
        match result.status.ok()? {
            LzwStatus::Ok if result.consumed_in + result.consumed_out > 0 => {}
            _ => break,
        }
    }
    (written == length).then_some(out)
}
