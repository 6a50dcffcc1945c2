//! The few elements of a DICOM file that make up its picture.
//!
//! dicom-object reads files whole: it takes memory by the lengths that a file claims and recurses into its sequences.
//! So the file is walked here, over dicom-parser's tokens, which own no values: what is not needed is skipped, and what is
//! needed is short, or as long as the file at the most.

use std::fmt::Display;
use std::io::Cursor;
use std::path::Path;

use dicom_core::header::DataElementHeader;
use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_object::{FileDicomObject, FileMetaTableBuilder, InMemDicomObject, Tag};
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use ikem_core::Size;

use super::{COLUMNS, KIND, PIXEL_DATA, ROWS};
use crate::{Error, Limits};

/// Where the length of the file's meta information stands, and where it begins.
const META: std::ops::Range<usize> = 132..144;
const TRANSFER_SYNTAX: Tag = Tag(0x0002, 0x0010);
/// The longest value that is read of any element but the pixels, in bytes.
const LONGEST: u32 = 4096;
/// How deep sequences may stand in sequences; real files stay below ten.
const DEEPEST: usize = 64;

/// The elements that make up a picture, but its pixels.
const WANTED: [Tag; 17] = [
    super::IMAGER_PIXEL_SPACING,
    super::SAMPLES_PER_PIXEL,
    super::PHOTOMETRIC_INTERPRETATION,
    super::PLANAR_CONFIGURATION,
    super::NUMBER_OF_FRAMES,
    ROWS,
    COLUMNS,
    super::PIXEL_SPACING,
    super::BITS_ALLOCATED,
    super::BITS_STORED,
    super::HIGH_BIT,
    super::PIXEL_REPRESENTATION,
    super::WINDOW_CENTER,
    super::WINDOW_WIDTH,
    super::RESCALE_INTERCEPT,
    super::RESCALE_SLOPE,
    super::VOI_LUT_FUNCTION,
];

/// What is read of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// The meta information.
    Meta,
    /// The elements up to the picture's size.
    Size,
    /// All that makes up the picture.
    Picture,
}

impl Part {
    /// The elements that are kept.
    fn wants(self, tag: Tag) -> bool {
        match self {
            Self::Meta => tag == TRANSFER_SYNTAX,
            Self::Size => [ROWS, COLUMNS].contains(&tag),
            Self::Picture => WANTED.contains(&tag),
        }
    }
}

/// What has begun and not ended yet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Level {
    Sequence,
    Item,
    /// The items of compressed pixels: a table of offsets first.
    Pixels,
}

/// How pixels are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coding {
    Plain,
    Rle,
    Jpeg,
}

/// The transfer syntaxes that are read. Big endian was taken out of the standard in 2006.
const SYNTAXES: [(&str, Coding); 7] = [
    (EXPLICIT, Coding::Plain),
    ("1.2.840.10008.1.2", Coding::Plain),
    ("1.2.840.10008.1.2.5", Coding::Rle),
    ("1.2.840.10008.1.2.4.50", Coding::Jpeg),
    ("1.2.840.10008.1.2.4.51", Coding::Jpeg),
    ("1.2.840.10008.1.2.4.57", Coding::Jpeg),
    ("1.2.840.10008.1.2.4.70", Coding::Jpeg),
];
/// The transfer syntax of every file's meta information.
const EXPLICIT: &str = "1.2.840.10008.1.2.1";

/// What was found in a file.
pub(super) struct Elements<'a> {
    path: &'a Path,
    object: InMemDicomObject,
    syntax: &'static str,
    pub(super) coding: Coding,
    /// The pixels as they are stored; those of an encapsulated frame in one piece.
    pub(super) pixels: Vec<u8>,
}

