use std::io::Read;
use std::path::Path;

use ikem_core::FieldError;

use super::table::angles_csv;
use super::{FORMAT, Report, comparison_markdown};
use crate::error::Error;

/// The size limit of a report in bytes; one of a hundred thousand images is smaller.
const LIMIT: u64 = 1 << 28;

impl Report {
    /// Writes the report as JSON, atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_json(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| Error::Io { path: path.to_owned(), source: source.into() })?;
        write(path, &text)
    }

    /// Reads a report written as JSON.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::TooLarge`] beyond 256 MiB, [`Error::ParseReport`] and
    /// [`Error::InvalidReport`] when it is not a report of this format.
    pub fn read_json(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let (file, bytes) = ikem_files::open(path).map_err(io)?;
        if bytes > LIMIT {
            return Err(Error::TooLarge { path: path.to_owned(), bytes, limit: LIMIT });
        }
        let mut text = Vec::new();
        file.take(LIMIT).read_to_end(&mut text).map_err(io)?;
        let report: Self = serde_json::from_slice(&text)
            .map_err(|source| Error::ParseReport { path: path.to_owned(), source })?;
        report.check_read().map_err(|source| Error::InvalidReport { path: path.to_owned(), source })?;
        Ok(report)
    }

    /// Checks the format, and that every figure by click has a value for each number of clicks, on which drawing relies.
    fn check_read(&self) -> Result<(), FieldError> {
        if self.format != FORMAT {
            return Err(FieldError::new("format", FORMAT, &self.format));
        }
        let expected = self.protocol.clicks.saturating_add(1);
        let lengths = |series: &super::Series| {
            [series.mre.len(), series.mre_interval.len(), series.median.len(), series.percentiles.len()]
        };
        for figures in std::iter::once(&self.figures).chain(self.subsets.values()) {
            let series = lengths(&figures.model).into_iter().chain(lengths(&figures.manual));
            let gain = [figures.gain.len(), figures.gain_interval.len()];
            if let Some(found) = series.chain(gain).find(|length| *length != expected) {
                return Err(FieldError::new("figures by click", expected.to_string(), found));
            }
        }
        Ok(())
    }

    /// Writes the report as CSV with one row per image, atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_csv(&self, path: &Path) -> Result<(), Error> {
        write(path, &self.to_csv().map_err(|source| unwritten(path, source))?)
    }

    /// Writes [`to_markdown`](Self::to_markdown), atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_markdown(&self, path: &Path) -> Result<(), Error> {
        write(path, self.to_markdown().as_bytes())
    }
}

/// Writes [`comparison_markdown`], atomically.
///
/// # Errors
/// [`Error::Io`].
pub fn write_comparison(path: &Path, reports: &[Report]) -> Result<(), Error> {
    write(path, comparison_markdown(reports).as_bytes())
}

/// Writes a CSV file with one row per image, atomically: its name and three angles in degrees, empty if unknown.
///
/// # Errors
/// [`Error::Io`].
pub fn write_angles<'a>(
    path: &Path,
    angles: impl IntoIterator<Item = (&'a str, Option<[f64; 3]>)>,
) -> Result<(), Error> {
    write(path, &angles_csv(angles).map_err(|source| unwritten(path, source))?)
}

pub(super) fn unwritten(path: &Path, source: csv::Error) -> Error {
    Error::Io { path: path.to_owned(), source: source.into() }
}

/// Writes a file atomically.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    ikem_files::write(path, bytes).map_err(|source| Error::Io { path: path.to_owned(), source })
}
