use std::fmt::Display;
use std::ops::{Bound, RangeBounds};

/// A configuration field or an argument with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: expected {expected}, found {found}")]
pub struct FieldError {
    /// The field's path from the root of its configuration, such as `data.batch_size`, or the argument's name.
    pub field: String,
    /// The values that are valid.
    pub expected: String,
    /// The value found.
    pub found: String,
}

impl FieldError {
    /// The error of a `field` whose value is `found`, where only `expected` is valid.
    pub fn new(field: impl Into<String>, expected: impl Into<String>, found: impl Display) -> Self {
        Self { field: field.into(), expected: expected.into(), found: shown(found) }
    }

    /// The same error as seen from the configuration that holds this one in its field `parent`.
    ///
    /// ```
    /// use ikem_core::FieldError;
    /// let error = FieldError::new("std", "a positive number", -1.0).inside("model");
    /// assert_eq!(error.to_string(), "`model.std`: expected a positive number, found -1");
    /// ```
    #[must_use]
    pub fn inside(self, parent: &str) -> Self {
        Self { field: format!("{parent}.{}", self.field), ..self }
    }

    /// Checks that `found` lies in `range`; NaN lies in none.
    ///
    /// ```
    /// use ikem_core::FieldError;
    /// assert_eq!(FieldError::check_range("epochs", 3, 1..=10), Ok(()));
    /// let error = FieldError::check_range("epochs", 0, 1..=10).unwrap_err();
    /// assert_eq!(error.to_string(), "`epochs`: expected 1 to 10, found 0");
    /// let error = FieldError::check_range("rate", f64::NAN, 0.0..1.0).unwrap_err();
    /// assert_eq!(error.to_string(), "`rate`: expected at least 0 and below 1, found NaN");
    /// ```
    ///
    /// # Errors
    /// A value outside the range.
    pub fn check_range<T: PartialOrd + Display>(
        field: &str,
        found: T,
        range: impl RangeBounds<T>,
    ) -> Result<(), Self> {
        if range.contains(&found) {
            return Ok(());
        }
        Err(Self::new(field, described(&range), found))
    }

    /// Checks that both ends of an interval lie in `range`, the lower end first; NaN lies in none.
    ///
    /// ```
    /// use ikem_core::FieldError;
    /// assert_eq!(FieldError::check_interval("cobb", [5.0, 50.0], 0.0..=60.0), Ok(()));
    /// let error = FieldError::check_interval("cobb", [50.0, 5.0], 0.0..=60.0).unwrap_err();
    /// assert_eq!(error.to_string(), "`cobb`: expected [lowest, highest] of 0 to 60, found [50, 5]");
    /// ```
    ///
    /// # Errors
    /// An interval outside the range, or reversed.
    pub fn check_interval<T: PartialOrd + Display>(
        field: &str,
        [low, high]: [T; 2],
        range: impl RangeBounds<T>,
    ) -> Result<(), Self> {
        if range.contains(&low) && range.contains(&high) && low <= high {
            return Ok(());
        }
        let expected = format!("[lowest, highest] of {}", described(&range));
        Err(Self::new(field, expected, format!("[{low}, {high}]")))
    }

    /// Checks that `found` is a finite number of at least 0.
    ///
    /// # Errors
    /// A negative value, an infinite one or NaN.
    pub fn check_not_negative(field: &str, found: f64) -> Result<(), Self> {
        if found.is_finite() && found >= 0.0 {
            return Ok(());
        }
        Err(Self::new(field, "a finite number of at least 0", found))
    }
}

/// A value as text: numbers of very many digits, such as the smallest positive `f64`, with an exponent.
fn shown(value: impl Display) -> String {
    const LONGEST: usize = 24;
    let text = value.to_string();
    match text.parse::<f64>() {
        Ok(number) if text.len() > LONGEST => format!("{number:e}"),
        _ => text,
    }
}

/// A range in words.
fn described<T: Display>(range: &impl RangeBounds<T>) -> String {
    let low = match range.start_bound() {
        Bound::Included(low) => Some(format!("at least {}", shown(low))),
        Bound::Excluded(low) => Some(format!("above {}", shown(low))),
        Bound::Unbounded => None,
    };
    let high = match range.end_bound() {
        Bound::Included(high) => Some(format!("at most {}", shown(high))),
        Bound::Excluded(high) => Some(format!("below {}", shown(high))),
        Bound::Unbounded => None,
    };
    match (range.start_bound(), range.end_bound()) {
        (Bound::Included(low), Bound::Included(high)) => format!("{} to {}", shown(low), shown(high)),
        _ => low.into_iter().chain(high).collect::<Vec<_>>().join(" and "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop where something is wrong")]

    use super::*;

    #[test]
    fn extreme_bounds_are_shown_with_an_exponent() {
        let error = FieldError::check_range("a", 0.0, f64::MIN_POSITIVE..=f64::MAX).unwrap_err();
        assert_eq!(
            (error.expected.as_str(), error.found.as_str()),
            ("2.2250738585072014e-308 to 1.7976931348623157e308", "0")
        );
        assert_eq!(FieldError::check_range("a", 10.5, 0.001..=1.0).unwrap_err().expected, "0.001 to 1");
        let error = FieldError::check_range("a", 1e300, ..1.0).unwrap_err();
        assert_eq!((error.expected.as_str(), error.found.as_str()), ("below 1", "1e300"));
    }
}
