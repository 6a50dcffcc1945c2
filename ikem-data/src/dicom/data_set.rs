//! The data elements that make up the picture.

use super::stream::{Encoding, Fault, Header, Stream};
use super::tags::{
    COLUMNS, DIRECTORY_RECORDS, DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, ITEM, ITEM_END, KEPT,
    MODALITY_LUT_SEQUENCE, PIXEL_DATA, ROWS, SEQUENCE_END, Tag, VOI_LUT_SEQUENCE,
};

/// The longest value parsed as text or numbers, in bytes; longer ones count as missing.
const LONGEST: usize = 4096;

/// How far to read a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// Up to rows and columns.
    Size,
    /// Everything that the picture needs.
    Picture,
}

#[derive(Debug, Clone, Copy)]
struct Value<'a> {
    tag: Tag,
    kind: Option<[u8; 2]>,
    bytes: &'a [u8],
}

/// The pixel data element.
#[derive(Debug, Clone, Copy)]
pub(super) struct PixelData<'a> {
    pub(super) header: Header,
    /// Positioned at the first byte of the value.
    pub(super) stream: Stream<'a>,
}

/// The elements read.
#[derive(Debug, Clone)]
pub(super) struct DataSet<'a> {
    encoding: Encoding,
    values: Vec<Value<'a>>,
    modality_luts: Vec<DataSet<'a>>,
    voi_luts: Vec<DataSet<'a>>,
    /// Whether this is a DICOMDIR.
    pub(super) is_directory: bool,
    pub(super) pixels: Option<PixelData<'a>>,
}

impl<'a> DataSet<'a> {
    /// Reads the elements that `part` needs. Stops at the pixel data.
    pub(super) fn read(bytes: &'a [u8], encoding: Encoding, part: Part) -> Result<Self, Fault> {
        let mut stream = Stream::new(bytes, encoding);
        let mut found = Self::empty(encoding);
        while let Some(header) = stream.header()? {
            match header.tag {
                PIXEL_DATA | FLOAT_PIXEL_DATA | DOUBLE_FLOAT_PIXEL_DATA => {
                    found.pixels = Some(PixelData { header, stream });
                    break;
                }
                ITEM | ITEM_END | SEQUENCE_END => return Err(Fault::Unopened),
                _ => found.keep(&mut stream, &header)?,
            }
            if part == Part::Size && found.value(ROWS).is_some() && found.value(COLUMNS).is_some() {
                break;
            }
        }
        Ok(found)
    }

    const fn empty(encoding: Encoding) -> Self {
        Self {
            encoding,
            values: Vec::new(),
            modality_luts: Vec::new(),
            voi_luts: Vec::new(),
            is_directory: false,
            pixels: None,
        }
    }

    /// Stores an element of interest and skips others. The first of duplicate elements wins.
    fn keep(&mut self, stream: &mut Stream<'a>, header: &Header) -> Result<(), Fault> {
        let value = *stream;
        stream.skip(header)?;
        match header.tag {
            MODALITY_LUT_SEQUENCE => self.modality_luts.extend(self.luts(value, header)),
            VOI_LUT_SEQUENCE => self.voi_luts.extend(self.luts(value, header)),
            DIRECTORY_RECORDS => self.is_directory = true,
            tag if KEPT.contains(&tag) && self.value(tag).is_none() => {
                let bytes =
                    header.length.map_or(&[][..], |length| value.rest().get(..length).unwrap_or_default());
                self.values.push(Value { tag, kind: header.kind, bytes });
            }
            _ => {}
        }
        Ok(())
    }

    /// The items of a LUT sequence, at most 16. A nested LUT sequence ends its item.
    fn luts(&self, sequence: Stream<'a>, header: &Header) -> Vec<Self> {
        let items = sequence.items(header).into_iter().take(16);
        let encoding = self.encoding;
        items
            .map(|mut item| {
                let mut found = Self::empty(encoding);
                while let Ok(Some(header)) = item.header() {
                    let is_lut = matches!(header.tag, MODALITY_LUT_SEQUENCE | VOI_LUT_SEQUENCE);
                    if is_lut || found.keep(&mut item, &header).is_err() {
                        break;
                    }
                }
                found
            })
            .collect()
    }

    /// The items of the Modality LUT Sequence.
    pub(super) fn modality_luts(&self) -> &[Self] {
        &self.modality_luts
    }

    /// The items of the VOI LUT Sequence.
    pub(super) fn voi_luts(&self) -> &[Self] {
        &self.voi_luts
    }

