//! Access to samples by their bit layout.

use super::frame::Frame;

/// The samples of a frame as levels: their stored bits as an unsigned number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples<'a> {
    frame: &'a Frame<'a>,
}

impl<'a> Samples<'a> {
    pub(super) const fn new(frame: &'a Frame<'a>) -> Self {
        Self { frame }
    }

    pub(super) const fn stored(&self) -> u32 {
        self.frame.stored
    }

    pub(super) const fn signed(&self) -> bool {
        self.frame.signed
    }

    /// The number of possible levels.
    pub(super) const fn count(&self) -> usize {
        1 << self.frame.stored
    }

    /// The level of each sample.
    pub(super) fn levels(&self) -> impl Iterator<Item = usize> + use<'a> {
        let (mask, shift) = (self.count() - 1, self.frame.high + 1 - self.frame.stored);
        let big = self.frame.big_endian;
        self.frame.data.chunks_exact(self.frame.bytes).map(move |sample| {
            let sample = match *sample {
                [a, b] if big => usize::from(u16::from_be_bytes([a, b])),
                [a, b] => usize::from(u16::from_le_bytes([a, b])),
                [byte] => usize::from(byte),
                _ => 0,
            };
            (sample >> shift) & mask
        })
    }

    /// The stored value of a level, signed if the samples are.
    pub(super) const fn value(&self, level: usize) -> i64 {
        let half = 1 << (self.frame.stored - 1);
        if self.frame.signed && level >= half { level as i64 - self.count() as i64 } else { level as i64 }
    }

    /// Reinterprets a number in the samples' signedness, since some writers use the wrong one.
    pub(super) const fn as_stored(&self, value: i64) -> i64 {
        self.value((value & (self.count() as i64 - 1)) as usize)
    }
}
