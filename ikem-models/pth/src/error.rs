use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a PyTorch checkpoint could not be read. Its message starts with the file's path.
#[derive(Debug, Error)]
#[error("{}: {kind}", path.display())]
#[non_exhaustive]
pub struct PthError {
    /// The file, as the caller named it.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: PthErrorKind,
}

/// What is wrong with a PyTorch checkpoint, grouped by who must act: the disk ([`Io`](Self::Io)); whoever named the
/// file ([`Empty`](Self::Empty), [`UnknownFormat`](Self::UnknownFormat), [`NoStateDict`](Self::NoStateDict),
/// [`AmbiguousStateDict`](Self::AmbiguousStateDict)); whoever set the limits ([`Limit`](Self::Limit)); for all others,
/// whoever wrote, copied or truncated the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PthErrorKind {
    /// The system could not read the file, or it is a folder, a pipe or a device.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),

    /// The file is empty.
    #[error("is empty, expected a PyTorch checkpoint file")]
    Empty,

    /// The file is neither of PyTorch's containers.
    #[error(
        "starts with {found}, expected a PyTorch checkpoint: a zip archive (`PK`) or, from before PyTorch 1.6, \
         the pickled magic number 0x1950a86a20f9469cfc6c"
    )]
    UnknownFormat {
        /// The first bytes, escaped.
        found: String,
    },

    /// The zip archive is truncated, damaged or not a checkpoint.
    #[error("is a broken zip archive: {problem}")]
    Archive {
        /// What was found and what was expected.
        problem: String,
        /// The error of the decompressor or of the reader of archives, if that found the damage.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },

    /// The container lacks a required entry or storage.
    #[error("holds no {missing}, expected {expected}")]
    Missing {
        /// What is missing.
        missing: String,
        /// What is required.
        expected: &'static str,
    },

    /// The pickle is truncated, or breaks the rules of its virtual machine.
    #[error("broken pickle, at its byte {position}: {problem}")]
    Pickle {
        /// Byte offset of the operation, from the start of `data.pkl` or of the older file.
        position: u64,
        /// What was found and what was expected.
        problem: String,
    },

    /// The pickle has an operation that PyTorch does not write.
    #[error(
        "broken pickle, at its byte {position}: unknown opcode 0x{opcode:02x}, expected one of protocols 0 to 5"
    )]
    UnknownOpcode {
        /// Byte offset of the operation.
        position: u64,
        /// The byte found.
        opcode: u8,
    },

    /// A storage has another length than the pickle says.
    #[error("storage {storage} holds {found} bytes, expected {expected}")]
    StorageSize {
        /// The storage's key, quoted.
        storage: String,
        /// Bytes in the file.
        found: u64,
        /// Bytes according to the pickle.
        expected: u64,
    },

    /// There is no dict of tensors.
    #[error(
        "holds {found}, expected a state dict: a dict of tensors, bare or under a key like `model` or `state_dict` \
         (a whole pickled module is not read: save its `state_dict()`)"
    )]
    NoStateDict {
        /// What the file holds.
        found: String,
    },

    /// There are several dicts of tensors, and none has a usual name.
    #[error(
        "holds several dicts of tensors ({keys}), expected one, or one of them under `model` or `state_dict`"
    )]
    AmbiguousStateDict {
        /// Their keys, quoted.
        keys: String,
    },

    /// An entry of the state dict is not a tensor.
    #[error("state dict entry {key} is {found}, expected a tensor")]
    UnexpectedEntry {
        /// The entry's key, quoted.
        key: String,
        /// What it is; it was not executed.
        found: String,
    },

    /// A tensor of the state dict is of a kind that is not supported.
    #[error("tensor {key}: {problem}")]
    Tensor {
        /// The tensor's key, quoted.
        key: String,
        /// What was found and what was expected.
        problem: String,
    },

    /// The file exceeds [`PthLimits`](crate::PthLimits).
    #[error("{what}: {found} {unit}, the limit is {limit}")]
    Limit {
        /// What is too large.
        what: String,
        /// The amount in the file (or the first amount known to be too much).
        found: u64,
        /// The limit.
        limit: u64,
        /// Unit of the two.
        unit: &'static str,
    },
}

impl PthErrorKind {
    /// An archive that is damaged according to `error`.
    pub(crate) fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = error.into();
        Self::Archive { problem: source.to_string(), source: Some(source) }
    }

    /// Classifies an error of a reader: decompressors and checksums report damaged data as I/O errors.
    pub(crate) fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                Self::damaged(error)
            }
            _ => Self::Io(error),
        }
    }
}

/// A text from the file, for a message: quoted, escaped and shortened to a line.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 120;
    if text.chars().nth(SHOWN).is_none() {
        format!("{text:?}")
    } else {
        format!("{:?}…", text.chars().take(SHOWN).collect::<String>())
    }
}
