//! The file around the data set: preamble, meta information, transfer syntax and deflation (PS3.10, 7).
//!
//! Any of these may be missing or wrong. The first element of the data set decides between explicit and implicit value
//! representations, whatever the transfer syntax says.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, ZlibDecoder};

use super::source::Source;
use super::stream::{Encoding, Stream};
use super::tags::{META_LENGTH, TRANSFER_SYNTAX};
use crate::error::Error;
use crate::limits::Limits;

/// The length of the preamble, which the magic follows.
const PREAMBLE: usize = 128;
const MAGIC: &[u8] = b"DICM";
/// The advice for pixels that cannot be decoded.
pub(super) const CONVERT: &str = "decompress it, for example with `gdcmconv --raw IN OUT`";

/// The compression of the pixel data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coding {
    Plain,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
}

/// A transfer syntax (PS3.5, 10).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Syntax {
    coding: Coding,
    big_endian: bool,
    deflated: bool,
}

impl Syntax {
    const fn of(coding: Coding) -> Self {
        Self { coding, big_endian: false, deflated: false }
    }

    /// The transfer syntax with the UID `name`; `None` if it is not supported.
    fn new(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("1.2.840.10008.1.2")? {
            "" | ".1" => Self::of(Coding::Plain),
            ".1.99" => Self { deflated: true, ..Self::of(Coding::Plain) },
            ".2" => Self { big_endian: true, ..Self::of(Coding::Plain) },
            ".5" => Self::of(Coding::Rle),
            ".4.50" | ".4.51" | ".4.57" | ".4.70" => Self::of(Coding::Jpeg),
            ".4.80" | ".4.81" => Self::of(Coding::JpegLs),
            ".4.90" | ".4.91" | ".4.201" | ".4.202" | ".4.203" => Self::of(Coding::Jpeg2000),
            _ => return None,
        })
    }
}

/// A description of an unsupported transfer syntax.
fn title(name: &str) -> &'static str {
    match name.strip_prefix("1.2.840.10008.1.2").unwrap_or(name) {
        ".4.52" | ".4.53" | ".4.54" | ".4.55" | ".4.56" => "JPEG, spectral selection or progressive",
        ".4.58" | ".4.59" | ".4.60" | ".4.61" | ".4.62" | ".4.63" | ".4.64" | ".4.65" | ".4.66" => {
            "JPEG, a retired process"
        }
        ".4.92" | ".4.93" => "JPEG 2000, several components",
        ".4.94" | ".4.95" | ".4.204" | ".4.205" => "JPIP referenced pixel data",
        ".4.100" | ".4.100.1" | ".4.101" | ".4.101.1" => "MPEG-2 video",
        ".4.102" | ".4.102.1" | ".4.103" | ".4.103.1" | ".4.104" | ".4.104.1" | ".4.105" | ".4.105.1"
        | ".4.106" | ".4.106.1" => "MPEG-4 video",
        ".4.107" | ".4.108" => "HEVC video",
        ".4.110" | ".4.111" | ".4.112" => "JPEG XL",
        ".8.1" => "deflated frames",
        _ => "unknown",
    }
}

/// A located data set, inflated if necessary.
pub(super) struct Contents<'a> {
    pub(super) coding: Coding,
    pub(super) encoding: Encoding,
    pub(super) data: Cow<'a, [u8]>,
}

/// Whether bytes look like the start of a DICOM file, with or without preamble and meta information.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(PREAMBLE..).is_some_and(|rest| rest.starts_with(MAGIC))
        || bytes.starts_with(MAGIC)
        || begins_with_elements(bytes)
}

/// Whether the bytes start with two short elements in ascending order, of groups that come first in a file without
/// preamble.
fn begins_with_elements(bytes: &[u8]) -> bool {
    let group = match bytes {
        [2 | 8, 0, _, 0, ..] => false,
        [0, 8, 0, _, ..] => true,
        _ => return false,
    };
    let mut stream = Stream::new(bytes, Encoding { explicit: true, big_endian: group });
    let mut next = || {
        let header = stream.header().ok().flatten()?;
        let length = header.length.filter(|&length| length <= 1024)?;
        stream.take(length).ok().map(|_| header.tag)
    };
    matches!((next(), next()), (Some(first), Some(second)) if first < second && second.0 <= 0x28)
}

