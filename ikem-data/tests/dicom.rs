//! DICOM files: what becomes of their values, and what is broken or hostile.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Cursor;

use dicom_core::value::{DataSetSequence, PixelFragmentSequence};
use dicom_core::{DataElement, Length, PrimitiveValue, VR, dicom_value};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject, Tag};
use ikem_core::{GrayImage, Resampling, Size, resample};
use ikem_data::{
    Error, Limits, Spacing, SpacingPlane, decode_image, image_size, load_image, load_radiograph, load_resized,
};
use proptest::prelude::*;

const IMPLICIT: &str = "1.2.840.10008.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG: &str = "1.2.840.10008.1.2.4.50";

/// A picture as a DICOM object: `rows` × `columns` pixels of one sample of `bits`.
struct Picture(InMemDicomObject);

impl Picture {
    fn new(rows: u16, columns: u16, bits: u16) -> Self {
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

    fn with(mut self, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Self {
        self.0.put(DataElement::new(tag, vr, value.into()));
        self
    }

    fn without(mut self, tag: Tag) -> Self {
        self.0.remove_element(tag);
        self
    }

    fn bytes(self, pixels: &[u8]) -> Self {
        self.with(tags::PIXEL_DATA, VR::OB, pixels.to_vec())
    }

    fn words(self, pixels: &[u16]) -> Self {
        self.with(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.to_vec().into()))
    }

    fn fragments(mut self, fragments: Vec<Vec<u8>>) -> Self {
        self.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PixelFragmentSequence::new(vec![], fragments)));
        self
    }

    fn file(self, syntax: &str) -> Vec<u8> {
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

fn decode(bytes: &[u8]) -> Result<GrayImage, Error> {
    decode_image("film", bytes, &Limits::default())
}

fn pixels(bytes: &[u8]) -> Vec<f32> {
    decode(bytes).unwrap().pixels().to_vec()
}

fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(near),
        "{what}: {found:?} is not {expected:?}"
    );
}

const STEPS: [u8; 6] = [0, 51, 102, 153, 204, 255];

#[test]
fn eight_bits_are_what_they_are_in_other_formats() {
    let expected = GrayImage::from_u8(Size::new(3, 2), &STEPS).unwrap();
    for syntax in [EXPLICIT, IMPLICIT] {
        assert_eq!(decode(&Picture::new(2, 3, 8).bytes(&STEPS).file(syntax)).unwrap(), expected);
    }
    // They are not stretched to what the picture happens to have.
    let dark = Picture::new(1, 2, 8).bytes(&[51, 102]).file(EXPLICIT);
    assert_eq!(pixels(&dark), [0.2, 0.4]);
}

#[test]
fn the_lowest_value_of_monochrome1_is_white() {
    let film = Picture::new(2, 3, 8).with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    assert_near(&pixels(&film.bytes(&STEPS).file(EXPLICIT)), &[1.0, 0.8, 0.6, 0.4, 0.2, 0.0], "monochrome1");
}

#[test]
fn without_a_window_the_values_of_the_picture_reach_from_black_to_white() {
    let film = |picture: Picture| pixels(&picture.words(&[100, 1100, 2100, 4095]).file(EXPLICIT));
    let twelve = || {
        Picture::new(2, 2, 16).with(tags::BITS_STORED, VR::US, 12_u16).with(tags::HIGH_BIT, VR::US, 11_u16)
    };
    let expected = [0.0, 1000.0 / 3995.0, 2000.0 / 3995.0, 1.0];
    assert_near(&film(twelve()), &expected, "12 bits");
    // A rescale changes nothing then, but for one that turns the values over.
    let rescaled = |slope: &str| {
        twelve().with(tags::RESCALE_SLOPE, VR::DS, slope).with(tags::RESCALE_INTERCEPT, VR::DS, "-7")
    };
    assert_near(&film(rescaled("0.5")), &expected, "rescaled");
    assert_near(&film(rescaled("-1")), &expected.map(|value| 1.0 - value), "turned over");
    let flat = Picture::new(1, 2, 16).words(&[7, 7]).file(EXPLICIT);
    assert_eq!(pixels(&flat), [0.0, 0.0]);
}

