use std::path::{Path, PathBuf};

use ikem_pth::PthError;

use ikem_core::FieldError;

use crate::config::NetworkKind;

/// Why this crate could not do what was asked, grouped by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A checkpoint file is at fault.
    #[error("{}: {kind}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        kind: CheckpointFault,
    },
    /// A PyTorch file is at fault.
    #[error(transparent)]
    Pth(#[from] PthError),
    /// A config is at fault.
    #[error(transparent)]
    Config(#[from] FieldError),
    /// An argument is at fault: a hint, an image, a keypoint's name.
    #[error(transparent)]
    Argument(#[from] ikem_core::Error),
    /// A tensor has the wrong shape.
    #[error("{what}: a tensor of shape {found:?}; expected {expected:?}")]
    Shape {
        /// Which input it is.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the network and the other inputs call for.
        expected: Vec<usize>,
    },
    /// The prediction was ended by its [`Cancel`](crate::Cancel); nothing is changed.
    #[error("the prediction was cancelled")]
    Cancelled,
    /// The tensor library failed: out of memory, no such device.
    #[error("the computation failed: {0}")]
    Backend(#[from] candle_core::Error),
}

/// What is wrong with a checkpoint. Messages include those of their sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// The file cannot be read or written, or does not exist.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The first bytes are those of no kind of checkpoint.
    #[error(
        "it is not a checkpoint: it begins with \"{start}\"; expected a .safetensors file or a PyTorch checkpoint"
    )]
    UnknownFormat {
        /// The file's first bytes, escaped.
        start: String,
    },
    /// The file is larger than any checkpoint that this crate reads.
    #[error("the file has {found} bytes; expected at most {limit}")]
    TooLarge {
        /// Its size in bytes.
        found: u64,
        /// The largest size read.
        limit: u64,
    },
    /// The file is too short for the header of a `.safetensors` file.
    #[error("not a whole .safetensors file: it has {found} bytes; expected at least {expected}")]
    TooShort {
        /// Its size in bytes.
        found: u64,
        /// The smallest size.
        expected: u64,
    },
    /// The header of a `.safetensors` file is longer than the file, or than any header that this crate reads.
    #[error("not a whole .safetensors file: it claims a header of {found} bytes; expected at most {limit}")]
    HeaderLength {
        /// The length that the file states.
        found: u64,
        /// The longest possible header.
        limit: u64,
    },
    /// The header of a `.safetensors` file is not what the format prescribes.
    #[error("not a whole .safetensors file: {0}")]
    Header(#[source] serde_json::Error),
    /// The file does not hold as many bytes of tensors as its header says.
    #[error("not a whole .safetensors file: {found} bytes follow the header; it promises {expected}")]
    DataLength {
        /// Bytes after the header.
        found: u64,
        /// Bytes that the header says.
        expected: u64,
    },
    /// The metadata has no config.
    #[error("the metadata has no `{key}`; expected the model's config as JSON there")]
    NoConfig {
        /// The key that was looked for.
        key: &'static str,
    },
    /// The metadata's config is not one.
    #[error("the config in the metadata is wrong: {0}")]
    ConfigFormat(#[source] serde_json::Error),
    /// A field of the config, read or inferred from the tensors' shapes, is out of range.
    #[error("the config of the checkpoint is wrong: {0}")]
    Config(#[source] FieldError),
    /// Tensor names that belong to no network of this crate.
    #[error("the tensors are not those of a known network: there is no `{missing}`")]
    UnknownLayout {
        /// The tensor by which the network is recognised.
        missing: String,
    },
    /// The tensors are those of another network than the one that was requested.
    #[error("the tensors are those of {found}; expected {expected}")]
    OtherNetwork {
        /// The network that they belong to.
        found: NetworkKind,
        /// The requested network.
        expected: NetworkKind,
    },
    /// A tensor of the network is missing.
    #[error("tensor `{name}` of shape {expected:?} is missing")]
    Missing {
        /// Its name.
        name: String,
        /// The shape it must have.
        expected: Vec<usize>,
    },
    /// Tensors that are not part of the network.
    #[error("{count} tensors are not part of the network, the first is `{first}`")]
    Extra {
        /// Their number.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A tensor has another shape than the network's.
    #[error("tensor `{name}` has shape {found:?}; expected {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape it must have.
        expected: Vec<usize>,
    },
    /// A tensor has elements of a type that weights do not have.
    #[error("tensor `{name}` holds {found}; expected 16, 32 or 64 bit floating point")]
    Dtype {
        /// Its name.
        name: String,
        /// Its type in the file.
        found: String,
    },
    /// A tensor holds an infinite value or a NaN, or a value beyond the range of 16 bits when it is written with these.
    #[error("tensor `{name}` holds a value that is not finite")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// The tensor library refused a tensor.
    #[error("tensor `{name}`: {source}")]
    Tensor {
        /// Its name.
        name: String,
        /// The tensor library's error.
        source: Box<candle_core::Error>,
    },
    /// The error covariance is not a covariance.
    #[error("{0}")]
    ErrorCovariance(#[source] Box<ikem_core::Error>),
    /// The config cannot be written as JSON, or the tensors as a `.safetensors` file.
    #[error("the checkpoint cannot be written: {0}")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CheckpointFault {
    /// This fault in the file at `path`.
    pub(crate) fn at(self, path: &Path) -> Error {
        Error::Checkpoint { path: path.to_owned(), kind: self }
    }
}

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a network could not be built from a checkpoint whose path the caller knows.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Fault(#[from] CheckpointFault),
    #[error(transparent)]
    Backend(#[from] candle_core::Error),
}

impl BuildError {
    /// This error in the checkpoint at `path`.
    pub(crate) fn at(self, path: &Path) -> Error {
        match self {
            Self::Fault(fault) => fault.at(path),
            Self::Backend(error) => error.into(),
        }
    }

    /// This error in a checkpoint that was not read from a file.
    pub(crate) fn of_memory(self) -> Error {
        self.at(Path::new("checkpoint in memory"))
    }
}

/// What building a network returns.
pub(crate) type BuildResult<T> = std::result::Result<T, BuildError>;