/// Locates the data set in a file.
pub(super) fn open<'a>(source: Source<'_>, bytes: &'a [u8], limits: &Limits) -> Result<Contents<'a>, Error> {
    let start = match bytes {
        _ if bytes.get(PREAMBLE..).is_some_and(|rest| rest.starts_with(MAGIC)) => PREAMBLE + MAGIC.len(),
        _ if bytes.starts_with(MAGIC) => MAGIC.len(),
        _ => 0,
    };
    let (name, data) = meta(source, bytes.get(start..).unwrap_or_default())?;
    let syntax = match name.as_deref() {
        None => Syntax { big_endian: data.starts_with(&[0]), ..Syntax::of(Coding::Plain) },
        Some(name) => Syntax::new(name).ok_or_else(|| {
            let found = format!("a DICOM file in the transfer syntax {name} ({})", title(name));
            source.unsupported(found, CONVERT)
        })?,
    };
    let data = if syntax.deflated { Cow::Owned(inflate(source, data, limits)?) } else { Cow::Borrowed(data) };
    let explicit = data.get(4..6).is_some_and(|kind| kind.iter().all(u8::is_ascii_uppercase));
    let encoding = Encoding { explicit, big_endian: syntax.big_endian };
    Ok(Contents { coding: syntax.coding, encoding, data })
}

/// Reads the meta information. Returns the transfer syntax, if any, and the rest, from the first element
/// after group 2. The group length is often wrong and only used before deflated bytes.
fn meta<'a>(source: Source<'_>, bytes: &'a [u8]) -> Result<(Option<String>, &'a [u8]), Error> {
    let early = || source.broken("its meta information is truncated", "a complete file");
    let mut stream = Stream::new(bytes, Encoding::EXPLICIT);
    let (mut name, mut end) = (None, None);
    while matches!(stream.rest(), [2, 0, ..]) {
        let deflated = name.as_deref().and_then(Syntax::new).is_some_and(|syntax| syntax.deflated);
        if deflated && end == Some(bytes.len() - stream.rest().len()) {
            break;
        }
        let header = stream.header().map_err(|_| early())?.ok_or_else(early)?;
        let value = stream.take(header.length.ok_or_else(early)?).map_err(|_| early())?;
        match header.tag {
            TRANSFER_SYNTAX => {
                let text = String::from_utf8_lossy(value);
                let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
                name = (!text.is_empty()).then(|| text.to_owned());
            }
            META_LENGTH => {
                let length = value.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
                end = length.map(|length| (bytes.len() - stream.rest().len()).saturating_add(length));
            }
            _ => {}
        }
    }
    if bytes.is_empty() { Err(early()) } else { Ok((name, stream.rest())) }
}

/// Inflates a data set (PS3.5, A.5), up to the first damage.
fn inflate(source: Source<'_>, data: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    let read = |reader: &mut dyn Read| {
        let mut inflated = Vec::new();
        // If damage cut off something needed, the reader of the data set reports it.
        let _ = reader.take(limits.bytes.saturating_add(1)).read_to_end(&mut inflated);
        inflated
    };
    let mut inflated = read(&mut DeflateDecoder::new(data));
    if inflated.is_empty() {
        inflated = read(&mut ZlibDecoder::new(data));
    }
    if inflated.len() as u64 > limits.bytes {
        return Err(source.too_large("more bytes when inflated".to_owned(), limits));
    }
    if inflated.is_empty() {
        return Err(source.broken("its deflated data cannot be inflated", "a complete file"));
    }
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dicom_is_told_from_other_formats() {
        for (bytes, expected) in [
            (&b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x16\0UI\x02\0a\0"[..], true),
            (b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x08\0\x16\0\x02\0\0\0a\0", true),
            (b"\0\x08\0\x05CS\0\x0aISO_IR 100\0\x08\0\x16UI\0\x02a\0", true),
            (b"\x02\0\0\0UL\x04\0\x09\0\0\0\x02\0\x10\0UI\x02\0a\0", true),
            (b"DICM\x02\0", true),
            // An implausible length, elements out of order, an unexpected group.
            (b"\x08\0\x05\0\x0a\0\0\x7fISO_IR 100\x08\0\x16\0\x02\0\0\0a\0", false),
            (b"\x08\0\x16\0UI\x02\0a\0\x08\0\x05\0CS\x02\0a\0", false),
            (b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x7f\0\x16\0UI\x02\0a\0", false),
            (b"\x08\0\x08\0", false),
            (b"\x89PNG\r\n\x1a\n", false),
            (b"", false),
        ] {
            assert_eq!(is_dicom(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
