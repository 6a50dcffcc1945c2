use std::io;
use std::path::{Path, PathBuf};

use ikem_core::FieldError;
use safetensors::SafeTensorError;
use safetensors::tensor::Dtype;

/// Why a training failed, grouped by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // Whoever wrote the config.
    /// A field of a config has an invalid value.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A config is not valid TOML, or has a field of an unknown name or of the wrong type.
    #[error("{}{}{source}", prefix_line(*line), prefix_field(field.as_deref()))]
    Syntax {
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// The field's path, such as `data.batch_size`, where it is known.
        field: Option<String>,
        /// What the parser reports.
        source: TomlError,
    },
    /// A config file is invalid or cannot be read.
    #[error("{}: {source}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// [`Error::Field`], [`Error::Syntax`] or [`Error::File`] of the same file.
        source: Box<Error>,
    },

    // Whoever prepared the data.
    /// A subset has too few images.
    #[error("the set `{set}` has {found} images; expected at least {expected}")]
    Images {
        /// The subset of the manifest.
        set: &'static str,
        /// The number of images found.
        found: usize,
        /// The least number of images that a training needs.
        expected: usize,
    },
    /// A data file is invalid or cannot be read.
    #[error(transparent)]
    Data(Box<ikem_data::Error>),

    // The user, who names other files or another folder, or frees the disk.
    /// A file of a training cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: FileFault,
    },
    /// A file is not a training state, or is truncated.
    #[error("{}: not a complete training state: {source}", path.display())]
    InvalidState {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StateFault,
    },
    /// The saved state belongs to a training with another config or other data.
    #[error("{} is the state of another training: {field} differs", path.display())]
    OtherTraining {
        /// The state's file.
        path: PathBuf,
        /// What differs, such as `data.batch_size`.
        field: String,
    },
    /// The saved optimiser state belongs to another network.
    #[error("the optimiser's state of `{name}` has {}; expected shape {expected:?}", found_shape(found.as_deref()))]
    OptimiserState {
        /// The parameter.
        name: String,
        /// Its shape in the state; `None` where the state lacks it.
        found: Option<Vec<usize>>,
        /// The parameter's shape.
        expected: Vec<usize>,
    },
    /// A checkpoint is invalid or does not fit the network.
    #[error(transparent)]
    Model(#[from] ikem_models::Error),

    // Whoever chose the hyperparameters.
    /// The training diverged: a loss or a gradient norm is infinite or NaN.
    #[error(
        "the {what} is {found} at step {step} (epoch {epoch}), on {}; {}",
        images.join(", "),
        last_checkpoint(checkpoint.as_deref())
    )]
    Diverged {
        /// `loss` or `gradient`.
        what: &'static str,
        /// Its value.
        found: f64,
        /// The optimiser step, from 1.
        step: usize,
        /// The epoch, from 1.
        epoch: usize,
        /// The images of the batch.
        images: Vec<String>,
        /// The last saved state, if one was saved.
        checkpoint: Option<PathBuf>,
    },

    // Whoever runs the machine.
    /// A plot cannot be drawn or written.
    #[error(transparent)]
    Plot(#[from] ikem_eval::Error),
    /// The tensor library failed: out of memory, or no such device.
    #[error("the computation failed: {0}")]
    Backend(#[from] candle_core::Error),
}

/// Why a file of a training cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// The file is missing or unreadable, or the disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file exceeds the size limit.
    #[error("it has {found} bytes; expected at most {limit}")]
    TooLarge {
        /// Its size in bytes.
        found: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// A log is not valid CSV, or lacks a column.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The metadata cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The tensors cannot be serialised.
    #[error(transparent)]
    Tensors(#[from] SafeTensorError),
}

/// Why a file is not a training state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// The file is not in the safetensors format, or is truncated.
    #[error(transparent)]
    Tensors(#[from] SafeTensorError),
    /// The metadata lacks the training's entry.
    #[error("its metadata has no `{key}`")]
    NoMetadata {
        /// The entry's key.
        key: &'static str,
    },
    /// The metadata of the training is not valid JSON.
    #[error(transparent)]
    Metadata(#[from] serde_json::Error),
    /// A tensor of an unknown group or of a type other than f32.
    #[error("the tensor `{name}` of type {found:?} is not part of a training state; expected f32")]
    Tensor {
        /// Its name.
        name: String,
        /// Its type.
        found: Dtype,
    },
}

/// A TOML error on one line, without the excerpt of the file that [`toml::de::Error`] prints.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message())]
pub struct TomlError(pub Box<toml::de::Error>);

impl From<ikem_data::Error> for Error {
    fn from(error: ikem_data::Error) -> Self {
        Self::Data(Box::new(error))
    }
}

impl Error {
    /// An error of the file at `path`.
    pub(crate) fn file(path: &Path, source: impl Into<FileFault>) -> Self {
        Self::File { path: path.to_owned(), source: source.into() }
    }
}

fn prefix_line(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

fn prefix_field(field: Option<&str>) -> String {
    field.map(|field| format!("`{field}`: ")).unwrap_or_default()
}

fn last_checkpoint(path: Option<&Path>) -> String {
    path.map_or_else(
        || "no checkpoint was saved before".to_owned(),
        |path| format!("the last checkpoint is {}", path.display()),
    )
}

fn found_shape(found: Option<&[usize]>) -> String {
    found.map_or_else(|| "no entry".to_owned(), |shape| format!("shape {shape:?}"))
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
