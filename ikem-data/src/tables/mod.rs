//! Labels and predictions as CSV, with a header.

mod labels;
mod predictions;

use std::path::Path;

use csv::StringRecord;

use crate::{Error, files};

pub use predictions::{csv_predictions, read_csv_predictions, write_csv_predictions};

/// What the file should be.
const KIND: &str = "CSV file";

/// Rows of equal length under a header.
fn bytes(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Error> {
    let failed = |error: String| Error::Argument {
        argument: "rows",
        found: error,
        expected: "rows as long as the header".to_owned(),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|error| failed(error.to_string()))?;
    for row in rows {
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| failed(error.to_string()))
}

/// A CSV file with the columns that were asked for.
struct Table<'a> {
    path: &'a Path,
    header: Vec<String>,
    rows: Vec<StringRecord>,
}

impl<'a> Table<'a> {
    /// Reads a file whose columns are those of `header`; only the first `required` must be there.
    fn read(path: &'a Path, header: Vec<String>, required: usize) -> Result<Self, Error> {
        let broken = |error: csv::Error| Error::broken(path, KIND, error, "rows as long as the header");
        let text = files::read_text(path, KIND)?;
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let found = reader.headers().map_err(broken)?;
        let other = |(place, wanted): &(usize, &String)| match found.get(*place) {
            Some(name) => name != wanted.as_str(),
            None => *place < required,
        };
        if let Some((place, wanted)) = header.iter().enumerate().find(other) {
            let found = format!("column {place} is {:?}", found.get(place).unwrap_or_default());
            return Err(Error::broken(path, KIND, found, format!("{wanted:?}")));
        }
        if found.len() > header.len() {
            let found = format!("{} columns", found.len());
            return Err(Error::broken(path, KIND, found, header.len().to_string()));
        }
        let rows = reader.records().collect::<Result<_, _>>().map_err(broken)?;
        Ok(Self { path, header, rows })
    }

    /// The value in `row` and `column`.
    fn value<T: std::str::FromStr>(&self, row: usize, column: usize, expected: &str) -> Result<T, Error> {
        let text = self.text(row, column);
        text.parse().map_err(|_| self.wrong(row, self.name(column), format!("{text:?}"), expected.to_owned()))
    }

    fn text(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|row| row.get(column)).unwrap_or_default()
    }

    fn name(&self, column: usize) -> &str {
        self.header.get(column).map(String::as_str).unwrap_or_default()
    }

    fn wrong(&self, row: usize, field: &str, found: String, expected: String) -> Error {
        Error::Entry {
            path: self.path.to_owned(),
            entry: row,
            name: self.text(row, 0).into(),
            field: field.into(),
            found,
            expected,
        }
    }
}
