//! Lookup tables (PS3.3, C.11.1 and C.11.2).

use super::data_set::DataSet;
use super::source::Source;
use super::tags::{LUT_DATA, LUT_DESCRIPTOR, MODALITY_LUT_SEQUENCE, Tag};
use crate::Error;

/// A table of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lookup {
    /// The place that the first value is for.
    first: i64,
    values: Vec<u16>,
    /// The highest value that there could be.
    pub(super) full: f64,
}

impl Lookup {
    /// Reads a table. `signed` says whether its first place may be below 0. `None` where it has no values. A table that is shorter
    /// than it says has the values that are there.
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
        // Eight bits may stand in a byte or in a word of their own.
        let packed = bits <= 8 && bytes.len() <= entries + 1;
        let values: Vec<u16> = if packed {
            bytes.iter().take(entries).map(|&byte| byte.into()).collect()
        } else {
            bytes.chunks_exact(2).take(entries).map(word).collect()
        };
        let bits = if (1..=16).contains(&bits) { bits } else { 16 };
        // Some tables say that their values have 8 bits where they have more.
        let highest = values.iter().max().copied()?;
        let full = ((1_u32 << bits) - 1).max(highest.into());
        Some(Self { first, values, full: full.into() })
    }

    /// The value for a place; the first or the last one where the table does not reach.
    pub(super) fn at(&self, place: f64) -> f64 {
        let last = self.values.len().saturating_sub(1) as f64;
        let index = (place.round() - self.first as f64).clamp(0.0, last);
        self.values.get(index as usize).copied().map_or(0.0, f64::from)
    }

    /// The lowest and the highest value.
    pub(super) fn range(&self) -> [f64; 2] {
        let [low, high] = [self.values.iter().min(), self.values.iter().max()];
        [low, high].map(|value| value.copied().map_or(0.0, f64::from))
    }
}

/// The tables that say what stored values mean, if there are any.
pub(super) fn modality(
    source: Source<'_>,
    data: &DataSet<'_>,
    signed: bool,
) -> Result<Option<Lookup>, Error> {
    let Some(item) = data.modality_luts().first() else { return Ok(None) };
    let table = Lookup::read(item, LUT_DESCRIPTOR, LUT_DATA, signed);
    let broken = || {
        let found = format!("its Modality LUT Sequence {MODALITY_LUT_SEQUENCE} has no table");
        source.broken(found, "a descriptor and values")
    };
    table.map(Some).ok_or_else(broken)
}
