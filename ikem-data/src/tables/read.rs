//! A tolerant CSV reader: comma, semicolon or tab as the separator, point or comma as the decimal mark.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;

use csv::StringRecord;

use super::KIND;
use crate::error::Error;
use crate::manifest::Subset;
use crate::names::bare;

/// Possible separators, in order of preference.
const SEPARATORS: [u8; 3] = *b",;\t";
/// The most columns that an error lists.
const LISTED: usize = 12;

/// A table with columns accessed by name.
pub(super) struct Table<'a> {
    path: &'a Path,
    header: Vec<String>,
    rows: Vec<StringRecord>,
    separator: u8,
}

impl<'a> Table<'a> {
    /// Parses a text with a header row; blank rows are skipped.
    pub(super) fn parse(path: &'a Path, text: &str) -> Result<Self, Error> {
        let broken =
            |error: csv::Error| Error::broken(path, KIND, error, "a header and rows of the same length");
        let (separator, text, before) = separator(text);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut records = reader.records().filter(|row| row.as_ref().map_or(true, |row| !is_blank(row)));
        let header = match records.next() {
            Some(header) => header.map_err(broken)?.iter().map(|name| name.trim().to_owned()).collect(),
            None => {
                return Err(Error::broken(path, KIND, "it is empty", "a header and rows of the same length"));
            }
        };
        let rows = records.collect::<Result<_, _>>().map_err(broken)?;
        let table = Self { path, header, rows, separator };
        // All rows may end in a separator. If only some rows are longer, a decimal comma may have split a number.
        let alike = table.rows.windows(2).all(|pair| pair[0].len() == pair[1].len());
        for (row, record) in table.rows.iter().enumerate() {
            let surplus = record.iter().skip(table.header.len()).any(|field| !field.trim().is_empty());
            if record.len() < table.header.len() || surplus || record.len() > table.header.len() && !alike {
                return Err(table.other_length(row, record, before + line(record, text)));
            }
        }
        Ok(table)
    }

