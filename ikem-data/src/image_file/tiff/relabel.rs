//! Rewriting of an image file directory (IFD), so that the decoder accepts a sample layout that it does not support.

use tiff::tags::Tag;

use super::file::File;

/// The field type of all values written, 32-bit integers.
const LONG: u16 = 4;

/// Changes to make to a file.
#[derive(Default)]
pub(super) struct Changes {
    /// New values for fields of the directory.
    pub(super) fields: Vec<(Tag, Vec<u32>)>,
    /// Data to append to the file.
    pub(super) appended: Vec<u8>,
}

impl Changes {
    /// Sets a field to one value.
    pub(super) fn set(&mut self, tag: Tag, value: u32) {
        self.fields.push((tag, vec![value]));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A copy of the file with these changes to the directory at `offset`. Fields that the directory lacks are not
    /// added. `None` if the directory is out of bounds.
    pub(super) fn applied_to(&self, bytes: &[u8], offset: u64) -> Option<Vec<u8>> {
        let file = File::new(bytes)?;
        let mut changed = Changed {
            bytes: [bytes, &self.appended].concat(),
            is_little: file.is_little(),
            is_big_tiff: file.is_big_tiff(),
        };
        for at in file.entry_offsets(usize::try_from(offset).ok()?)? {
            let tag = file.number(at, 2)?;
            if let Some((_, values)) = self.fields.iter().find(|(field, _)| u64::from(field.to_u16()) == tag)
            {
                changed.set(at, values)?;
            }
        }
        Some(changed.bytes)
    }
}

/// A file that is being changed.
struct Changed {
    bytes: Vec<u8>,
    is_little: bool,
    is_big_tiff: bool,
}

impl Changed {
    /// Replaces the values of the directory entry at `offset`.
    fn set(&mut self, offset: usize, values: &[u32]) -> Option<()> {
        let wide = if self.is_big_tiff { 8 } else { 4 };
        self.put(offset + 2, 2, LONG.into())?;
        self.put(offset + 4, wide, values.len() as u64)?;
        let mut at = offset + 4 + wide;
        // Values that do not fit in the entry are appended to the file.
        if 4 * values.len() > wide {
            let end = self.bytes.len();
            self.put(at, wide, end as u64)?;
            self.bytes.resize(end.checked_add(4 * values.len())?, 0);
            at = end;
        }
        values.iter().enumerate().try_for_each(|(index, &value)| self.put(at + 4 * index, 4, value.into()))
    }

    fn put(&mut self, offset: usize, length: usize, number: u64) -> Option<()> {
        let field = self.bytes.get_mut(offset..offset.checked_add(length)?)?;
        for (index, byte) in field.iter_mut().enumerate() {
            let shift = if self.is_little { index } else { length - 1 - index };
            *byte = (number >> (8 * shift)) as u8;
        }
        Some(())
    }
}
