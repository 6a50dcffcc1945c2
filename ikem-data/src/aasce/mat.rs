//! A reader for one numeric matrix of a MATLAB version 5 or 7 file.
//!
//! Format: "MAT-File Format", The MathWorks; version 7 is version 5 with compression. The existing crates panic on
//! damaged files or allocate without bound, so the part needed is implemented here: top-level numeric matrices of any
//! class and storage type, in either byte order.

use std::io::Read;
use std::path::Path;

use flate2::read::ZlibDecoder;

use crate::error::Error;
use crate::files;

/// The largest label file, and the largest decompressed size of a variable, in bytes.
const LIMIT: u64 = 4 << 20;
/// The expected content, for errors.
const KIND: &str = "MATLAB label file";

/// Element types of the format.
const INT32: u32 = 5;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// A matrix of `rows` × `columns` values in column-major order.
#[derive(Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) values: Vec<f64>,
}

/// Reads the variable `name` of a MATLAB file.
pub(super) fn read(path: &Path, name: &str) -> Result<Matrix, Error> {
    let wrong = |found: &str| {
        Error::broken(path, KIND, found, format!("version 5 or 7 with a numeric matrix {name:?}"))
    };
    let bytes = files::read(path, LIMIT)?;
    parse(&bytes, name).map_err(wrong)
}

/// A result whose error says what is wrong.
type Parsed<T> = Result<T, &'static str>;

const CUT: &str = "it is truncated";

fn parse(bytes: &[u8], name: &str) -> Parsed<Matrix> {
    let (header, body) = bytes.split_at_checked(128).ok_or("it has no header of 128 bytes")?;
    if header.starts_with(b"MATLAB 7.3") {
        return Err("it has version 7.3 (HDF5)");
    }
    let big = match header.get(126..) {
        Some(b"IM") => false,
        Some(b"MI") => true,
        _ => return Err("its header has no byte order mark"),
    };
    let mut elements = Elements { rest: body, big };
    while let Some((kind, data)) = elements.next_top()? {
        let unpacked;
        let (kind, data) = if kind == COMPRESSED {
            unpacked = unpack(data)?;
            Elements { rest: &unpacked, big }.next_top()?.ok_or(CUT)?
        } else {
            (kind, data)
        };
        if kind == MATRIX
            && let Some(matrix) = matrix(Elements { rest: data, big }, name)?
        {
            return Ok(matrix);
        }
    }
    Err("it does not hold the variable")
}

fn unpack(data: &[u8]) -> Parsed<Vec<u8>> {
    let mut unpacked = Vec::new();
    ZlibDecoder::new(data)
        .take(LIMIT + 1)
        .read_to_end(&mut unpacked)
        .map_err(|_| "its compressed data is damaged")?;
    if unpacked.len() as u64 > LIMIT {
        Err("a variable decompresses to more than 4 MiB")
    } else {
        Ok(unpacked)
    }
}

/// The matrix if its name is `name`; an error if that one is not numeric.
fn matrix(mut parts: Elements<'_>, name: &str) -> Parsed<Option<Matrix>> {
    /// Classes of numeric matrices: double, single, and the eight integers.
    const NUMERIC: std::ops::RangeInclusive<u32> = 6..=15;
    let (_, flags) = parts.next()?;
    let class = parts.words(flags).next().ok_or(CUT)? & 0xff;
    let (kind, sizes) = parts.next()?;
    let (_, found) = parts.next()?;
    if found != name.as_bytes() {
        return Ok(None);
    }
    if !NUMERIC.contains(&class) {
        return Err("the variable is not numeric");
    }
    let sizes: Vec<usize> = parts.words(sizes).map(|size| size as usize).collect();
    let &[rows, columns] = sizes.as_slice() else {
        return Err("the variable is not a matrix of two dimensions");
    };
    if kind != INT32 {
        return Err("the variable's dimensions are not 32-bit integers");
    }
    let (kind, data) = parts.next()?;
    let values = numbers(kind, data, parts.big).ok_or("the variable has an unknown storage type")?;
    if rows.checked_mul(columns) != Some(values.len()) {
        return Err("the variable's dimensions do not match the number of its values");
    }
    Ok(Some(Matrix { rows, columns, values }))
}

