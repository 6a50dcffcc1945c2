//! Hostile files: truncated, damaged or arbitrary bytes.

use std::io::Write;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Length, PrimitiveValue, VR, dicom_value};
use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, Tag};
use ikem_damage::{Sample, Trial};
use ikem_data::{Error, Limits, decode_image, image_size};
use proptest::prelude::*;

use crate::compressed::{FIXTURES, twelve};
use crate::film::{
    DicomFilm, EXPLICIT, IMPLICIT, JPEG, RLE, STEPS, decode, file_of, jpeg, meta, packed, rle,
};

#[test]
fn hostile_structures_are_errors() {
    let item = [0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff];
    let sequence = [0x08, 0x00, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff];
    let nested = [&sequence[..], &item].concat().repeat(100_000);
    // Four gigabytes of pixels, of rows and of another element, claimed in a few bytes.
    let huge = |head: &[u8]| [head, &[0, 0, 0xfe, 0xff, 0xff, 0xff, 1, 2]].concat();
    for (name, elements) in [
        ("nested", nested),
        ("end of nothing", [0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0].repeat(2)),
        ("item after the end of nothing", [[0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0], item].concat()),
        ("end of an item in a sequence", [&sequence[..], &[0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]].concat()),
        ("end of a sequence", [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0].repeat(2)),
        ("huge pixels", huge(&[0xe0, 0x7f, 0x10, 0, b'O', b'W'])),
        ("huge rows", huge(&[0x28, 0, 0x10, 0, b'O', b'B'])),
        ("huge other", huge(&[0x09, 0, 0x10, 0, b'O', b'B'])),
    ] {
        let file = file_of(&elements);
        assert!(matches!(decode(&file), Err(Error::Broken { .. })), "{name}");
    }
    // The same in the meta information.
    let mut file = file_of(&[]);
    let length = file.windows(6).position(|bytes| bytes == [2, 0, 0x10, 0, b'U', b'I']).unwrap() + 6;
    file[length..length + 2].copy_from_slice(&[0xff, 0xff]);
    assert!(decode(&file).unwrap_err().to_string().contains("its meta information is truncated"));
}

/// Files with each coding and a nested sequence before the picture.
fn samples() -> Vec<Vec<u8>> {
    let inner = || InMemDicomObject::from_element_iter([DataElement::new(tags::CODE_VALUE, VR::SH, "x")]);
    let sequence = |tag: Tag, items: Vec<InMemDicomObject>| {
        DataElement::new(tag, VR::SQ, DataSetSequence::new(items, Length::UNDEFINED))
    };
    let deeper = InMemDicomObject::from_element_iter([sequence(tags::CONCEPT_CODE_SEQUENCE, vec![inner()])]);
    let nested = sequence(tags::ANATOMIC_REGION_SEQUENCE, vec![deeper, inner()]);
    let picture = |bits: u16| {
        let mut picture = DicomFilm::new(2, 3, bits)
            .with(tags::PIXEL_SPACING, VR::DS, dicom_value!(Strs, ["0.2", "0.1"]))
            .with(tags::WINDOW_CENTER, VR::DS, "100")
            .with(tags::WINDOW_WIDTH, VR::DS, "200")
            .with(tags::RESCALE_SLOPE, VR::DS, "1")
            .with(tags::RESCALE_INTERCEPT, VR::DS, "0");
        picture.0.put(nested.clone());
        picture
    };
    let colour = |picture: DicomFilm| {
        picture.with(tags::SAMPLES_PER_PIXEL, VR::US, 3_u16).with(
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            "RGB",
        )
    };
    vec![
        picture(8).bytes(&STEPS).file(EXPLICIT),
        picture(16).words(&[1, 2, 3, 4, 5, 6]).file(IMPLICIT),
        colour(picture(8)).bytes(&[9; 18]).file(EXPLICIT),
        picture(8).fragments(vec![rle(&[&packed()])]).file(RLE),
        picture(16).fragments(vec![rle(&[&packed(), &packed()])]).file(RLE),
        picture(8).fragments(vec![jpeg(3, 2)]).file(JPEG),
    ]
}

/// Films in each coding that is decoded.
fn coded() -> Vec<Vec<u8>> {
    FIXTURES.map(|(_, syntax, data, _)| twelve(24, 32).fragments(vec![data.to_vec()]).file(syntax)).to_vec()
}

