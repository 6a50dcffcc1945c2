//! Values that different programs write in different ways.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A number; `true` is 1, `false` is 0, and `null` is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Value(pub(super) Option<f64>);

impl Value {
    /// The value as an image side: a whole number of pixels, at least 1.
    pub(super) fn side(self) -> Option<usize> {
        let whole = |side: &f64| (1.0..=f64::from(u32::MAX)).contains(side) && side.fract() == 0.0;
        self.0.filter(whole).map(|side| side as usize)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("nothing"),
        }
    }
}

struct OfNumber;

impl Visitor<'_> for OfNumber {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value(Some(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.visit_f64(f64::from(u8::from(value)))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value(None))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(OfNumber)
    }
}

/// The id of an image or a category.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Id {
    Number(i128),
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

struct OfId;

impl Visitor<'_> for OfId {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or a text")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Id, E> {
        Ok(Id::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Id, E> {
        Ok(Id::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Id, E> {
        match value.fract() == 0.0 && value.abs() < 1e15 {
            true => Ok(Id::Number(value as i128)),
            false => Err(E::custom(format!("invalid value: {value}; expected a whole number"))),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
        // Some databases store ids as text and refer to them as numbers.
        Ok(text.trim().parse().map_or_else(|_| Id::Text(text.to_owned()), Id::Number))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(OfId)
    }
}
