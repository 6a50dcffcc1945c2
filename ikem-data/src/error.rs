use std::io;
use std::path::{Path, PathBuf};

use ikem_core::FieldError;

use crate::left_out::LeftOut;

/// What [`Size::is_near`](ikem_core::Size::is_near) asks of a point, in words.
pub(crate) const NEAR: &str = "a point at most one film width or height outside the film";

/// Why data could not be read, written or used, grouped by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// I/O: the file is missing, is a folder, is not readable …
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// I/O: the file cannot be written. An existing file at this path is unchanged.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The content has none of the expected formats.
    #[error("{} is not {expected}: it begins with {found}", path.display())]
    UnrecognisedFormat {
        /// The file.
        path: PathBuf,
        /// The formats that can be read.
        expected: &'static str,
        /// The first bytes of the file.
        found: String,
    },
    /// The file looks intact, but its format or variant is not supported.
    #[error("{} is {found}, which is not supported: {advice}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The format or variant.
        found: String,
        /// What the user can do.
        advice: &'static str,
    },
    /// The file has the right format but is damaged or inconsistent.
    #[error("{} is a broken {kind}: {found}; expected {expected}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the file should be, such as `manifest`.
        kind: &'static str,
        /// What is wrong with it.
        found: String,
        /// The expected content.
        expected: String,
    },
    /// One entry of a list is invalid.
    #[error("{}, entry {entry} ({name}), field {field}: {found}; expected {expected}", path.display())]
    Entry {
        /// The file that holds the list.
        path: PathBuf,
        /// The index of the entry, from 0.
        entry: usize,
        /// The name of the entry, such as its image; empty if it has none.
        name: Box<str>,
        /// The field, such as `corners[3]`.
        field: Box<str>,
        /// The value found.
        found: String,
        /// The expected value.
        expected: String,
    },
    /// Some films of a file cannot be used.
    #[error("{}: {} of its films can't be used:{}", path.display(), films.len(), listed(films))]
    Unusable {
        /// The file that names them.
        path: PathBuf,
        /// The films, each with the reason.
        films: Vec<LeftOut>,
    },
    /// A file lists images but has no labels for any of them.
    #[error("{} has {images} images but no labels; expected keypoints for at least one", path.display())]
    Unlabelled {
        /// The file.
        path: PathBuf,
        /// The number of images.
        images: usize,
    },
    /// The file exceeds a limit; nothing was allocated.
    #[error("{} has {found}; expected at most {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The size found, with its unit.
        found: String,
        /// The largest size allowed, with its unit.
        limit: String,
    },
    /// An argument or a configuration field is invalid.
    #[error(transparent)]
    Argument(#[from] FieldError),
    /// The core crate rejected an argument.
    #[error(transparent)]
    Core(#[from] ikem_core::Error),
}

/// The films with their reasons, one per line.
fn listed(films: &[LeftOut]) -> String {
    films.iter().map(|film| format!("\n  {film}")).collect()
}

impl Error {
    pub(crate) fn unsupported(path: &Path, found: impl Into<String>, advice: &'static str) -> Self {
        Self::Unsupported { path: path.to_owned(), found: found.into(), advice }
    }

    pub(crate) fn broken(
        path: &Path,
        kind: &'static str,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::Broken { path: path.to_owned(), kind, found: found.to_string(), expected: expected.into() }
    }
}
