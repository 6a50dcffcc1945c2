//! Labels and predictions as CSV, with a header.

mod labels;
mod predictions;
mod read;

use ikem_core::FieldError;

use crate::Error;

pub(crate) use labels::labels;
pub(crate) use predictions::predictions;
pub use predictions::{csv_predictions, read_csv_predictions, write_csv_predictions};

/// What the file should be.
const KIND: &str = "table (CSV)";
/// What the column of images may be called.
const IMAGE: [&str; 4] = ["image_path", "image", "file_name", "file"];

/// Rows of equal length under a header.
fn bytes(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Error> {
    let failed = |error: String| FieldError::new("rows", "rows as long as the header", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|error| failed(error.to_string()))?;
    for row in rows {
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    Ok(writer.into_inner().map_err(|error| failed(error.to_string()))?)
}
