//! A look at the directories before the decoder sees them: it multiplies the numbers of strips and tiles without a check.

use tiff::tags::Tag;

use super::file::File;

/// The most strips or tiles that a page may have: the decoder counts them in 32 bits.
const MOST_CHUNKS: u128 = u32::MAX as u128;

/// Whether one of the first `pages` pages claims more strips or tiles than can be counted.
pub(super) fn are_too_many(bytes: &[u8], pages: usize) -> bool {
    let Some(file) = File::new(bytes) else { return false };
    let mut directory = file.first_directory();
    for _ in 0..pages {
        let Some(offset) = directory.filter(|offset| *offset != 0) else { return false };
        if file.chunks(offset) > MOST_CHUNKS {
            return true;
        }
        directory = file.next_directory(offset);
    }
    false
}

impl File<'_> {
    /// The number of strips or tiles of a page, whichever are more.
    fn chunks(&self, directory: usize) -> u128 {
        // Of a field that is there twice, either value may be used.
        let largest =
            |tag: Tag, missing: u64| u128::from(self.values(directory, tag).max().unwrap_or(missing));
        let smallest =
            |tag: Tag, missing: u128| self.values(directory, tag).min().map_or(missing, u128::from).max(1);
        let (width, height) = (largest(Tag::ImageWidth, 0), largest(Tag::ImageLength, 0));
        let planes = largest(Tag::SamplesPerPixel, 1).max(1);
        let strips = height.div_ceil(smallest(Tag::RowsPerStrip, height));
        let tiles = width
            .div_ceil(smallest(Tag::TileWidth, width))
            .saturating_mul(height.div_ceil(smallest(Tag::TileLength, height)));
        strips.max(tiles).saturating_mul(planes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian file of one page with these fields of one 32-bit value each.
    fn file(fields: &[(Tag, u32)]) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((fields.len() as u16).to_le_bytes());
        for (tag, value) in fields {
            bytes.extend(tag.to_u16().to_le_bytes());
            bytes.extend([4, 0, 1, 0, 0, 0]);
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn more_strips_or_tiles_than_can_be_counted_are_noticed() {
        let film = |rows, samples| {
            file(&[
                (Tag::ImageWidth, 3000),
                (Tag::ImageLength, 4_000_000_000),
                (Tag::RowsPerStrip, rows),
                (Tag::SamplesPerPixel, samples),
            ])
        };
        assert!(!are_too_many(&film(1, 1), 1));
        assert!(!are_too_many(&film(2, 2), 1));
        assert!(are_too_many(&film(1, 2), 1));
        assert!(are_too_many(&film(0, 2), 1));
        let tiled = |side| {
            file(&[
                (Tag::ImageWidth, 70_000),
                (Tag::ImageLength, 70_000),
                (Tag::TileWidth, side),
                (Tag::TileLength, side),
            ])
        };
        assert!(!are_too_many(&tiled(2), 1));
        assert!(are_too_many(&tiled(1), 1));
        for cut in 0..film(1, 2).len() {
            are_too_many(&film(1, 2)[..cut], 1);
        }
    }
}