/// Converts stored values of type `kind`; `None` for an unknown type.
fn numbers(kind: u32, data: &[u8], big: bool) -> Option<Vec<f64>> {
    macro_rules! all {
        ($number:ty) => {
            data.chunks_exact(size_of::<$number>())
                .filter_map(|bytes| bytes.try_into().ok())
                .map(|bytes| if big { <$number>::from_be_bytes(bytes) } else { <$number>::from_le_bytes(bytes) } as f64)
                .collect()
        };
    }
    Some(match kind {
        1 => all!(i8),
        2 => all!(u8),
        3 => all!(i16),
        4 => all!(u16),
        INT32 => all!(i32),
        6 => all!(u32),
        7 => all!(f32),
        9 => all!(f64),
        12 => all!(i64),
        13 => all!(u64),
        _ => return None,
    })
}

/// A sequence of data elements, each a type, a length, data and padding.
struct Elements<'a> {
    rest: &'a [u8],
    big: bool,
}

impl<'a> Elements<'a> {
    fn word(&self, bytes: [u8; 4]) -> u32 {
        if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn words(&self, data: &'a [u8]) -> impl Iterator<Item = u32> {
        data.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok()).map(|bytes| self.word(bytes))
    }

    fn take(&mut self, length: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_word(&mut self) -> Parsed<u32> {
        let bytes = self.take(4)?.try_into().map_err(|_| CUT)?;
        Ok(self.word(bytes))
    }

    /// The next element of a matrix; small elements store their data in the tag.
    fn next(&mut self) -> Parsed<(u32, &'a [u8])> {
        let word = self.take_word()?;
        let small = (word >> 16) as usize;
        if small > 4 {
            return Err("a small element is longer than 4 bytes");
        }
        if small > 0 {
            let data = self.take(4)?.get(..small).ok_or(CUT)?;
            return Ok((word & 0xffff, data));
        }
        let length = self.take_word()? as usize;
        let data = self.take(length)?;
        let padding = length.next_multiple_of(8) - length;
        self.rest = self.rest.get(padding..).unwrap_or_default();
        Ok((word, data))
    }

    /// The next variable, if any; compressed ones are not padded.
    fn next_top(&mut self) -> Parsed<Option<(u32, &'a [u8])>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (kind, length) = (self.take_word()?, self.take_word()? as usize);
        Ok(Some((kind, self.take(length)?)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;

    /// A file under construction.
    struct Writer {
        big: bool,
        bytes: Vec<u8>,
    }

    impl Writer {
        fn word(&mut self, value: u32) {
            self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        }

        fn element(&mut self, kind: u32, data: &[u8]) {
            self.word(kind);
            self.word(data.len() as u32);
            self.bytes.extend(data);
            self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        }

        fn header(&mut self) {
            self.bytes = b"MATLAB 5.0 MAT-file".to_vec();
            self.bytes.resize(124, b' ');
            self.bytes.extend(if self.big { b"\x01\x00MI" } else { b"\x00\x01IM" });
        }
    }

    /// A 2 × 2 matrix element with the given name, class and storage type.
    fn variable(name: &str, class: u32, kind: u32, data: &[u8], big: bool) -> Vec<u8> {
        let mut parts = Writer { big, bytes: Vec::new() };
        let mut words = Writer { big, bytes: Vec::new() };
        words.word(class);
        words.word(0);
        parts.element(6, &words.bytes);
        words.bytes.clear();
        words.word(2);
        words.word(2);
        parts.element(5, &words.bytes);
        if name.len() <= 4 {
            let mut small = name.as_bytes().to_vec();
            small.resize(4, 0);
            parts.word(1 | ((name.len() as u32) << 16));
            parts.bytes.extend(small);
        } else {
            parts.element(1, name.as_bytes());
        }
        parts.element(kind, data);
        let mut whole = Writer { big, bytes: Vec::new() };
        whole.element(MATRIX, &parts.bytes);
        whole.bytes
    }

    fn file(variables: &[Vec<u8>], big: bool) -> Vec<u8> {
        let mut writer = Writer { big, bytes: Vec::new() };
        writer.header();
        variables.iter().for_each(|variable| writer.bytes.extend(variable));
        writer.bytes
    }

    fn compressed(variable: &[u8], big: bool) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(variable).unwrap();
        let data = encoder.finish().unwrap();
        let mut writer = Writer { big, bytes: Vec::new() };
        writer.word(COMPRESSED);
        writer.word(data.len() as u32);
        writer.bytes.extend(data);
        writer.bytes
    }

    #[test]
    fn every_class_and_storage_type_is_read() {
        let expected = Matrix { rows: 2, columns: 2, values: vec![3.0, 1.0, 4.0, 100.0] };
        macro_rules! case {
            ($kind:expr, $class:expr, $number:ty) => {
                for big in [false, true] {
                    let bytes = |v: $number| if big { v.to_be_bytes() } else { v.to_le_bytes() };
                    let data: Vec<u8> =
                        [3, 1, 4, 100].into_iter().flat_map(|v| bytes(v as $number)).collect();
                    let other = variable("another", 6, 2, &[9, 9, 9, 9], big);
                    let wanted = variable("p2", $class, $kind, &data, big);
                    let plain = file(&[other.clone(), wanted.clone()], big);
                    assert_eq!(parse(&plain, "p2").as_ref(), Ok(&expected), "{} {big}", stringify!($number));
                    let packed = file(&[compressed(&other, big), compressed(&wanted, big)], big);
                    assert_eq!(parse(&packed, "p2").as_ref(), Ok(&expected), "{} {big}", stringify!($number));
                }
            };
        }
        case!(1, 8, i8);
        case!(2, 6, u8);
        case!(3, 10, i16);
        case!(4, 6, u16);
        case!(5, 12, i32);
        case!(6, 13, u32);
        case!(7, 7, f32);
        case!(9, 6, f64);
        case!(12, 14, i64);
        case!(13, 15, u64);
    }

    #[test]
    fn invalid_files_are_rejected_with_the_reason() {
        let good = variable("p2", 6, 2, &[1, 2, 3, 4], false);
        let bomb = compressed(&vec![0; LIMIT as usize + 1], false);
        let mut endless = file(std::slice::from_ref(&good), false);
        endless[132..136].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut hdf5 = file(&[], false);
        hdf5[..10].copy_from_slice(b"MATLAB 7.3");
        for (name, bytes, expected) in [
            ("empty", vec![], "no header"),
            ("text", vec![b' '; 200], "no byte order mark"),
            ("hdf5", hdf5, "HDF5"),
            ("no variable", file(&[], false), "does not hold the variable"),
            (
                "other variable",
                file(&[variable("q", 6, 2, &[1; 4], false)], false),
                "does not hold the variable",
            ),
            ("characters", file(&[variable("p2", 4, 4, &[0; 8], false)], false), "not numeric"),
            ("few values", file(&[variable("p2", 6, 2, &[1; 3], false)], false), "dimensions do not match"),
            ("endless", endless, "is truncated"),
            ("bomb", file(&[bomb], false), "decompresses to more"),
            ("damaged", file(&[[&good[..4], &[0; 9]].concat()], false), "is truncated"),
        ] {
            let found = parse(&bytes, "p2").expect_err(name);
            assert!(found.contains(expected), "{name}: {found}");
        }
    }

    proptest! {
        #[test]
        fn damaged_files_never_panic(
            packed in any::<bool>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let good = variable("p2", 6, 2, &[1, 2, 3, 4], false);
            let mut bytes = file(&[if packed { compressed(&good, false) } else { good }], false);
            for (place, value) in changes {
                // The interesting bytes start at the end of the header.
                let place = 120 + place.index(bytes.len() - 120);
                bytes[place] = value;
            }
            bytes.truncate(bytes.len().min(2 * cut.index(bytes.len())));
            if let Ok(matrix) = parse(&bytes, "p2") {
                prop_assert_eq!(matrix.rows * matrix.columns, matrix.values.len());
            }
        }
    }
}
