use std::io::{self, Read};

use crate::error::{PthErrorKind, quoted};

/// Reads a storage to the end of `reader`, which must have exactly `bytes` bytes. The container has checked that the
/// file is large enough.
pub(crate) fn read_storage(reader: impl Read, key: &str, bytes: u64) -> Result<Vec<u8>, PthErrorKind> {
    let out_of_memory = || PthErrorKind::Io(io::ErrorKind::OutOfMemory.into());
    let mut data = Vec::new();
    data.try_reserve_exact(usize::try_from(bytes).map_err(|_| out_of_memory())?)
        .map_err(|_| out_of_memory())?;
    // One byte more, so that the end is reached, where zip checks the checksum.
    reader.take(bytes.saturating_add(1)).read_to_end(&mut data).map_err(PthErrorKind::from_io)?;
    let found = data.len() as u64;
    if found == bytes {
        Ok(data)
    } else {
        Err(PthErrorKind::StorageSize { storage: quoted(key), found, expected: bytes })
    }
}
