//! A zero-copy reader for the elements of a data set (PS3.5, 7). Lengths are not trusted: one beyond the end of the
//! data is an error.

use super::tags::{ITEM, ITEM_END, SEQUENCE_END, Tag};

/// The deepest nesting of sequences accepted; real files stay below ten.
const DEEPEST: usize = 64;
/// The value representations with a four-byte length.
const LONG: [[u8; 2]; 13] =
    [*b"OB", *b"OD", *b"OF", *b"OL", *b"OV", *b"OW", *b"SQ", *b"SV", *b"UC", *b"UN", *b"UR", *b"UT", *b"UV"];

/// The encoding of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Whether elements state their value representation.
    pub(super) explicit: bool,
    pub(super) big_endian: bool,
}

impl Encoding {
    pub(super) const IMPLICIT: Self = Self { explicit: false, big_endian: false };
    pub(super) const EXPLICIT: Self = Self { explicit: true, big_endian: false };
}

/// The header of an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) tag: Tag,
    /// The value representation; `None` if the element does not state it.
    pub(super) kind: Option<[u8; 2]>,
    /// The length of the value in bytes; `None` if undefined.
    pub(super) length: Option<usize>,
}

/// An error in a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is truncated")]
    Early,
    #[error("its sequences are nested more than {DEEPEST} levels deep")]
    Nested,
    #[error("it has a delimiter without a sequence or an item to end")]
    Unopened,
}

/// A position in a data set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream<'a> {
    rest: &'a [u8],
    encoding: Encoding,
}

/// An open sequence or item.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Sequence,
    Item,
}

impl<'a> Stream<'a> {
    pub(super) const fn new(bytes: &'a [u8], encoding: Encoding) -> Self {
        Self { rest: bytes, encoding }
    }

    /// The bytes not read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (value, rest) = self.rest.split_at_checked(length).ok_or(Fault::Early)?;
        self.rest = rest;
        Ok(value)
    }

    /// Up to `length` bytes of the value.
    pub(super) fn take_at_most(&mut self, length: usize) -> &'a [u8] {
        let (value, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        value
    }

    fn short(&mut self) -> Result<u16, Fault> {
        let bytes = <[u8; 2]>::try_from(self.take(2)?).map_err(|_| Fault::Early)?;
        Ok(if self.encoding.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&mut self) -> Result<Option<usize>, Fault> {
        let bytes = <[u8; 4]>::try_from(self.take(4)?).map_err(|_| Fault::Early)?;
        let big = self.encoding.big_endian;
        let length = if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        Ok((length != u32::MAX).then_some(length as usize))
    }

    /// Reads the next header; `None` at the end. An element without a value representation in an explicit data set is
    /// read as implicit, since some writers mix the two.
    pub(super) fn header(&mut self) -> Result<Option<Header>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = Tag(self.short()?, self.short()?);
        let kind = self.rest.first_chunk::<2>().filter(|kind| kind.iter().all(u8::is_ascii_uppercase));
        let kind = kind.copied().filter(|_| self.encoding.explicit && tag.0 != ITEM.0);
        let Some(kind) = kind else {
            return Ok(Some(Header { tag, kind: None, length: self.long()? }));
        };
        self.take(2)?;
        let length = if LONG.contains(&kind) {
            self.take(2)?;
            self.long()?
        } else {
            Some(self.short()?.into())
        };
        Ok(Some(Header { tag, kind: Some(kind), length }))
    }

    /// Skips the value of `header`.
    pub(super) fn skip(&mut self, header: &Header) -> Result<(), Fault> {
        if let Some(length) = header.length {
            return self.take(length).map(drop);
        }
        let outside = self.encoding;
        let mut open = vec![(self.begins(header), outside)];
        while let Some((level, before)) = open.last().copied() {
            let inner = self.header()?.ok_or(Fault::Early)?;
            match (inner.tag, inner.length) {
                (ITEM_END, _) | (SEQUENCE_END, _) => {
                    let ends = if inner.tag == ITEM_END { Level::Item } else { Level::Sequence };
                    if ends != level {
                        return Err(Fault::Unopened);
                    }
                    self.encoding = before;
                    open.pop();
                }
                (_, Some(length)) => drop(self.take(length)?),
                (_, None) => {
                    let before = self.encoding;
                    open.push((self.begins(&inner), before));
                }
            }
            if open.len() > DEEPEST {
                return Err(Fault::Nested);
            }
        }
        Ok(())
    }

    /// Opens an element of undefined length. Sequences of unknown representation are implicit inside (PS3.5, 6.2.2).
    fn begins(&mut self, header: &Header) -> Level {
        if header.kind == Some(*b"UN") {
            self.encoding = Encoding::IMPLICIT;
        }
        if header.tag == ITEM { Level::Item } else { Level::Sequence }
    }

    /// The items of the sequence whose header was just read, each as a stream.
    pub(super) fn items(mut self, header: &Header) -> Vec<Self> {
        if let Some(length) = header.length {
            self.rest = self.take_at_most(length);
        }
        self.begins(header);
        let mut items = Vec::new();
        while let Ok(Some(item)) = self.header() {
            let start = self;
            if item.tag != ITEM || self.skip(&item).is_err() {
                break;
            }
            let length = start.rest.len() - self.rest.len();
            items.push(Self { rest: start.rest.get(..length).unwrap_or_default(), ..start });
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases differ in the layout of representation and length.
    #[test]
    fn headers_are_read_in_every_encoding() {
        let big = Encoding { explicit: true, big_endian: true };
        for (bytes, encoding, kind, length) in [
            (&b"\x28\0\x10\0US\x02\0"[..], Encoding::EXPLICIT, Some(*b"US"), Some(2)),
            (b"\0\x28\0\x10US\0\x02", big, Some(*b"US"), Some(2)),
            (b"\x28\0\x10\0\x02\0\0\0", Encoding::IMPLICIT, None, Some(2)),
            (b"\x28\0\x10\0\x02\0\0\0", Encoding::EXPLICIT, None, Some(2)),
            (b"\x28\0\x10\0OW\0\0\xff\xff\xff\xff", Encoding::EXPLICIT, Some(*b"OW"), None),
            (b"\x28\0\x10\0UT\0\0\x04\0\0\0", Encoding::EXPLICIT, Some(*b"UT"), Some(4)),
        ] {
            let header = Stream::new(bytes, encoding).header().ok().flatten();
            let header = header.unwrap_or_else(|| unreachable!("{bytes:?}"));
            assert_eq!((header.tag, header.kind, header.length), (Tag(0x28, 0x10), kind, length));
        }
        assert!(matches!(Stream::new(b"\x28\0\x10\0US\x02", Encoding::EXPLICIT).header(), Err(Fault::Early)));
        assert!(matches!(Stream::new(b"", Encoding::EXPLICIT).header(), Ok(None)));
    }
}
