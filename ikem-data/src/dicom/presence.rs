//! Detection of DICOM files that hold no picture.

use super::data_set::DataSet;
use super::source::Source;
use super::tags::{COLUMNS, MODALITY, ROWS};
use crate::error::Error;

/// Fails with the kind of the file if it has neither pixel data nor rows and columns.
pub(super) fn check(source: Source<'_>, data: &DataSet<'_>) -> Result<(), Error> {
    if data.is_directory {
        let advice = "open the files that it lists";
        return Err(source.unsupported("a DICOMDIR, an index of other DICOM files", advice));
    }
    if data.pixels.is_some() || data.bytes(ROWS).is_some() || data.bytes(COLUMNS).is_some() {
        return Ok(());
    }
    let Some(modality) = data.text(MODALITY) else { return Ok(()) };
    let title = match modality.as_str() {
        "SR" => "a structured report",
        "PR" => "a presentation state",
        "KO" => "a key object selection",
        "DOC" => "a document",
        "ECG" | "HD" | "EPS" => "a waveform",
        "RTSTRUCT" | "RTPLAN" | "RTRECORD" => "a radiotherapy plan",
        "REG" => "a registration",
        _ => "other data",
    };
    let found = format!("a DICOM file without a picture ({title}, modality {modality})");
    Err(source.unsupported(found, "open the file of the radiograph"))
}