    pub(super) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn value(&self, tag: Tag) -> Option<&Value<'a>> {
        self.values.iter().find(|value| value.tag == tag)
    }

    /// The raw value of an element; `None` if it is missing or empty.
    pub(super) fn bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        self.value(tag).map(|value| value.bytes).filter(|bytes| !bytes.is_empty())
    }

    /// A text value without padding; `None` if it is missing, empty or too long.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let bytes = self.bytes(tag).filter(|bytes| bytes.len() <= LONGEST)?;
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Binary numbers in the element's value representation, or in `otherwise` if that is unknown; `None` if the
    /// representation is a text.
    fn numbers(&self, value: &Value<'a>, otherwise: [u8; 2]) -> Option<Vec<f64>> {
        let big = self.encoding.big_endian;
        macro_rules! all {
            ($kind:ty) => {{
                let chunks = value.bytes.chunks_exact(size_of::<$kind>());
                let read = |bytes: &[u8]| {
                    let bytes = bytes.try_into().unwrap_or_default();
                    if big { <$kind>::from_be_bytes(bytes) } else { <$kind>::from_le_bytes(bytes) }
                };
                Some(chunks.map(|bytes| read(bytes) as f64).collect())
            }};
        }
        let unknown = matches!(value.kind, None | Some([b'U', b'N'] | [b'O', b'B']));
        match &(if unknown { otherwise } else { value.kind.unwrap_or(otherwise) }) {
            b"US" | b"OW" if value.bytes.len() == 1 => all!(u8),
            b"US" | b"OW" => all!(u16),
            b"SS" => all!(i16),
            b"UL" | b"OL" => all!(u32),
            b"SL" => all!(i32),
            b"FL" | b"OF" => all!(f32),
            b"FD" | b"OD" => all!(f64),
            _ => None,
        }
    }

    /// The numbers of an element, binary or text. `otherwise` is its standard representation, for elements that do not
    /// state one. Text that is not a number becomes NaN. `None` if there is no value.
    fn any_numbers(&self, tag: Tag, otherwise: [u8; 2]) -> Option<Vec<f64>> {
        let value = self.value(tag).filter(|value| !value.bytes.is_empty())?;
        match self.numbers(value, otherwise) {
            Some(numbers) => (value.bytes.len() <= LONGEST && !numbers.is_empty()).then_some(numbers),
            None => self.text(tag).map(|text| decimals(&text)),
        }
    }

    /// The first number if it is an integer.
    pub(super) fn integer(&self, tag: Tag) -> Option<i64> {
        whole(self.any_numbers(tag, *b"US")?.first().copied()?)
    }

    /// The first number of an integer string (IS) if it is an integer.
    pub(super) fn integer_text(&self, tag: Tag) -> Option<i64> {
        whole(self.any_numbers(tag, *b"IS")?.first().copied()?)
    }

    /// The numbers of a decimal string (DS).
    pub(super) fn decimals(&self, tag: Tag) -> Option<Vec<f64>> {
        self.any_numbers(tag, *b"DS")
    }

    /// A LUT descriptor: the number of entries, the first value mapped and the bits per entry. With `signed`, the first
    /// value is a signed 16-bit number.
    pub(super) fn descriptor(&self, tag: Tag, signed: bool) -> Option<[i64; 3]> {
        let numbers = self.any_numbers(tag, *b"US")?;
        let [entries, first, bits] = numbers.get(..3)?.try_into().ok()?;
        let [entries, first, bits]: [f64; 3] = [entries, first, bits];
        let entries = (entries as i64).rem_euclid(1 << 16);
        let first = first as i64;
        let first = if signed && first >= 1 << 15 { first - (1 << 16) } else { first };
        Some([if entries == 0 { 1 << 16 } else { entries }, first, bits as i64])
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e9).then_some(number as i64)
}

/// Parses decimal strings leniently: values are separated by backslashes and may use a decimal comma. In a value with
/// both a point and a comma, the comma is a separator.
fn decimals(text: &str) -> Vec<f64> {
    let split = |part: &str| -> Vec<f64> {
        let number = |text: &str| text.trim().replace(',', ".").parse().unwrap_or(f64::NAN);
        if part.contains('.') && part.contains(',') {
            part.split(',').map(number).collect()
        } else {
            vec![number(part)]
        }
    };
    text.split('\\').flat_map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_with_point_and_comma() {
        for (text, expected) in [
            ("0.3\\0.4", &[0.3, 0.4][..]),
            ("0,3\\0,4", &[0.3, 0.4]),
            ("0.3,0.4", &[0.3, 0.4]),
            (" 1e-1 \\ +2", &[0.1, 2.0]),
            ("5", &[5.0]),
        ] {
            assert_eq!(decimals(text), expected, "{text}");
        }
        assert!(decimals("abc")[0].is_nan());
    }
}
