use std::path::Path;

use serde::Serialize;

use super::EpochRow;
use crate::error::{Error, FileFault, Result};

/// The size limit of a log, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Writes a log as CSV, one row per epoch, atomically.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn write_log(path: &Path, rows: &[EpochRow]) -> Result<()> {
    write_rows(path, rows)
}

/// Writes rows as CSV with a header of their field names, atomically.
pub(crate) fn write_rows(path: &Path, rows: &[impl Serialize]) -> Result<()> {
    let failed = |error: csv::Error| Error::file(path, error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::file(path, error.into_error()))?;
    ikem_files::write_synced(path, &bytes).map_err(|error| Error::file(path, error))
}

/// Reads a log, our own or a published one; columns may be in any order.
///
/// # Errors
/// [`Error::File`] names the file and, for invalid content, the line.
pub fn read_log(path: &Path) -> Result<Vec<EpochRow>> {
    let (file, found) = ikem_files::open(path).map_err(|error| Error::file(path, error))?;
    if found > MAX_BYTES {
        return Err(Error::file(path, FileFault::TooLarge { found, limit: MAX_BYTES }));
    }
    let failed = |error: csv::Error| Error::file(path, error);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    reader.deserialize().collect::<Result<_, _>>().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoch: usize) -> EpochRow {
        EpochRow {
            epoch,
            train_first_loss: 0.1 / epoch as f64,
            train_second_loss: 0.25,
            validation_first_loss: 0.5,
            validation_second_loss: 1e-9,
            validation_first_mre: 60.0,
            validation_second_mre: 45.0,
        }
    }

    #[test]
    fn logs_have_the_published_header_and_round_trip() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.csv");
        let rows = [row(1), row(2), row(3)];
        write_log(&path, &rows).expect("written");
        assert_eq!(read_log(&path).expect("read"), rows);
        assert_eq!(rows[0].gain(), 0.25);
        let text = std::fs::read_to_string(&path).expect("text");
        let header = "Epoch,Train 1stPred. Loss,Train 2ndPred. Loss,Val 1stPred. Loss,Val 2ndPred. Loss,\
                      Val 1stPred. MRE,Val 2ndPred. MRE\n";
        assert!(text.starts_with(header), "{text}");
        assert!(text.contains("1,0.1,0.25,0.5,1e-9,60.0,45.0"), "{text}");
    }

    #[test]
    fn invalid_logs_are_rejected_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bad.csv");
        for text in ["Epoch,Loss\n1,2\n", "Epoch\n"] {
            std::fs::write(&path, text).expect("written");
            if let Err(error) = read_log(&path) {
                let message = error.to_string();
                assert!(message.starts_with(&path.display().to_string()), "{message}");
            } else {
                assert_eq!(text, "Epoch\n", "a log without rows is empty");
            }
        }
        assert!(read_log(&folder.path().join("none.csv")).is_err());
    }
}
