use std::path::{Path, PathBuf};

use ikem_core::FieldError;

use crate::config::NetworkKind;
use crate::pth::PthError;

/// Why a model could not do what was asked, by who must act.
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
    /// The tensor library failed: out of memory, no such device.
    #[error("the computation failed: {0}")]
    Backend(#[from] candle_core::Error),
}

/// What can be wrong with a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// The disk failed, or the file is not there.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Neither kind of checkpoint, by its first bytes.
    #[error(
        "it is no checkpoint: it begins with \"{start}\"; expected a .safetensors file or a PyTorch checkpoint"
    )]
    NoCheckpoint {
        /// The file's first bytes.
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
    /// The header of a `.safetensors` file is broken, or promises more than the file holds.
    #[error("not a whole .safetensors file: {0}")]
    Header(String),
    /// No `ikem.config` in the metadata.
    #[error("the metadata has no `{key}`; expected the model's config as JSON there")]
    NoConfig {
        /// The key that was looked for.
        key: &'static str,
    },
    /// `ikem.config` does not hold a config.
    #[error("the config in the metadata is wrong: {0}")]
    BadConfig(String),
    /// Tensor names that belong to no network known here.
    #[error("the tensors are no known network's: there is no `{missing}`")]
    UnknownLayout {
        /// The tensor that tells the network, which is not there.
        missing: String,
    },
    /// The tensors are those of a network that was not asked for.
    #[error("the tensors are those of {found}; expected {expected}")]
    OtherNetwork {
        /// The network they belong to.
        found: NetworkKind,
        /// The one asked for.
        expected: NetworkKind,
    },
    /// A tensor of the network that the file does not have.
    #[error("tensor `{name}` of shape {expected:?} is missing")]
    Missing {
        /// Its name.
        name: String,
        /// The shape it must have.
        expected: Vec<usize>,
    },
    /// Tensors that the network does not have.
    #[error("{count} tensors are not part of the network, the first is `{first}`")]
    Extra {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A tensor of another shape.
    #[error("tensor `{name}` has shape {found:?}; expected {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape it must have.
        expected: Vec<usize>,
    },
    /// A tensor of a type that weights do not have.
    #[error("tensor `{name}` holds {found}; expected 16, 32 or 64 bit floating point")]
    Dtype {
        /// Its name.
        name: String,
        /// Its type in the file.
        found: String,
    },
    /// The error covariance is none.
    #[error("{0}")]
    Errors(String),
    /// A value that is no number.
    #[error("tensor `{name}` holds a value that is not finite")]
    NotFinite {
        /// Its name.
        name: String,
    },
}

impl CheckpointFault {
    /// This fault of the file at `path`.
    pub(crate) fn at(self, path: &Path) -> Error {
        Error::Checkpoint { path: path.to_owned(), kind: self }
    }
}

/// What the calls of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a network could not be built from a file whose name the caller knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Fault(#[from] CheckpointFault),
    #[error(transparent)]
    Backend(#[from] candle_core::Error),
}

impl BuildError {
    /// This error of the checkpoint at `path`.
    pub(crate) fn at(self, path: &Path) -> Error {
        match self {
            Self::Fault(fault) => fault.at(path),
            Self::Backend(error) => error.into(),
        }
    }

    /// This error of a checkpoint that is no file.
    pub(crate) fn of_memory(self) -> Error {
        self.at(Path::new("checkpoint in memory"))
    }
}

/// What building a network returns.
pub(crate) type BuildResult<T> = std::result::Result<T, BuildError>;