    /// The error for a row whose length differs from that of the header.
    fn other_length(&self, row: usize, record: &StringRecord, line: usize) -> Error {
        let found = format!("{} fields", record.len());
        let mut expected = format!("{}, as in the header", self.header.len());
        if record.len() > self.header.len() {
            let separator = char::from(self.separator);
            expected += &format!("; a field that contains {separator:?} must be in double quotes");
        }
        self.wrong(row, &format!("line {line}"), found, expected)
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The column with one of these names, if any.
    pub(super) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|found| bare(found) == bare(name)))
    }

    /// The column with one of these names.
    ///
    /// # Errors
    /// [`Error::Broken`] if there is none or several have the name.
    pub(super) fn required(&self, names: &[&str]) -> Result<usize, Error> {
        let wanted = || match names {
            [one] => format!("{one:?}"),
            [first, others @ ..] => {
                let others: Vec<String> = others.iter().map(|name| format!("{name:?}")).collect();
                format!("{first:?} (or {})", others.join(", "))
            }
            [] => String::new(),
        };
        let Some(column) = self.column(names) else {
            let more = if self.header.len() > LISTED { ", …" } else { "" };
            let found = self.header.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let found = format!("no column {} among {found}{more}", wanted());
            return Err(Error::broken(self.path, KIND, found, "a column of that name"));
        };
        let name = bare(self.name(column));
        match self.header.iter().filter(|found| bare(found) == name).count() {
            1 => Ok(column),
            count => {
                let found = format!("{count} columns are named {:?}", self.name(column));
                Err(Error::broken(self.path, KIND, found, "only one"))
            }
        }
    }

    /// Parses the value in `row` and `column`. A number may have a decimal comma if that is not the separator.
    pub(super) fn value<T: FromStr>(&self, row: usize, column: usize, expected: &str) -> Result<T, Error> {
        let text = self.text(row, column).trim();
        let wrong = |found| self.wrong(row, self.name(column), found, expected.to_owned());
        let number = number(text, self.separator).map_err(wrong)?;
        number.parse().map_err(|_| wrong(format!("{text:?}")))
    }

    /// Like [`value`](Self::value), but `None` if the field is empty or the column is missing.
    pub(super) fn optional<T: FromStr>(
        &self,
        row: usize,
        column: Option<usize>,
        expected: &str,
    ) -> Result<Option<T>, Error> {
        match column {
            Some(column) if !self.text(row, column).trim().is_empty() => {
                self.value(row, column, expected).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether a field is empty.
    pub(super) fn is_empty(&self, row: usize, column: usize) -> bool {
        self.text(row, column).trim().is_empty()
    }

    /// Parses the name of a subset.
    pub(super) fn subset(&self, row: usize, column: usize) -> Result<Subset, Error> {
        let name = self.text(row, column).trim();
        name.parse().map_err(|_| self.wrong(row, "set", format!("{name:?}"), "train, val or test".to_owned()))
    }

    /// Parses a whole number of pixels; `300.0` is accepted too.
    pub(super) fn pixels(&self, row: usize, column: usize) -> Result<u32, Error> {
        let value: f64 = self.value(row, column, "pixels")?;
        if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
            return Ok(value as u32);
        }
        let found = format!("{:?}", self.text(row, column));
        Err(self.wrong(row, self.name(column), found, "pixels".to_owned()))
    }

    pub(super) fn text(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|row| row.get(column)).unwrap_or_default()
    }

    /// The name of a column.
    pub(super) fn name(&self, column: usize) -> &str {
        self.header.get(column).map(String::as_str).unwrap_or_default()
    }

    /// The error for an invalid field.
    pub(super) fn wrong(&self, row: usize, field: &str, found: String, expected: String) -> Error {
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

fn is_blank(row: &StringRecord) -> bool {
    row.iter().all(|field| field.trim().is_empty())
}

/// The line of the text that a row begins in, from 1.
fn line(row: &StringRecord, text: &str) -> usize {
    let Some(position) = row.position() else { return 0 };
    // `Position` is where the reader began to look for the row, so blank lines may follow it.
    let rest = usize::try_from(position.byte()).ok().and_then(|byte| text.as_bytes().get(byte..));
    let blank = rest.unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    usize::try_from(position.line()).unwrap_or(0) + blank.filter(|byte| **byte == b'\n').count()
}

/// Detects the separator: that of a first line `sep=;`, or else the most frequent one in the header. Returns it with
/// the text without such a first line, and the number of lines removed.
fn separator(text: &str) -> (u8, &str, usize) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(&[separator]) = line.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        return (separator, rest, 1);
    }
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut quoted = false;
    let outside = line.bytes().filter(|byte| {
        quoted ^= *byte == b'"';
        !quoted
    });
    let mut counts = [0_usize; SEPARATORS.len()];
    for byte in outside {
        for (count, separator) in counts.iter_mut().zip(SEPARATORS) {
            *count += usize::from(byte == separator);
        }
    }
    // The first of those that are equally frequent.
    let best = SEPARATORS.iter().zip(counts).rev().max_by_key(|(_, count)| *count);
    (best.map_or(b',', |(separator, _)| *separator), text, 0)
}

/// Normalizes a number to a decimal point.
fn number(text: &str, separator: u8) -> Result<Cow<'_, str>, String> {
    let Some((whole, decimals)) = text.split_once(',') else { return Ok(text.into()) };
    if text.contains('.') || decimals.contains(',') {
        return Err(format!("{text:?}, which has thousands separators or is not a number"));
    }
    // In comma-separated files, a comma in a number is most likely a thousands separator.
    if separator == b',' && decimals.len() == 3 {
        return Err(format!("{text:?}, which is {whole}.{decimals} or {whole}{decimals}"));
    }
    Ok(format!("{whole}.{decimals}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_points_and_commas() {
        for (text, separator, expected) in [
            ("412.5", b',', Some("412.5")),
            ("412,5", b';', Some("412.5")),
            ("412,500", b';', Some("412.500")),
            ("412,5", b',', Some("412.5")),
            ("1,250", b',', None),
            ("1.250,5", b';', None),
            ("1,250,5", b'\t', None),
        ] {
            assert_eq!(number(text, separator).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn separators_are_detected() {
        for (text, expected) in [
            ("a,b;c,d\n", (b',', "a,b;c,d\n", 0)),
            ("a;b\n1,5;2,5\n", (b';', "a;b\n1,5;2,5\n", 0)),
            ("\"a,b,c\"\td\n", (b'\t', "\"a,b,c\"\td\n", 0)),
            ("sep=;\r\na;b\n", (b';', "a;b\n", 1)),
            ("\r\na;b\n", (b';', "\r\na;b\n", 0)),
            ("a", (b',', "a", 0)),
            ("", (b',', "", 0)),
        ] {
            assert_eq!(separator(text), expected, "{text:?}");
        }
    }
}
