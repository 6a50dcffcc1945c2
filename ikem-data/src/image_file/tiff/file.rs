//! The bytes of a TIFF file, read by its byte order and version.

use tiff::tags::Tag;

/// A file with its byte order and version.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    bytes: &'a [u8],
    is_little: bool,
    is_big_tiff: bool,
}

impl<'a> File<'a> {
    /// `None` unless the bytes begin as those of a TIFF file do.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let is_little = bytes.starts_with(b"II");
        let file = Self { bytes, is_little, is_big_tiff: bytes.get(2..4)?.contains(&43) };
        (is_little || bytes.starts_with(b"MM")).then_some(file)
    }

    pub(super) const fn is_little(&self) -> bool {
        self.is_little
    }

    pub(super) const fn is_big_tiff(&self) -> bool {
        self.is_big_tiff
    }

    /// An unsigned number of up to eight bytes.
    pub(super) fn number(&self, offset: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(offset..offset.checked_add(length)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    /// Where the first directory is.
    pub(super) fn first_directory(&self) -> Option<usize> {
        let number = if self.is_big_tiff { self.number(8, 8) } else { self.number(4, 4) };
        usize::try_from(number?).ok()
    }

    /// Where the directory after the one at `offset` is; 0 after the last.
    pub(super) fn next_directory(&self, offset: usize) -> Option<usize> {
        let entries = self.entries(offset)?;
        let number = self.number(entries.end, if self.is_big_tiff { 8 } else { 4 });
        usize::try_from(number?).ok()
    }

    /// Where the entries of the directory at `offset` are.
    pub(super) fn entry_offsets(&self, offset: usize) -> Option<impl Iterator<Item = usize> + use<>> {
        Some(self.entries(offset)?.step_by(self.entry()))
    }

    /// The bytes that the entries of the directory at `offset` take.
    fn entries(&self, offset: usize) -> Option<std::ops::Range<usize>> {
        let header = if self.is_big_tiff { 8 } else { 2 };
        let count = usize::try_from(self.number(offset, header)?).ok()?.min(usize::from(u16::MAX));
        let first = offset.checked_add(header)?;
        Some(first..first.checked_add(count.checked_mul(self.entry())?)?)
    }

    /// The length of an entry.
    const fn entry(&self) -> usize {
        if self.is_big_tiff { 20 } else { 12 }
    }

    /// The first value of each entry for `tag` in the directory at `offset`, of those that are kept in the entry.
    pub(super) fn values(&self, offset: usize, tag: Tag) -> impl Iterator<Item = u64> + use<'a> {
        let file = *self;
        let entries = file.entry_offsets(offset).into_iter().flatten();
        entries.filter_map(move |at| {
            if file.number(at, 2)? != u64::from(tag.to_u16()) {
                return None;
            }
            let length = match file.number(at.checked_add(2)?, 2)? {
                1 => 1,
                3 => 2,
                4 | 13 => 4,
                16 | 18 => 8,
                _ => return None,
            };
            file.number(at.checked_add(if file.is_big_tiff { 12 } else { 8 })?, length)
        })
    }
}
