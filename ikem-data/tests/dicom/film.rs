//! DICOM files for the tests, written by a library independent of the reader.

use std::io::Cursor;

use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject, Tag};
use ikem_core::GrayImage;
use ikem_data::{Error, Limits, decode_image};

pub(crate) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(crate) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(crate) const RLE: &str = "1.2.840.10008.1.2.5";
pub(crate) const JPEG: &str = "1.2.840.10008.1.2.4.50";

/// A DICOM object with `rows` × `columns` pixels of one sample with `bits` bits.
pub(crate) struct DicomFilm(pub InMemDicomObject);

impl DicomFilm {
    pub(crate) fn new(rows: u16, columns: u16, bits: u16) -> Self {
        Self(InMemDicomObject::new_empty())
            .with(tags::SAMPLES_PER_PIXEL, VR::US, 1_u16)
            .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2")
            .with(tags::ROWS, VR::US, rows)
            .with(tags::COLUMNS, VR::US, columns)
            .with(tags::BITS_ALLOCATED, VR::US, bits)
            .with(tags::BITS_STORED, VR::US, bits)
            .with(tags::HIGH_BIT, VR::US, bits - 1)
            .with(tags::PIXEL_REPRESENTATION, VR::US, 0_u16)
    }

    pub(crate) fn with(mut self, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Self {
        self.0.put(DataElement::new(tag, vr, value.into()));
        self
    }

    pub(crate) fn without(mut self, tag: Tag) -> Self {
        self.0.remove_element(tag);
        self
    }

    pub(crate) fn bytes(self, pixels: &[u8]) -> Self {
        self.with(tags::PIXEL_DATA, VR::OB, pixels.to_vec())
    }

    pub(crate) fn words(self, pixels: &[u16]) -> Self {
        self.with(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.to_vec().into()))
    }

    pub(crate) fn fragments(mut self, fragments: Vec<Vec<u8>>) -> Self {
        self.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PixelFragmentSequence::new(vec![], fragments)));
        self
    }

    pub(crate) fn file(self, syntax: &str) -> Vec<u8> {
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(syntax)
            .media_storage_sop_class_uid("1.2.840.10008.5.1.4.1.1.1")
            .media_storage_sop_instance_uid("2.25.1")
            .build()
            .unwrap();
        let mut bytes = Vec::new();
        self.0.with_exact_meta(meta).write_all(&mut bytes).unwrap();
        bytes
    }
}

impl DicomFilm {
    /// The data set without preamble and meta information.
    pub(crate) fn data_set(self, syntax: &str) -> Vec<u8> {
        let file = self.file(syntax);
        let length = u32::from_le_bytes(file[140..144].try_into().unwrap()) as usize;
        file[144 + length..].to_vec()
    }
}

/// An element in explicit encoding with a two-byte length.
pub(crate) fn element(group: u16, element: u16, kind: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u16).to_le_bytes();
    [&group.to_le_bytes(), &element.to_le_bytes(), &kind[..], &length, value].concat()
}

/// Preamble and meta information with only a group length and a transfer syntax.
pub(crate) fn meta(length: Option<u32>, syntax: &str) -> Vec<u8> {
    let padded = [syntax.as_bytes(), &[0][..syntax.len() % 2]].concat();
    let syntax = element(2, 0x10, b"UI", &padded);
    let length = length.map_or_else(Vec::new, |length| element(2, 0, b"UL", &length.to_le_bytes()));
    [&[0; 128], &b"DICM"[..], &length, &syntax].concat()
}

pub(crate) fn decode(bytes: &[u8]) -> Result<GrayImage, Error> {
    decode_image("film", bytes, &Limits::default())
}

pub(crate) fn pixels(bytes: &[u8]) -> Vec<f32> {
    decode(bytes).unwrap().pixels().to_vec()
}

pub(crate) fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(near),
        "{what}: {found:?} is not {expected:?}"
    );
}

pub(crate) const STEPS: [u8; 6] = [0, 51, 102, 153, 204, 255];

/// An RLE frame (PS3.5, G.5) from encoded segments.
pub(crate) fn rle(segments: &[&[u8]]) -> Vec<u8> {
    let mut words = [0_u32; 16];
    words[0] = segments.len() as u32;
    let mut start = 64;
    for (word, segment) in words[1..].iter_mut().zip(segments) {
        *word = start;
        start += segment.len() as u32;
    }
    words.iter().flat_map(|word| word.to_le_bytes()).chain(segments.concat()).collect()
}

/// 2 × 3 pixels: a literal run of two 51, then a repeat of four 255.
pub(crate) fn packed() -> Vec<u8> {
    vec![1, 51, 51, 0xfd, 255, 0x80]
}

pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(width, height, |x, y| image::Luma([(3 * x + 5 * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A complete file up to its data set, followed by `elements`.
pub(crate) fn file_of(elements: &[u8]) -> Vec<u8> {
    let empty = DicomFilm(InMemDicomObject::new_empty()).file(EXPLICIT);
    [&empty, elements].concat()
}