#[test]
fn bits_that_are_not_stored_do_not_count() {
    // The values 5, 6, 8 in the bits 4…11, with an overlay in the bits around them.
    let film =
        Picture::new(1, 3, 16).with(tags::BITS_STORED, VR::US, 8_u16).with(tags::HIGH_BIT, VR::US, 11_u16);
    let file = film.words(&[0xf050, 0x006f, 0x1081]).file(EXPLICIT);
    assert_near(&pixels(&file), &[5.0 / 255.0, 6.0 / 255.0, 8.0 / 255.0], "bits 4…11");
}

/// PS3.3 C.11.2.1.2.1: y = ((x - (c - 0.5)) / (w - 1) + 0.5), black up to c - 0.5 - (w - 1) / 2, white beyond
/// c - 0.5 + (w - 1) / 2.
#[test]
fn signed_values_are_rescaled_and_go_through_the_first_window() {
    let film = |picture: Picture| {
        let raw: [i16; 6] = [-1000, 0, 50, 100, 149, 1000];
        let picture = picture
            .with(tags::PIXEL_REPRESENTATION, VR::US, 1_u16)
            .with(tags::RESCALE_SLOPE, VR::DS, "2")
            .with(tags::RESCALE_INTERCEPT, VR::DS, "-100")
            .with(tags::WINDOW_CENTER, VR::DS, dicom_value!(Strs, ["100", "0"]))
            .with(tags::WINDOW_WIDTH, VR::DS, dicom_value!(Strs, ["201", "5"]))
            .words(&raw.map(|value| value as u16));
        pixels(&picture.file(EXPLICIT))
    };
    // Rescaled: -2100, -100, 0, 100, 198, 1900; the window reaches from -0.5 to 199.5.
    let expected = [0.0, 0.0, 0.0025, 0.5025, 0.9925, 1.0];
    assert_near(&film(Picture::new(2, 3, 16)), &expected, "linear");
    let inverted = Picture::new(2, 3, 16).with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    assert_near(&film(inverted), &expected.map(|value| 1.0 - value), "monochrome1");
    // Linear exact, C.11.2.1.3.2: y = (x - c) / w + 0.5.
    let exact = Picture::new(2, 3, 16).with(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    let exact = film(exact);
    assert_near(&exact, &[0.0, 0.0, 1.0 / 402.0, 0.5, 98.0 / 201.0 + 0.5, 1.0], "linear exact");
    // Twelve bits with a sign: 0xfff is -1, 0x800 the lowest.
    let twelve = Picture::new(1, 3, 16)
        .with(tags::BITS_STORED, VR::US, 12_u16)
        .with(tags::HIGH_BIT, VR::US, 11_u16)
        .with(tags::PIXEL_REPRESENTATION, VR::US, 1_u16)
        .words(&[0xfff, 0x800, 0x7ff]);
    assert_near(&pixels(&twelve.file(EXPLICIT)), &[2047.0 / 4095.0, 0.0, 1.0], "12 bits with a sign");
}

#[test]
fn colour_becomes_luma_in_both_planar_configurations() {
    let film = |planes: u16, bytes: [u8; 12]| {
        let picture = Picture::new(2, 2, 8)
            .with(tags::SAMPLES_PER_PIXEL, VR::US, 3_u16)
            .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
            .with(tags::PLANAR_CONFIGURATION, VR::US, planes);
        pixels(&picture.bytes(&bytes).file(EXPLICIT))
    };
    let expected = [0.299, 0.587, 0.114, 0.2];
    assert_near(&film(0, [255, 0, 0, 0, 255, 0, 0, 0, 255, 51, 51, 51]), &expected, "by pixel");
    assert_near(&film(1, [255, 0, 0, 51, 0, 255, 0, 51, 0, 0, 255, 51]), &expected, "by plane");
}

/// An RLE frame (PS3.5 G.5) of segments that are packed already.
fn rle(segments: &[&[u8]]) -> Vec<u8> {
    let mut words = [0_u32; 16];
    words[0] = segments.len() as u32;
    let mut start = 64;
    for (word, segment) in words[1..].iter_mut().zip(segments) {
        *word = start;
        start += segment.len() as u32;
    }
    words.iter().flat_map(|word| word.to_le_bytes()).chain(segments.concat()).collect()
}

/// 2 × 3 pixels: two of 51, one after the other, then a run of four of 255.
fn packed() -> Vec<u8> {
    vec![1, 51, 51, 0xfd, 255, 0x80]
}

#[test]
fn rle_is_unpacked() {
    let eight = Picture::new(2, 3, 8).fragments(vec![rle(&[&packed()])]).file(RLE);
    assert_near(&pixels(&eight), &[0.2, 0.2, 1.0, 1.0, 1.0, 1.0], "8 bits");
    // The high bytes stand first.
    let sixteen = Picture::new(1, 4, 16).fragments(vec![rle(&[&[3, 0, 1, 2, 4], &[0xfd, 0]])]).file(RLE);
    assert_near(&pixels(&sixteen), &[0.0, 0.25, 0.5, 1.0], "16 bits");
    let colour = Picture::new(2, 3, 8)
        .with(tags::SAMPLES_PER_PIXEL, VR::US, 3_u16)
        .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
        .fragments(vec![rle(&[&[0xfb, 255], &[0xfb, 0], &[0xfb, 0]])])
        .file(RLE);
    assert_near(&pixels(&colour), &[0.299; 6], "colour");
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(width, height, |x, y| image::Luma([(3 * x + 5 * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn jpeg_is_decoded_also_where_it_stands_in_pieces() {
    let whole = jpeg(32, 16);
    let expected = decode(&whole).unwrap();
    let pieces: Vec<Vec<u8>> = whole.chunks(100).map(<[u8]>::to_vec).collect();
    for fragments in [vec![whole.clone()], pieces] {
        let film = decode(&Picture::new(16, 32, 8).fragments(fragments).file(JPEG)).unwrap();
        assert_eq!(film.size(), expected.size());
        let apart = film.pixels().iter().zip(expected.pixels()).map(|(a, b)| (a - b).abs());
        // Two decoders round differently.
        assert!(apart.fold(0.0, f32::max) <= 2.0 / 255.0);
    }
}

#[test]
fn spacing_is_kept_as_millimetres() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.dcm");
    let patient = dicom_value!(Strs, ["0.2", "0.1"]);
    let detector = dicom_value!(Strs, ["0.25", "0.125"]);
    let film = || Picture::new(2, 3, 8).bytes(&STEPS);
    for (picture, expected) in [
        (film(), None),
        (film().with(tags::PIXEL_SPACING, VR::DS, patient.clone()), Spacing::new(0.1, 0.2)),
        (
            film().with(tags::IMAGER_PIXEL_SPACING, VR::DS, detector.clone()),
            Spacing::new(0.125, 0.25).map(|s| s.measured(SpacingPlane::Detector)),
        ),
        (
            film().with(tags::PIXEL_SPACING, VR::DS, patient).with(
                tags::IMAGER_PIXEL_SPACING,
                VR::DS,
                detector,
            ),
            Spacing::new(0.1, 0.2),
        ),
        (film().with(tags::PIXEL_SPACING, VR::DS, dicom_value!(Strs, ["0", "0.1"])), None),
        (film().with(tags::PIXEL_SPACING, VR::DS, "0.1"), None),
    ] {
        std::fs::write(&path, picture.file(EXPLICIT)).unwrap();
        let radiograph = load_radiograph(&path, &Limits::default()).unwrap();
        assert_eq!(radiograph.spacing, expected);
        assert_eq!(radiograph.image, GrayImage::from_u8(Size::new(3, 2), &STEPS).unwrap());
    }
    std::fs::write(&path, jpeg(8, 8)).unwrap();
    assert_eq!(load_radiograph(&path, &Limits::default()).unwrap().spacing, None);
}

#[test]
fn sizes_come_from_the_elements_before_the_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.dcm");
    let pixels: Vec<u16> = (0..300 * 400).map(|i| (i % 4096) as u16).collect();
    let file = Picture::new(400, 300, 16).words(&pixels).file(EXPLICIT);
    let limits = Limits::default();
    std::fs::write(&path, &file[..file.len() - 2 * 300 * 400]).unwrap();
    assert_eq!(image_size(&path, &limits).unwrap(), Size::new(300, 400));
    let message = load_image(&path, &limits).unwrap_err().to_string();
    assert!(message.contains("its pixels end early, with 0 bytes of 240000"), "{message}");
    // What stands before them may be long.
    let long =
        Picture::new(400, 300, 16).with(Tag(0x0009, 0x1010), VR::OB, vec![7_u8; 200_000]).words(&pixels);
    std::fs::write(&path, long.file(EXPLICIT)).unwrap();
    assert_eq!(image_size(&path, &limits).unwrap(), Size::new(300, 400));
    // Resized at once it is what it is resized afterwards.
    let image = load_image(&path, &limits).unwrap();
    let target = Size::new(30, 50);
    let (resized, size) = load_resized(&path, target, Resampling::Area, &limits).unwrap();
    assert_eq!((resized, size), (resample(&image, target, Resampling::Area).unwrap(), image.size()));
}

#[test]
fn what_is_no_good_dicom_file_is_told() {
    let film = || Picture::new(2, 3, 8);
    let colour = |name: &str| {
        film().with(tags::SAMPLES_PER_PIXEL, VR::US, 3_u16).with(
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            name,
        )
    };
    let rle_of = |bytes: Vec<u8>| film().fragments(vec![bytes]).file(RLE);
    let cut_jpeg = || jpeg(3, 2)[..jpeg(3, 2).len() - 2].to_vec();
    let plain = film().bytes(&STEPS).file(EXPLICIT);
    let mut unknown = plain.clone();
    let syntax = plain.windows(EXPLICIT.len()).position(|bytes| bytes == EXPLICIT.as_bytes()).unwrap();
    unknown[syntax + EXPLICIT.len() - 1] = b'7';
    for (name, file, expected) in [
        ("nothing else", plain[..132].to_vec(), "its meta information ends early"),
        (
            "no columns",
            film().without(tags::COLUMNS).bytes(&STEPS).file(EXPLICIT),
            "it does not say its columns",
        ),
        ("no pixels", film().file(EXPLICIT), "its pixels end early, with 0 bytes of 6"),
        ("no depth", film().without(tags::BITS_ALLOCATED).bytes(&STEPS).file(EXPLICIT), "its bits allocated"),
        ("empty", Picture::new(0, 3, 8).bytes(&[]).file(EXPLICIT), "it has 3 x 0 px"),
        ("few pixels", Picture::new(3, 3, 8).bytes(&STEPS).file(EXPLICIT), "with 6 bytes of 9"),
        (
            "huge",
            Picture::new(65_535, 65_535, 16).words(&[1; 6]).file(EXPLICIT),
            "has 65535 x 65535 px; expected at most 100000000 pixels",
        ),
        ("32 bits", Picture::new(1, 1, 32).bytes(&[0; 4]).file(EXPLICIT), "1 samples of 32 bits"),
        (
            "frames",
            film().with(tags::NUMBER_OF_FRAMES, VR::IS, "2").bytes(&STEPS).file(EXPLICIT),
            "\"2\" frames",
        ),
        (
            "palette",
            film()
                .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR")
                .bytes(&STEPS)
                .file(EXPLICIT),
            "PALETTE COLOR of 1 samples; expected MONOCHROME1",
        ),
        ("ybr", colour("YBR_FULL").bytes(&[0; 18]).file(EXPLICIT), "\"YBR_FULL\" of 3 samples; expected RGB"),
        ("high bit", film().with(tags::HIGH_BIT, VR::US, 8_u16).bytes(&STEPS).file(EXPLICIT), "up to bit 8"),
        (
            "rescale",
            film()
                .with(tags::RESCALE_SLOPE, VR::DS, "inf")
                .with(tags::RESCALE_INTERCEPT, VR::DS, "0")
                .bytes(&STEPS)
                .file(EXPLICIT),
            "the element (0028,1053) is \"inf\"; expected finite numbers",
        ),
        (
            "long",
            film().with(tags::WINDOW_CENTER, VR::DS, "1".repeat(5000)).bytes(&STEPS).file(EXPLICIT),
            "5000 bytes",
        ),
        ("big endian", film().bytes(&STEPS).file("1.2.840.10008.1.2.2"), "(Explicit VR Big Endian)"),
        ("unknown", unknown, "its transfer syntax is \"1.2.840.10008.1.2.7\" (unknown)"),
        ("jpeg 2000", film().fragments(vec![vec![0; 9]]).file("1.2.840.10008.1.2.4.90"), "(JPEG 2000"),
        (
            "jpeg size",
            film().fragments(vec![jpeg(4, 2)]).file(JPEG),
            "its JPEG data are 4 x 2 px with 1 bytes a pixel",
        ),
        (
            "jpeg depth",
            Picture::new(2, 3, 16).fragments(vec![jpeg(3, 2)]).file(JPEG),
            "3 x 2 px with 1 bytes",
        ),
        ("jpeg cut", film().fragments(vec![cut_jpeg()]).file(JPEG), "its JPEG data"),
        ("no jpeg", film().fragments(vec![vec![1; 40]]).file(JPEG), "its JPEG data: "),
        ("no rle", rle_of(vec![1, 0]), "its RLE data end early"),
        ("rle segments", rle_of(rle(&[&packed(), &packed()])), "its RLE data have 2 segments"),
        ("rle cut", rle_of(rle(&[&packed()[..3]])), "segment 1 of its RLE data has 2 bytes"),
        ("rle bomb", rle_of(rle(&[&[0x81, 9].repeat(4000)])), "segment 1 of its RLE data has 512000 bytes"),
    ] {
        let message = decode(&file).expect_err(name).to_string();
        assert!(message.starts_with("film ") && message.contains(expected), "{name}: {message}");
    }
    let small = Limits { bytes: 5, ..Limits::default() };
    let message = decode_image("film", &plain, &small).unwrap_err().to_string();
    assert!(message.contains("6 bytes of pixels; expected at most 5 bytes"), "{message}");
}

/// A whole file up to its data set, and `elements` after it.
fn file_of(elements: &[u8]) -> Vec<u8> {
    let empty = Picture(InMemDicomObject::new_empty()).file(EXPLICIT);
    [&empty, elements].concat()
}

#[test]
fn hostile_structures_are_errors() {
    let item = [0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff];
    let sequence = [0x08, 0x00, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff];
    let nested = [&sequence[..], &item].concat().repeat(100_000);
    // Four gigabytes of pixels, of rows, and of something else, in a few bytes.
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
    // And of meta information.
    let mut file = file_of(&[]);
    let length = file.windows(6).position(|bytes| bytes == [2, 0, 0x10, 0, b'U', b'I']).unwrap() + 6;
    file[length..length + 2].copy_from_slice(&[0xff, 0xff]);
    assert!(decode(&file).is_err());
    file[140..144].copy_from_slice(&[0xff; 4]);
    assert!(decode(&file).unwrap_err().to_string().contains("ends early"));
}

/// Files of every coding, with a sequence in a sequence before the picture.
fn samples() -> Vec<Vec<u8>> {
    let inner = || InMemDicomObject::from_element_iter([DataElement::new(tags::CODE_VALUE, VR::SH, "x")]);
    let sequence = |tag: Tag, items: Vec<InMemDicomObject>| {
        DataElement::new(tag, VR::SQ, DataSetSequence::new(items, Length::UNDEFINED))
    };
    let deeper = InMemDicomObject::from_element_iter([sequence(tags::CONCEPT_CODE_SEQUENCE, vec![inner()])]);
    let nested = sequence(tags::ANATOMIC_REGION_SEQUENCE, vec![deeper, inner()]);
    let picture = |bits: u16| {
        let mut picture = Picture::new(2, 3, bits)
            .with(tags::PIXEL_SPACING, VR::DS, dicom_value!(Strs, ["0.2", "0.1"]))
            .with(tags::WINDOW_CENTER, VR::DS, "100")
            .with(tags::WINDOW_WIDTH, VR::DS, "200")
            .with(tags::RESCALE_SLOPE, VR::DS, "1")
            .with(tags::RESCALE_INTERCEPT, VR::DS, "0");
        picture.0.put(nested.clone());
        picture
    };
    let colour = |picture: Picture| {
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

const TIGHT: Limits = Limits { pixels: 1_000_000, bytes: 16 << 20 };

#[test]
fn files_cut_anywhere_are_errors_or_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.dcm");
    for file in samples() {
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
        // The preamble means nothing.
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
