//! Real-world files: required parts missing, extra parts present.

use std::io::Write;

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use ikem_core::{GrayImage, Size};
use ikem_data::Limits;

use crate::compressed::{FIXTURES, twelve};
use crate::film::{
    DicomFilm, EXPLICIT, IMPLICIT, JPEG, RLE, STEPS, assert_near, decode, element, jpeg, meta, packed,
    pixels, rle,
};

const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

fn film() -> DicomFilm {
    DicomFilm::new(2, 3, 8).with(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100").with(
        tags::MODALITY,
        VR::CS,
        "DX",
    )
}

#[test]
fn preamble_meta_information_and_transfer_syntax_may_be_missing_or_wrong() {
    let expected = GrayImage::from_u8(Size::new(3, 2), &STEPS).unwrap();
    let [explicit, implicit, big] =
        [EXPLICIT, IMPLICIT, BIG_ENDIAN].map(|syntax| film().bytes(&STEPS).data_set(syntax));
    let whole = meta(Some(28), EXPLICIT);
    let preamble = &whole[..132];
    for (name, file) in [
        ("correct", [&whole, &explicit[..]].concat()),
        ("no preamble", [&whole[132..], &explicit[..]].concat()),
        ("magic without a preamble", [&whole[128..], &explicit[..]].concat()),
        ("no group length", [meta(None, EXPLICIT), explicit.clone()].concat()),
        ("group length too short", [meta(Some(3), EXPLICIT), explicit.clone()].concat()),
        ("group length too long", [meta(Some(4_000_000_000), EXPLICIT), explicit.clone()].concat()),
        ("no meta information, explicit", [preamble, &explicit].concat()),
        ("no meta information, implicit", [preamble, &implicit].concat()),
        ("no meta information, big endian", [preamble, &big].concat()),
        ("no transfer syntax", [preamble, &element(2, 0x12, b"UI", b"1.2\0"), &implicit].concat()),
        ("empty transfer syntax", [&meta(None, ""), &implicit[..]].concat()),
        ("only a data set, explicit", explicit.clone()),
        ("only a data set, implicit", implicit.clone()),
        ("only a data set, big endian", big.clone()),
        ("stated as implicit", [&meta(None, IMPLICIT), &explicit[..]].concat()),
        ("stated as explicit", [&meta(None, EXPLICIT), &implicit[..]].concat()),
        ("big endian", [&meta(None, BIG_ENDIAN), &big[..]].concat()),
    ] {
        match decode(&file) {
            Ok(image) => assert_eq!(image, expected, "{name}"),
            Err(error) => unreachable!("{name}: {error}"),
        }
    }
}

#[test]
fn big_endian_words_are_swapped() {
    let film =
        DicomFilm::new(1, 3, 16).with(tags::BITS_STORED, VR::US, 12_u16).with(tags::HIGH_BIT, VR::US, 11_u16);
    let file = [meta(None, BIG_ENDIAN), film.words(&[0, 0x100, 0xfff]).data_set(BIG_ENDIAN)].concat();
    assert_near(&pixels(&file), &[0.0, 256.0 / 4095.0, 1.0], "words");
    // Bytes written as words are swapped in pairs.
    let bytes = PrimitiveValue::U16([0x3300, 0x9966].as_slice().into());
    let file = DicomFilm::new(1, 4, 8).with(tags::PIXEL_DATA, VR::OW, bytes);
    let file = [meta(None, BIG_ENDIAN), file.data_set(BIG_ENDIAN)].concat();
    assert_near(&pixels(&file), &[0.0, 0.2, 0.4, 0.6], "bytes in words");
}

#[test]
fn deflated_data_sets_are_inflated_within_the_limits() {
    let deflated = |data: &[u8], length: Option<u32>| {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        [meta(length, DEFLATED), encoder.finish().unwrap()].concat()
    };
    let data = film().bytes(&STEPS).data_set(EXPLICIT);
    for length in [Some(30), None, Some(7)] {
        assert_eq!(pixels(&deflated(&data, length)), STEPS.map(|step| f32::from(step) / 255.0));
    }
    // A few kilobytes that inflate to hundreds of megabytes.
    let bomb = deflated(&[data, vec![0; 200 << 20]].concat(), Some(30));
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let error = ikem_data::decode_image("film", &bomb, &limits).unwrap_err().to_string();
    assert!(error.contains("more bytes when inflated; expected at most 1048576 bytes"), "{error}");
    let nothing = [meta(Some(30), DEFLATED), vec![0xff; 40]].concat();
    let error = decode(&nothing).unwrap_err().to_string();
    assert!(error.contains("its deflated data cannot be inflated"), "{error}");
}