/// Reads the elements of a file that [`is_dicom`](super::is_dicom).
pub(super) fn read<'a>(path: &'a Path, bytes: &[u8], part: Part) -> Result<Elements<'a>, Error> {
    let early = || Error::broken(path, KIND, "its meta information ends early", "a whole file");
    let [2, 0, 0, 0, b'U', b'L', 4, 0, length @ ..] = bytes.get(META).ok_or_else(early)? else {
        let found = "its meta information has no length";
        return Err(Error::broken(path, KIND, found, "the element (0002,0000) at first"));
    };
    let length = <[u8; 4]>::try_from(length).map_err(|_| early())?;
    let rest = bytes.get(META.end..).unwrap_or_default();
    let (meta, data) = rest.split_at_checked(u32::from_le_bytes(length) as usize).ok_or_else(early)?;
    let mut elements = Elements {
        path,
        object: InMemDicomObject::new_empty(),
        syntax: EXPLICIT,
        coding: Coding::Plain,
        pixels: Vec::new(),
    };
    elements.walk(meta, Part::Meta)?;
    (elements.syntax, elements.coding) =
        supported(path, &elements.text(TRANSFER_SYNTAX).unwrap_or_default())?;
    elements.walk(data, part)?;
    Ok(elements)
}

fn supported(path: &Path, name: &str) -> Result<(&'static str, Coding), Error> {
    SYNTAXES.into_iter().find(|(known, _)| *known == name).ok_or_else(|| {
        let title = TransferSyntaxRegistry.get(name).map_or("unknown", |syntax| syntax.name());
        let expected = "pixels that are uncompressed (little endian), RLE or JPEG (8 bit or lossless)";
        Error::broken(path, KIND, format!("its transfer syntax is {name:?} ({title})"), expected)
    })
}

impl<'a> Elements<'a> {
    /// Takes out of `data` what `part` wants.
    fn walk(&mut self, data: &[u8], part: Part) -> Result<(), Error> {
        let syntax = TransferSyntaxRegistry.get(self.syntax);
        let syntax = syntax.ok_or_else(|| self.broken(self.syntax, "a known transfer syntax"))?;
        let reader = LazyDataSetReader::new_with_ts(Cursor::new(data), syntax);
        let mut reader = reader.map_err(|error| self.damaged(error))?;
        // The library trusts that what ends has begun, so that is seen to here.
        let (mut open, mut items) = (Vec::new(), 0);
        while let Some(token) = reader.advance() {
            let token = token.map_err(|error| self.damaged(error))?;
            match token {
                LazyDataToken::PixelSequenceStart if open.is_empty() => match part {
                    Part::Picture => open.push(Level::Pixels),
                    Part::Meta | Part::Size => return Ok(()),
                },
                LazyDataToken::SequenceStart { .. } | LazyDataToken::PixelSequenceStart => {
                    open.push(Level::Sequence);
                }
                LazyDataToken::ItemStart { .. } => {
                    items += usize::from(open == [Level::Pixels]);
                    open.push(Level::Item);
                }
                LazyDataToken::ItemEnd if open.last() == Some(&Level::Item) => drop(open.pop()),
                // What follows the pixels is of no use.
                LazyDataToken::SequenceEnd if open == [Level::Pixels] => return Ok(()),
                LazyDataToken::SequenceEnd if open.last() == Some(&Level::Sequence) => drop(open.pop()),
                LazyDataToken::ItemEnd | LazyDataToken::SequenceEnd => {
                    return Err(self.damaged("something ends that has not begun"));
                }
                LazyDataToken::LazyItemValue { .. } if open == [Level::Pixels, Level::Item] && items > 1 => {
                    token.read_value_into(&mut self.pixels).map_err(|error| self.damaged(error))?;
                }
                LazyDataToken::LazyValue { header, .. } if open.is_empty() => {
                    if header.tag == PIXEL_DATA && part != Part::Picture {
                        return Ok(());
                    }
                    self.take(header, token, part)?;
                    if header.tag == PIXEL_DATA || self.is_whole(part) {
                        return Ok(());
                    }
                }
                other => other.skip().map_err(|error| self.damaged(error))?,
            }
            if open.len() > DEEPEST {
                let found = "it has sequences in sequences without end";
                return Err(self.broken(found, format!("at most {DEEPEST} levels")));
            }
        }
        Ok(())
    }

