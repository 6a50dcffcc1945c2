//! Labels and predictions as CSV with a header row.

mod cell;
mod labels;
mod predictions;
mod read;

use ikem_core::FieldError;

use crate::error::Error;

pub use cell::spreadsheet_cell;
pub(crate) use labels::labels;
pub(crate) use predictions::predictions;
pub use predictions::{csv_predictions, read_csv_predictions, write_csv_predictions};

/// The expected content, for errors.
const KIND: &str = "table (CSV)";
/// The accepted names of the image column.
const IMAGE: [&str; 4] = ["image", "image_path", "file_name", "file"];

/// Encodes a header and rows of equal length as CSV. Text from outside must have gone through [`spreadsheet_cell`].
///
/// # Errors
/// [`Error::Argument`] for a row that is not as long as the header.
pub fn csv_table(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Error> {
    let failed = |error: String| FieldError::new("rows", "rows as long as the header", error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|error| failed(error.to_string()))?;
    for row in rows {
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    Ok(writer.into_inner().map_err(|error| failed(error.to_string()))?)
}