#[test]
fn missing_and_empty_elements_have_safe_defaults() {
    let empty = |picture: DicomFilm, tag, vr| picture.with(tag, vr, PrimitiveValue::Empty);
    let expected = STEPS.map(|step| f32::from(step) / 255.0);
    for tag in [
        tags::BITS_ALLOCATED,
        tags::BITS_STORED,
        tags::HIGH_BIT,
        tags::PIXEL_REPRESENTATION,
        tags::PHOTOMETRIC_INTERPRETATION,
        tags::SAMPLES_PER_PIXEL,
        tags::NUMBER_OF_FRAMES,
        tags::WINDOW_CENTER,
        tags::WINDOW_WIDTH,
        tags::RESCALE_SLOPE,
        tags::RESCALE_INTERCEPT,
        tags::PIXEL_PADDING_VALUE,
        tags::VOILUT_FUNCTION,
    ] {
        let vr = match tag {
            tags::PHOTOMETRIC_INTERPRETATION | tags::VOILUT_FUNCTION => VR::CS,
            tags::NUMBER_OF_FRAMES => VR::IS,
            tags::WINDOW_CENTER | tags::WINDOW_WIDTH | tags::RESCALE_SLOPE | tags::RESCALE_INTERCEPT => {
                VR::DS
            }
            _ => VR::US,
        };
        for picture in [film().without(tag), empty(film(), tag, vr)] {
            assert_near(&pixels(&picture.bytes(&STEPS).file(EXPLICIT)), &expected, &tag.to_string());
        }
    }
    // All of them at once, with 16 bits.
    let mut bare = DicomFilm(InMemDicomObject::new_empty()).with(tags::ROWS, VR::US, 1_u16).with(
        tags::COLUMNS,
        VR::US,
        2_u16,
    );
    bare = bare.words(&[0, 0xffff]);
    assert_near(&pixels(&bare.file(EXPLICIT)), &[0.0, 1.0], "bare");
}

#[test]
fn numbers_may_have_another_value_representation() {
    let expected = STEPS.map(|step| f32::from(step) / 255.0);
    let rows = |picture: DicomFilm, vr, value: PrimitiveValue| picture.with(tags::ROWS, vr, value);
    for (name, picture) in [
        ("UL", rows(film(), VR::UL, 2_u32.into())),
        ("SS", rows(film(), VR::SS, 2_i16.into())),
        ("IS", rows(film(), VR::IS, "2 ".into())),
        ("UN", rows(film(), VR::UN, vec![2_u8, 0].into())),
        ("01 frames", film().with(tags::NUMBER_OF_FRAMES, VR::IS, "01")),
        ("lower case", film().with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "monochrome2")),
    ] {
        assert_near(&pixels(&picture.bytes(&STEPS).file(EXPLICIT)), &expected, name);
    }
    // Without a stated representation, the standard one applies.
    let implicit = film().with(tags::NUMBER_OF_FRAMES, VR::IS, "01").bytes(&STEPS).file(IMPLICIT);
    assert_near(&pixels(&implicit), &expected, "implicit");
    let negative = film().with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "monochrome1 ");
    assert_near(
        &pixels(&negative.bytes(&STEPS).file(EXPLICIT)),
        &expected.map(|grey| 1.0 - grey),
        "monochrome1",
    );
}

#[test]
fn elements_after_the_pixels_are_ignored() {
    let more = [&STEPS[..], &[7; 10]].concat();
    for syntax in [EXPLICIT, IMPLICIT] {
        assert_eq!(pixels(&film().bytes(&more).file(syntax)), pixels(&film().bytes(&STEPS).file(syntax)));
    }
}

/// An item of encapsulated pixel data.
fn item(data: &[u8]) -> Vec<u8> {
    [&[0xfe, 0xff, 0x00, 0xe0], &(data.len() as u32).to_le_bytes()[..], data].concat()
}

#[test]
fn encapsulated_pixels_may_lack_a_delimiter() {
    let rle = rle(&[&packed()]);
    let jpeg = jpeg(3, 2);
    for (name, syntax, data) in [("RLE", RLE, &rle), ("JPEG", JPEG, &jpeg)] {
        let start = film().data_set(EXPLICIT);
        let end = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
        let items = [item(&[]), item(data)].concat();
        let file = |length: u32, value: &[u8]| {
            let header = [0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0];
            [&meta(None, syntax), &start[..], &header, &length.to_le_bytes(), value].concat()
        };
        let expected = decode(&file(u32::MAX, &[&items[..], &end].concat())).unwrap();
        for (what, file) in [
            ("no closing bytes", file(u32::MAX, &items)),
            ("explicit length", file(items.len() as u32, &items)),
            (
                "explicit length with closing bytes",
                file(items.len() as u32 + 8, &[&items[..], &end].concat()),
            ),
            ("no items", file(data.len() as u32, data)),
        ] {
            assert_eq!(decode(&file).unwrap(), expected, "{name}: {what}");
        }
    }
    for (name, syntax, data, _) in FIXTURES {
        let whole = twelve(24, 32).fragments(vec![data.to_vec()]).file(syntax);
        let filled = twelve(24, 32).fragments(vec![[data, &[0xff, 0xff]].concat()]).file(syntax);
        assert_eq!(decode(&filled).unwrap(), decode(&whole).unwrap(), "{name}, filled up");
        assert_eq!(decode(&whole[..whole.len() - 8]).unwrap(), decode(&whole).unwrap(), "{name}");
    }
}