    /// Keeps the value of an element that is wanted.
    fn take<D: StatefulDecode>(
        &mut self,
        header: DataElementHeader,
        value: LazyDataToken<D>,
        part: Part,
    ) -> Result<(), Error> {
        let length = header.len.get().unwrap_or(u32::MAX);
        if header.tag == PIXEL_DATA {
            return value.read_value_into(&mut self.pixels).map_err(|error| self.damaged(error));
        }
        if !part.wants(header.tag) {
            return value.skip().map_err(|error| self.damaged(error));
        }
        if length > LONGEST {
            let found = format!("the element {} has {length} bytes", header.tag);
            return Err(self.broken(found, format!("at most {LONGEST}")));
        }
        let value = value.into_value().map_err(|error| self.damaged(error))?;
        self.object.put(DataElement::new(header.tag, header.vr, value));
        Ok(())
    }

    /// Whether nothing more is needed.
    fn is_whole(&self, part: Part) -> bool {
        part == Part::Size && [ROWS, COLUMNS].iter().all(|tag| self.object.get(*tag).is_some())
    }

    /// The elements as dicom-pixeldata wants them, with `pixels` as the file holds them.
    pub(super) fn into_object(mut self) -> Result<FileDicomObject<InMemDicomObject>, Error> {
        let pixels = std::mem::take(&mut self.pixels);
        let element = match self.coding {
            Coding::Plain => DataElement::new(PIXEL_DATA, VR::OB, PrimitiveValue::from(pixels)),
            Coding::Rle | Coding::Jpeg => {
                DataElement::new(PIXEL_DATA, VR::OB, PixelFragmentSequence::new(vec![], vec![pixels]))
            }
        };
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(self.syntax)
            .media_storage_sop_class_uid("")
            .media_storage_sop_instance_uid("")
            .build()
            .map_err(|error| self.damaged(error))?;
        self.object.put(element);
        Ok(self.object.with_exact_meta(meta))
    }

    /// The size of the picture, if it is one that may be decoded.
    pub(super) fn size(&self, limits: &Limits) -> Result<Size, Error> {
        let side = |tag, name| self.integer(tag).ok_or_else(|| self.missing(name));
        limits.check(self.path, (side(COLUMNS, "columns")?, side(ROWS, "rows")?))
    }

    /// A whole number of 16 bits; `None` where there is none.
    pub(super) fn integer(&self, tag: Tag) -> Option<u32> {
        self.object.get(tag)?.to_int::<u16>().ok().map(u32::from)
    }

    pub(super) fn floats(&self, tag: Tag) -> Option<Vec<f64>> {
        self.object.get(tag)?.to_multi_float64().ok()
    }

    /// That what decides on grey values can be read; dicom-pixeldata passes over what can't.
    pub(super) fn check_numbers(&self) -> Result<(), Error> {
        for tag in [super::RESCALE_SLOPE, super::RESCALE_INTERCEPT, super::WINDOW_CENTER, super::WINDOW_WIDTH]
        {
            let sound = |numbers: Vec<f64>| numbers.iter().all(|number| number.is_finite());
            if self.object.get(tag).is_some() && !self.floats(tag).is_some_and(sound) {
                let found = self.text(tag).unwrap_or_default();
                return Err(self.broken(format!("the element {tag} is {found:?}"), "finite numbers"));
            }
        }
        Ok(())
    }

    /// A text without the spaces and zeros that fill it up.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let text = self.object.get(tag)?.to_str().ok()?;
        Some(text.trim_matches(['\0', ' ']).to_owned())
    }

    pub(super) const fn path(&self) -> &'a Path {
        self.path
    }

    pub(super) fn missing(&self, name: &str) -> Error {
        self.broken(format!("it does not say its {name}"), "a whole file with a picture")
    }

    pub(super) fn damaged(&self, error: impl Display) -> Error {
        self.broken(error, "a whole file")
    }

    pub(super) fn broken(&self, found: impl Display, expected: impl Into<String>) -> Error {
        Error::broken(self.path, KIND, found, expected)
    }
}
