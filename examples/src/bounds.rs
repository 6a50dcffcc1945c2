/// Parses a count of at most `MOST`, for command-line options.
///
/// # Errors
/// When the text is not a whole number, or the number exceeds `MOST`.
///
/// ```
/// use ikem_examples::at_most;
/// assert_eq!(at_most::<100>("12"), Ok(12));
/// assert_eq!(at_most::<100>("101"), Err("found 101; expected at most 100".to_owned()));
/// ```
pub fn at_most<const MOST: usize>(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number <= MOST => Ok(number),
        Ok(number) => Err(format!("found {number}; expected at most {MOST}")),
        Err(_) => Err(format!("found {text:?}; expected a whole number of at most {MOST}")),
    }
}
