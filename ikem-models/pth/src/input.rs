use std::io::{BufRead, Read};

use crate::error::PthErrorKind;

/// The bytes of a pickle, counted and limited. No length that the pickle states is trusted: buffers grow with the bytes
/// that are actually read.
pub(crate) struct PickleInput<R> {
    reader: R,
    position: u64,
    /// Where the current operation began.
    operation: u64,
    remaining: u64,
    limit: u64,
}

impl<R: BufRead> PickleInput<R> {
    pub(crate) fn new(reader: R, position: u64, limit: u64) -> Self {
        Self { reader, position, operation: position, remaining: limit, limit }
    }

    /// Position of the current operation in the file.
    pub(crate) fn operation(&self) -> u64 {
        self.operation
    }

    /// The opcode of the next operation.
    pub(crate) fn next_operation(&mut self) -> Result<u8, PthErrorKind> {
        self.operation = self.position;
        let [opcode] = self.array()?;
        Ok(opcode)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], PthErrorKind> {
        let mut bytes = [0; N];
        self.spend(N as u64)?;
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => self.cut(),
            Err(error) => Err(PthErrorKind::from_io(error)),
        }
    }

    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: u64) -> Result<Vec<u8>, PthErrorKind> {
        let mut bytes = Vec::new();
        self.spend(length)?;
        self.reader.by_ref().take(length).read_to_end(&mut bytes).map_err(PthErrorKind::from_io)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { self.cut() }
    }

    /// The bytes up to the next line feed, which is consumed and not returned.
    pub(crate) fn line(&mut self) -> Result<Vec<u8>, PthErrorKind> {
        let mut line = Vec::new();
        let left = self.remaining;
        self.reader.by_ref().take(left).read_until(b'\n', &mut line).map_err(PthErrorKind::from_io)?;
        let read = line.len() as u64;
        if line.pop() == Some(b'\n') {
            self.spend(read)?;
            Ok(line)
        } else {
            // Without a line feed up to the limit the pickle is too long; before the limit the file is truncated.
            self.spend(if read == left { left.saturating_add(1) } else { 0 })?;
            self.cut()
        }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), PthErrorKind> {
        match self.remaining.checked_sub(bytes) {
            Some(remaining) => {
                self.remaining = remaining;
                self.position = self.position.saturating_add(bytes);
                Ok(())
            }
            None => Err(PthErrorKind::Limit {
                what: "the pickle".into(),
                found: (self.limit - self.remaining).saturating_add(bytes),
                limit: self.limit,
                unit: "bytes",
            }),
        }
    }

    fn cut<T>(&self) -> Result<T, PthErrorKind> {
        let problem = "the file ends here, in the middle of an operation".into();
        Err(PthErrorKind::Pickle { position: self.operation, problem })
    }
}
