use std::io::{self, Read, Seek};

use super::PthLimits;
use super::error::{PthErrorKind, quoted};
use super::legacy_container::LegacyContainer;
use super::pickle::Pickled;
use super::zip_container::ZipContainer;

/// Either of PyTorch's containers: a pickle, and storages by key.
pub(super) enum Container<R> {
    Zip(ZipContainer<R>),
    Legacy(LegacyContainer<R>),
}

impl<R: Read + Seek> Container<R> {
    /// Tells the container by its first bytes and reads its pickle.
    pub(super) fn open(mut reader: R, limits: &PthLimits) -> Result<(Self, Pickled), PthErrorKind> {
        let mut start = Vec::new();
        reader.by_ref().take(16).read_to_end(&mut start).map_err(PthErrorKind::Io)?;
        reader.rewind().map_err(PthErrorKind::Io)?;
        if start.starts_with(b"PK") {
            let (container, pickled) = ZipContainer::open(reader, limits)?;
            return Ok((Self::Zip(container), pickled));
        }
        match LegacyContainer::open(reader, limits)? {
            Some((container, pickled)) => Ok((Self::Legacy(container), pickled)),
            None => Err(PthErrorKind::NotACheckpoint { found: format!("\"{}\"", start.escape_ascii()) }),
        }
    }

    /// Whether elements are stored with the highest byte first.
    pub(super) fn is_big_endian(&self) -> bool {
        match self {
            Self::Zip(container) => container.is_big_endian(),
            Self::Legacy(_) => false,
        }
    }

    /// The `bytes` bytes of a storage. The caller has compared them with its limits.
    pub(super) fn storage(&mut self, key: &str, bytes: u64) -> Result<Vec<u8>, PthErrorKind> {
        match self {
            Self::Zip(container) => container.storage(key, bytes),
            Self::Legacy(container) => container.storage(key, bytes),
        }
    }
}

/// Reads a storage to the end of `reader`, which must come after `bytes` bytes. The container has checked that the
/// file is large enough to hold them.
pub(super) fn read_storage(reader: impl Read, key: &str, bytes: u64) -> Result<Vec<u8>, PthErrorKind> {
    let out_of_memory = || PthErrorKind::Io(io::ErrorKind::OutOfMemory.into());
    let mut data = Vec::new();
    data.try_reserve_exact(usize::try_from(bytes).map_err(|_| out_of_memory())?)
        .map_err(|_| out_of_memory())?;
    // One byte more, so that the end is reached, where zip compares the checksum.
    reader.take(bytes.saturating_add(1)).read_to_end(&mut data).map_err(PthErrorKind::from_io)?;
    let found = data.len() as u64;
    if found == bytes {
        Ok(data)
    } else {
        Err(PthErrorKind::StorageSize { storage: quoted(key), found, expected: bytes })
    }
}
