use std::io::{Read, Seek};

use crate::error::PthErrorKind;
use crate::legacy_container::LegacyContainer;
use crate::limits::PthLimits;
use crate::pickle::Pickled;
use crate::zip_container::ZipContainer;

/// One of PyTorch's containers: a pickle, and storages by key.
pub(crate) enum Container<R> {
    Zip(ZipContainer<R>),
    Legacy(LegacyContainer<R>),
}

impl<R: Read + Seek> Container<R> {
    /// Recognises the container by its first bytes and reads its pickle.
    pub(crate) fn open(mut reader: R, limits: &PthLimits) -> Result<(Self, Pickled), PthErrorKind> {
        let mut start = Vec::new();
        reader.by_ref().take(16).read_to_end(&mut start).map_err(PthErrorKind::Io)?;
        reader.rewind().map_err(PthErrorKind::Io)?;
        if start.starts_with(b"PK") {
            let (container, pickled) = ZipContainer::open(reader, limits)?;
            return Ok((Self::Zip(container), pickled));
        }
        match LegacyContainer::open(reader, limits)? {
            Some((container, pickled)) => Ok((Self::Legacy(container), pickled)),
            None => Err(PthErrorKind::UnknownFormat { found: format!("\"{}\"", start.escape_ascii()) }),
        }
    }

    /// Whether elements are stored with the highest byte first.
    pub(crate) fn is_big_endian(&self) -> bool {
        match self {
            Self::Zip(container) => container.is_big_endian(),
            Self::Legacy(_) => false,
        }
    }

    /// The `bytes` bytes of a storage. The caller has compared them with its limits.
    pub(crate) fn storage(&mut self, key: &str, bytes: u64) -> Result<Vec<u8>, PthErrorKind> {
        match self {
            Self::Zip(container) => container.storage(key, bytes),
            Self::Legacy(container) => container.storage(key, bytes),
        }
    }
}
