//! Lookup tables, LUTs (PS3.3, C.11.1 and C.11.2).

use super::data_set::DataSet;
use super::source::Source;
use super::tags::{LUT_DATA, LUT_DESCRIPTOR, MODALITY_LUT_SEQUENCE, Tag};
use crate::error::Error;

/// A lookup table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lookup {
    /// The input value of the first entry.
    first: i64,
    values: Vec<u16>,
    /// The largest output value possible.
    pub(super) full: f64,
}

impl Lookup {
    /// Reads a table; `None` if it has no values. With `signed`, the first input may be negative. A table shorter than
    /// its descriptor says is accepted.
    pub(super) fn read(data: &DataSet<'_>, descriptor: Tag, values: Tag, signed: bool) -> Option<Self> {
        let [entries, first, bits] = data.descriptor(descriptor, signed)?;
        let entries = usize::try_from(entries).ok()?;
        let bytes = data.bytes(values)?;
        let big = data.encoding().big_endian;
        let word = |pair: &[u8]| match *pair {
            [a, b] if big => u16::from_be_bytes([a, b]),
            [a, b] => u16::from_le_bytes([a, b]),
            _ => 0,
        };
        // 8-bit entries may be stored in bytes or in words.
        let packed = bits <= 8 && bytes.len() <= entries + 1;
        let values: Vec<u16> = if packed {
            bytes.iter().take(entries).map(|&byte| byte.into()).collect()
        } else {
            bytes.chunks_exact(2).take(entries).map(word).collect()
        };
        let bits = if (1..=16).contains(&bits) { bits } else { 16 };
        // Some tables claim 8 bits but have larger values.
        let highest = values.iter().max().copied()?;
        let full = ((1_u32 << bits) - 1).max(highest.into());
        Some(Self { first, values, full: full.into() })
    }

    /// The output for `input`, rounded; clamps to the first and the last entry.
    pub(super) fn at(&self, input: f64) -> f64 {
        let last = self.values.len().saturating_sub(1) as f64;
        let index = (input.round() - self.first as f64).clamp(0.0, last);
        self.values.get(index as usize).copied().map_or(0.0, f64::from)
    }

    /// The smallest and the largest output.
    pub(super) fn range(&self) -> [f64; 2] {
        let [low, high] = [self.values.iter().min(), self.values.iter().max()];
        [low, high].map(|value| value.copied().map_or(0.0, f64::from))
    }
}

/// The Modality LUT, if there is one.
pub(super) fn modality(
    source: Source<'_>,
    data: &DataSet<'_>,
    signed: bool,
) -> Result<Option<Lookup>, Error> {
    let Some(item) = data.modality_luts().first() else { return Ok(None) };
    let table = Lookup::read(item, LUT_DESCRIPTOR, LUT_DATA, signed);
    let broken = || {
        let found = format!("its Modality LUT Sequence {MODALITY_LUT_SEQUENCE} has no valid table");
        source.broken(found, "a LUT descriptor and LUT data")
    };
    table.map(Some).ok_or_else(broken)
}