/// Films with LUTs and a palette, without a preamble, big endian and deflated.
fn odd() -> Vec<Vec<u8>> {
    let words = |values: &[u16]| PrimitiveValue::U16(values.to_vec().into());
    let film = || DicomFilm::new(2, 3, 8).with(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100");
    let item = InMemDicomObject::from_element_iter([
        DataElement::new(tags::LUT_DESCRIPTOR, VR::US, words(&[6, 0, 16])),
        DataElement::new(tags::LUT_DATA, VR::OW, words(&[1, 2, 3, 4, 5, 6])),
    ]);
    let mut tables = film().with(tags::PIXEL_PADDING_VALUE, VR::US, 3_u16);
    for tag in [tags::VOILUT_SEQUENCE, tags::MODALITY_LUT_SEQUENCE] {
        tables.0.put(DataElement::new(
            tag,
            VR::SQ,
            DataSetSequence::new(vec![item.clone()], Length::UNDEFINED),
        ));
    }
    let mut palette = film().with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
    for channel in 1..=3 {
        palette = palette.with(Tag(0x0028, 0x1100 + channel), VR::US, words(&[4, 0, 16])).with(
            Tag(0x0028, 0x1200 + channel),
            VR::OW,
            words(&[9, 99, 999, 9999]),
        );
    }
    let data = tables.bytes(&STEPS).data_set(EXPLICIT);
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&data).unwrap();
    let deflated = encoder.finish().unwrap();
    vec![
        palette.bytes(&STEPS).file(EXPLICIT),
        film().bytes(&STEPS).data_set(IMPLICIT),
        film().bytes(&STEPS).data_set("1.2.840.10008.1.2.2"),
        [meta(None, "1.2.840.10008.1.2.1.99"), deflated].concat(),
        [meta(None, EXPLICIT), data].concat(),
    ]
}

/// Where damage matters: the bytes before it have no meaning.
fn start_of(file: &[u8]) -> usize {
    if file.get(128..132) == Some(b"DICM") { 132 } else { 0 }
}

#[test]
fn damaged_files_give_an_error_or_a_picture_in_time() {
    let files = [samples(), coded(), odd()].concat();
    let sample = |(number, file): (usize, Vec<u8>)| Sample {
        start: start_of(&file),
        ..Sample::new(format!("DICOM file {number}"), file)
    };
    let tried = Trial::new("dicom", files.into_iter().enumerate().map(sample).collect()).run(|bytes| {
        decode_image("damaged", bytes, &TIGHT).is_ok_and(|image| {
            assert!(image.size().area() <= TIGHT.pixels);
            assert!(image.pixels().iter().all(|value| (0.0..=1.0).contains(value)));
            true
        })
    });
    assert!(tried.accepted > tried.files / 20, "{tried:?}");
}

const TIGHT: Limits = Limits { pixels: 1_000_000, side: 65_535, bytes: 16 << 20 };

#[test]
fn truncated_files_give_an_error_or_the_whole_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.dcm");
    for file in [samples(), coded(), odd()].concat() {
        let whole = decode(&file).unwrap();
        for end in 0..file.len() {
            if let Ok(image) = decode_image("cut", &file[..end], &TIGHT) {
                assert_eq!(image, whole, "cut at {end} of {}", file.len());
            }
        }
        std::fs::write(&path, &file[..file.len() - 1]).unwrap();
        assert_eq!(image_size(&path, &TIGHT).unwrap(), whole.size());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_never_panic(
        kind in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        moved in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_usize..64)),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = kind.get(&samples()).clone();
        // The preamble has no meaning.
        let (start, length) = (132, bytes.len() - 132);
        for (place, value) in changes {
            bytes[start + place.index(length)] = value;
        }
        if let Some((from, to, count)) = moved {
            let from = start + from.index(length);
            let piece = bytes[from..bytes.len().min(from + count)].to_vec();
            let to = start + to.index(length);
            bytes.splice(to..to, piece);
        }
        if let Some(cut) = cut {
            bytes.truncate(start + cut.index(length));
        }
        if let Ok(image) = decode_image("damaged", &bytes, &TIGHT) {
            prop_assert!(image.size().area() <= TIGHT.pixels);
            prop_assert!(image.pixels().iter().all(|value| (0.0..=1.0).contains(value)));
        }
    }

    #[test]
    fn any_bytes_after_the_magic_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
        let file = if whole { file_of(&bytes) } else { [&[0; 128], &b"DICM"[..], &bytes].concat() };
        let _ = decode_image("any", &file, &TIGHT);
    }
}
