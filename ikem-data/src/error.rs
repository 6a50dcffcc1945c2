use std::io;
use std::path::{Path, PathBuf};

use ikem_core::FieldError;

use crate::labels::LeftOut;

/// Why data could not be read, written or used; grouped by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk: a file is missing, is a folder, may not be read …
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk: a file cannot be written. What stood there before still does.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is of another kind.
    #[error("{} is not {expected}: it begins with {found}", path.display())]
    UnrecognisedFormat {
        /// The file.
        path: PathBuf,
        /// The kinds that can be read.
        expected: &'static str,
        /// Its first bytes.
        found: String,
    },
    /// The file is sound, as far as one can see, but of a kind or a variant that is not read.
    #[error("{} is {found}, which is not read: {advice}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What can be done.
        advice: &'static str,
    },
    /// The file is of the right kind, but broken.
    #[error("{} is a broken {kind}: {found}; expected {expected}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the file should be.
        kind: &'static str,
        /// What is wrong with it.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// One entry of a list is wrong.
    #[error("{}, entry {entry} ({name}), field {field}: {found}; expected {expected}", path.display())]
    Entry {
        /// The file that holds the list.
        path: PathBuf,
        /// The entry's place, from 0.
        entry: usize,
        /// What the entry is called, such as its image; empty where it has no name.
        name: Box<str>,
        /// The field, such as `corners[3]`.
        field: Box<str>,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// Some of the films of a file can't be used.
    #[error("{}: {} of its films can't be used:{}", path.display(), films.len(), listed(films))]
    Unusable {
        /// The file that names them.
        path: PathBuf,
        /// The films, and why.
        films: Vec<LeftOut>,
    },
    /// A file has images, and labels of none of them.
    #[error("{} has {images} images and no labels of any; expected keypoints of at least one", path.display())]
    Unlabelled {
        /// The file.
        path: PathBuf,
        /// How many images it has.
        images: usize,
    },
    /// A limit was hit; nothing was allocated.
    #[error("{} has {found}; expected at most {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How much of it there is.
        found: String,
        /// How much is read.
        limit: String,
    },
    /// An argument or a configuration field is invalid.
    #[error(transparent)]
    Argument(#[from] FieldError),
    /// An argument is wrong in the words of the core crate.
    #[error(transparent)]
    Core(#[from] ikem_core::Error),
}

/// Films and reasons, each on a line of its own.
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
