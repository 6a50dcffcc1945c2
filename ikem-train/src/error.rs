use std::fmt::Display;
use std::path::{Path, PathBuf};

use ikem_models::ConfigError;

/// Why training could not go on, by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A saved state is not that of this network.
    #[error("the optimiser's state of `{name}` has {}; expected shape {expected:?}", found_shape(found.as_deref()))]
    State {
        /// The parameter.
        name: String,
        /// The shape in the state; `None` where it has no such parameter.
        found: Option<Vec<usize>>,
        /// The shape of the parameter.
        expected: Vec<usize>,
    },
    /// A config field is out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A field of a training's config is out of its range.
    #[error("`{field}`: expected {expected}, found {found}")]
    Setting {
        /// The field's path, such as `data.batch_size`.
        field: String,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A config is no such TOML.
    #[error("{0}")]
    Syntax(String),
    /// A config file is at fault.
    #[error("{}: {fault}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A file of a training is at fault, or the disk.
    #[error("{}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// The saved state is that of a training that differs.
    #[error("{} is the state of another training: {field} differs", path.display())]
    OtherTraining {
        /// The state's file.
        path: PathBuf,
        /// What differs, such as `data.batch_size`.
        field: String,
    },
    /// There are too few images.
    #[error("the set `{set}` has {found} images; expected at least {expected}")]
    Images {
        /// The set of the manifest.
        set: &'static str,
        /// How many it has.
        found: usize,
        /// How many a training needs.
        expected: usize,
    },
    /// A number has run away.
    #[error(
        "the {what} is {found} at step {step} (epoch {epoch}), on {}; {}",
        images.join(", "),
        last_checkpoint(checkpoint.as_deref())
    )]
    Diverged {
        /// What is not finite: the loss, the gradient.
        what: &'static str,
        /// Its value.
        found: f64,
        /// The step, from 1.
        step: usize,
        /// The epoch, from 1.
        epoch: usize,
        /// The images of the batch.
        images: Vec<String>,
        /// The last state that was saved before, if any was.
        checkpoint: Option<PathBuf>,
    },
    /// A checkpoint or a network is at fault.
    #[error(transparent)]
    Model(#[from] ikem_models::Error),
    /// A plot can't be drawn.
    #[error(transparent)]
    Plot(#[from] ikem_eval::Error),
    /// A file of data is at fault, or the disk.
    #[error(transparent)]
    Data(#[from] ikem_data::Error),
    /// The tensor library failed: out of memory, no such device.
    #[error("the computation failed: {0}")]
    Backend(#[from] candle_core::Error),
}

impl Error {
    /// A field out of its range, of a part of the config that begins with `prefix`.
    pub(crate) fn setting(prefix: &str, error: ConfigError) -> Self {
        let ConfigError { field, expected, found } = error;
        Self::Setting { field: format!("{prefix}{field}"), expected, found }
    }

    /// A fault of the file at `path`.
    pub(crate) fn file(path: &Path, fault: impl Display) -> Self {
        Self::File { path: path.to_owned(), fault: fault.to_string() }
    }
}

fn last_checkpoint(path: Option<&Path>) -> String {
    path.map_or_else(
        || "nothing was saved before".to_owned(),
        |path| format!("{} is as it was before", path.display()),
    )
}

fn found_shape(found: Option<&[usize]>) -> String {
    found.map_or_else(|| "no entry".to_owned(), |shape| format!("shape {shape:?}"))
}

/// What the calls of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
