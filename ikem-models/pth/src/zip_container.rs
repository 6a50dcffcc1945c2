//! The container of PyTorch 1.6 and later: a zip archive of `NAME/data.pkl`, `NAME/data/KEY` for each storage and
//! `NAME/byteorder`.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::error::{PthErrorKind, quoted};
use crate::limits::PthLimits;
use crate::pickle::{Pickled, read_pickle};
use crate::storage::read_storage;

/// The most entries of an archive. PyTorch writes one for each storage: a model has hundreds.
const MAX_ENTRIES: u64 = 100_000;

/// The highest compression ratio of deflate.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// An archive whose directory has been read.
pub(crate) struct ZipContainer<R> {
    archive: ZipArchive<BufReader<R>>,
    /// The prefix of the entries' names: `NAME/` or nothing.
    prefix: String,
    big_endian: bool,
    /// Length of the file.
    length: u64,
}

impl<R: Read + Seek> ZipContainer<R> {
    /// Reads the directory and the pickle.
    pub(crate) fn open(reader: R, limits: &PthLimits) -> Result<(Self, Pickled), PthErrorKind> {
        let mut reader = BufReader::new(reader);
        let length = reader.seek(SeekFrom::End(0)).map_err(PthErrorKind::Io)?;
        check_zip64(&mut reader, length)?;
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let archive = ZipArchive::with_config(config, reader).map_err(broken)?;
        let prefix = prefix(&archive)?;
        let mut container = Self { archive, prefix, big_endian: false, length };
        container.big_endian = container.read_byte_order()?;
        let mut entry = BufReader::new(container.entry("data.pkl", "the checkpoint's objects")?);
        let declared = entry.get_ref().size();
        if declared > limits.max_pickle_bytes {
            let (found, limit) = (declared, limits.max_pickle_bytes);
            return Err(PthErrorKind::Limit { what: "the pickle".into(), found, limit, unit: "bytes" });
        }
        let pickled = read_pickle(&mut entry, 0, limits)?;
        // The checksum is checked at the end of the entry.
        io::copy(&mut entry.take(limits.max_pickle_bytes), &mut io::sink()).map_err(PthErrorKind::from_io)?;
        Ok((container, pickled))
    }

    /// Whether elements are stored with the highest byte first.
    pub(crate) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// The `bytes` bytes of a storage. The caller has compared them with its limits.
    pub(crate) fn storage(&mut self, key: &str, bytes: u64) -> Result<Vec<u8>, PthErrorKind> {
        let size_error = |found| PthErrorKind::StorageSize { storage: quoted(key), found, expected: bytes };
        let length = self.length;
        let entry = self.entry(&format!("data/{key}"), "a storage that a tensor uses")?;
        if entry.size() != bytes {
            return Err(size_error(entry.size()));
        }
        let packed = entry.compressed_size().min(length);
        let possible = match entry.compression() {
            CompressionMethod::Stored => packed,
            _ => packed.saturating_mul(MAX_DEFLATE_RATIO),
        };
        if possible < bytes {
            return Err(size_error(possible));
        }
        read_storage(entry, key, bytes)
    }

    fn entry(
        &mut self,
        name: &str,
        expected: &'static str,
    ) -> Result<ZipFile<'_, BufReader<R>>, PthErrorKind> {
        let name = format!("{}{name}", self.prefix);
        match self.archive.index_for_name_raw(name.as_bytes()) {
            Some(index) => self.archive.by_index(index).map_err(broken),
            None => Err(PthErrorKind::Missing { missing: format!("entry {}", quoted(&name)), expected }),
        }
    }

    /// Archives without a `byteorder` are little-endian: they are older than that entry.
    fn read_byte_order(&mut self) -> Result<bool, PthErrorKind> {
        let mut order = Vec::new();
        match self.entry("byteorder", "") {
            Err(PthErrorKind::Missing { .. }) => return Ok(false),
            entry => entry?.take(16).read_to_end(&mut order).map_err(PthErrorKind::from_io)?,
        };
        match order.as_slice() {
            b"little" => Ok(false),
            b"big" => Ok(true),
            other => {
                let found = quoted(&String::from_utf8_lossy(other));
                Err(PthErrorKind::Archive {
                    problem: format!("byte order {found}, expected \"little\" or \"big\""),
                    source: None,
                })
            }
        }
    }
}

/// The prefix of `data.pkl`, of which there must be exactly one.
fn prefix<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<String, PthErrorKind> {
    let mut prefixes = archive
        .file_names_raw()
        .filter_map(|name| std::str::from_utf8(name).ok()?.strip_suffix("data.pkl"))
        .filter(|prefix| prefix.is_empty() || prefix.find('/') == Some(prefix.len() - 1));
    match (prefixes.next(), prefixes.next()) {
        (Some(prefix), None) => Ok(prefix.to_owned()),
        (None, _) => Err(PthErrorKind::Missing {
            missing: "entry \"NAME/data.pkl\"".into(),
            expected: "one, as in every archive that `torch.save` writes",
        }),
        (Some(one), Some(other)) => Err(PthErrorKind::Archive {
            problem: format!("two checkpoints, in {} and {}, expected one", quoted(one), quoted(other)),
            source: None,
        }),
    }
}

/// Refuses directories beyond [`MAX_ENTRIES`] before anything is allocated for them. Only zip64 records can announce so
/// many; every record that the end of the archive may refer to is checked.
fn check_zip64<R: Read + Seek>(reader: &mut R, length: u64) -> Result<(), PthErrorKind> {
    const END: u64 = 22 + u16::MAX as u64;
    const LOCATOR: u64 = 20;
    const PLAIN_RECORD: u64 = 44;
    let mut tail = Vec::new();
    reader.seek(SeekFrom::Start(length.saturating_sub(END + LOCATOR + 4))).map_err(PthErrorKind::Io)?;
    reader.read_to_end(&mut tail).map_err(PthErrorKind::Io)?;
    for window in tail.windows(16).filter(|window| window.starts_with(b"PK\x06\x07")) {
        let Some(&offset) = window.last_chunk() else { continue };
        let offset = u64::from_le_bytes(offset);
        if offset >= length {
            continue;
        }
        let mut record = [0; 40];
        reader.seek(SeekFrom::Start(offset)).map_err(PthErrorKind::Io)?;
        if reader.read_exact(&mut record).is_err() || !record.starts_with(b"PK\x06\x06") {
            continue;
        }
        let field = |at: usize| {
            record.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |&field| u64::from_le_bytes(field))
        };
        let (size, entries) = (field(4), field(24).max(field(32)));
        if size != PLAIN_RECORD {
            let problem = format!("a zip64 record of {size} bytes, expected {PLAIN_RECORD}");
            return Err(PthErrorKind::Archive { problem, source: None });
        }
        if entries > MAX_ENTRIES {
            let what = "the zip archive's directory".into();
            return Err(PthErrorKind::Limit { what, found: entries, limit: MAX_ENTRIES, unit: "entries" });
        }
    }
    Ok(())
}

fn broken(error: ZipError) -> PthErrorKind {
    match error {
        ZipError::Io(error) => PthErrorKind::from_io(error),
        other => PthErrorKind::damaged(other),
    }
}
