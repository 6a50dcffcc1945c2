use std::borrow::Cow;

/// What spreadsheets take for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A text as a cell of a table: one that a spreadsheet would take for a formula begins with an apostrophe, so that opening
/// the table computes nothing. Reading takes it away again.
///
/// ```
/// assert_eq!(ikem_data::spreadsheet_cell("=1+1.png"), "'=1+1.png");
/// assert_eq!(ikem_data::spreadsheet_cell("film-1.png"), "film-1.png");
/// ```
#[must_use]
pub fn spreadsheet_cell(text: &str) -> Cow<'_, str> {
    match text.trim_start_matches('\'').starts_with(FORMULA) {
        true => format!("'{text}").into(),
        false => text.into(),
    }
}

/// The text of a cell.
pub(super) fn cell_text(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if text.trim_start_matches('\'').starts_with(FORMULA) => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_no_formulas_and_read_as_they_were() {
        for text in ["=HYPERLINK()", "+1", "-1", "@a", "\tx", "'=1", "''=1", "'a'", "film.png", "", "'"] {
            let cell = spreadsheet_cell(text);
            assert!(!cell.starts_with(FORMULA), "{cell}");
            assert_eq!(cell_text(&cell), text);
        }
    }
}
