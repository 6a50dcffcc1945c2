//! Errors that name the DICOM file.

use std::fmt::Display;
use std::path::Path;

use crate::error::Error;
use crate::limits::Limits;

/// The expected content, for errors.
const KIND: &str = "DICOM file";

/// The path of the file, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a>(pub(super) &'a Path);

impl Source<'_> {
    pub(super) fn broken(self, found: impl Display, expected: impl Into<String>) -> Error {
        Error::broken(self.0, KIND, found, expected)
    }

    /// The file is intact but not supported: it is `found`; `advice` says what the user can do.
    pub(super) fn unsupported(self, found: impl Into<String>, advice: &'static str) -> Error {
        Error::unsupported(self.0, found, advice)
    }

    pub(super) fn too_large(self, found: String, limits: &Limits) -> Error {
        let limit = format!("{} bytes", limits.bytes);
        Error::TooLarge { path: self.0.to_owned(), found, limit }
    }

    pub(super) fn missing(self, name: &str) -> Error {
        self.broken(format!("it does not state its {name}"), "a complete file with a picture")
    }
}
