//! The container of PyTorch before 1.6: five pickles in sequence (magic number, protocol version, system information,
//! the objects, the keys of the storages), and then each storage as an i64 count of elements and its data. All numbers
//! are little-endian, whatever the machine of the writer.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use crate::error::{PthErrorKind, quoted};
use crate::limits::PthLimits;
use crate::pickle::{Pickled, read_pickle};
use crate::rebuild::storage_id;
use crate::storage::read_storage;
use crate::tensor::PthDType;
use crate::value::{Value, Values};

const MAGIC_NUMBER: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL_VERSION: i128 = 1001;

/// The most bytes of the pickles of the magic number and the version.
const MAX_HEADER_BYTES: u64 = 64;

/// A file whose pickles have been read.
pub(crate) struct LegacyContainer<R> {
    reader: BufReader<R>,
    /// The position of each storage's data, and its length in bytes.
    storages: HashMap<String, (u64, u64)>,
}

impl<R: Read + Seek> LegacyContainer<R> {
    /// Reads the pickles and finds the storages. `None` if the file does not begin with the magic number.
    pub(crate) fn open(reader: R, limits: &PthLimits) -> Result<Option<(Self, Pickled)>, PthErrorKind> {
        let mut reader = BufReader::new(reader);
        let length = reader.seek(SeekFrom::End(0)).map_err(PthErrorKind::Io)?;
        reader.rewind().map_err(PthErrorKind::Io)?;
        let header = PthLimits { max_pickle_bytes: MAX_HEADER_BYTES, ..*limits };
        match next_pickle(&mut reader, &header) {
            Ok(magic) if is_int(&magic, MAGIC_NUMBER) => {}
            Err(error @ PthErrorKind::Io(_)) => return Err(error),
            _ => return Ok(None),
        }
        let position = reader.stream_position().map_err(PthErrorKind::Io)?;
        let version = next_pickle(&mut reader, &header)?;
        if !is_int(&version, PROTOCOL_VERSION) {
            let found = version.values.describe(version.root);
            let problem = format!("{found} as the file's version, expected {PROTOCOL_VERSION}");
            return Err(PthErrorKind::Pickle { position, problem });
        }
        next_pickle(&mut reader, limits)?;
        let objects = next_pickle(&mut reader, limits)?;
        let position = reader.stream_position().map_err(PthErrorKind::Io)?;
        let keys = next_pickle(&mut reader, limits)?;
        let Value::List(keys_list) = keys.values.get(keys.root) else {
            let problem =
                format!("{}, expected the list of the storages' keys", keys.values.describe(keys.root));
            return Err(PthErrorKind::Pickle { position, problem });
        };
        let sizes = element_sizes(&objects.values);
        let mut container = Self { reader, storages: HashMap::new() };
        for &key in keys_list {
            let key = keys.values.text(key).unwrap_or_default();
            container.locate(key, &sizes, length)?;
        }
        Ok(Some((container, objects)))
    }

    /// Records the position of the storage `key`, at which the reader is, and skips it.
    fn locate(&mut self, key: &str, sizes: &HashMap<&str, u64>, length: u64) -> Result<(), PthErrorKind> {
        let Some(&size) = sizes.get(key) else {
            let missing = format!("reference to storage {}", quoted(key));
            return Err(PthErrorKind::Missing {
                missing,
                expected: "one from the objects to each that is listed",
            });
        };
        let position = self.reader.stream_position().map_err(PthErrorKind::Io)?;
        let mut count = [0; 8];
        let left = length.saturating_sub(position);
        if left < 8 {
            return Err(PthErrorKind::StorageSize { storage: quoted(key), found: left, expected: 8 });
        }
        self.reader.read_exact(&mut count).map_err(PthErrorKind::Io)?;
        let count = u64::from_le_bytes(count);
        let bytes = count.saturating_mul(size);
        if bytes > left - 8 {
            return Err(PthErrorKind::StorageSize { storage: quoted(key), found: left - 8, expected: bytes });
        }
        self.storages.insert(key.to_owned(), (position + 8, bytes));
        self.reader.seek(SeekFrom::Start(position + 8 + bytes)).map(drop).map_err(PthErrorKind::Io)
    }

    /// The `bytes` bytes of a storage. The caller has compared them with its limits.
    pub(crate) fn storage(&mut self, key: &str, bytes: u64) -> Result<Vec<u8>, PthErrorKind> {
        let Some(&(start, found)) = self.storages.get(key) else {
            let missing = format!("storage {}", quoted(key));
            return Err(PthErrorKind::Missing { missing, expected: "each that a tensor uses" });
        };
        if found != bytes {
            return Err(PthErrorKind::StorageSize { storage: quoted(key), found, expected: bytes });
        }
        self.reader.seek(SeekFrom::Start(start)).map_err(PthErrorKind::Io)?;
        read_storage(self.reader.by_ref().take(bytes), key, bytes)
    }
}

/// The size of an element of every storage that the objects refer to, since the storages' own headers do not have it.
fn element_sizes(values: &Values) -> HashMap<&str, u64> {
    let size = |class: &str| match (PthDType::from_storage(class), class) {
        (Some(dtype), _) => Some(dtype.size() as u64),
        // No network of ours uses these, but they must be skipped.
        (
            None,
            "UntypedStorage" | "QInt8Storage" | "QUInt8Storage" | "QUInt4x2Storage" | "QUInt2x4Storage",
        ) => Some(1),
        (None, "QInt32Storage") => Some(4),
        (None, "ComplexFloatStorage") => Some(8),
        (None, "ComplexDoubleStorage") => Some(16),
        _ => None,
    };
    let ids = values.iter().filter_map(|value| match value {
        Value::Persistent(id) => storage_id(values, *id).ok(),
        _ => None,
    });
    ids.filter_map(|id| Some((id.key, size(id.class)?))).collect()
}

fn next_pickle<R: BufRead + Seek>(reader: &mut R, limits: &PthLimits) -> Result<Pickled, PthErrorKind> {
    let position = reader.stream_position().map_err(PthErrorKind::Io)?;
    read_pickle(reader, position, limits)
}

fn is_int(pickled: &Pickled, expected: i128) -> bool {
    matches!(pickled.values.get(pickled.root), Value::Int(value) if *value == expected)
}
