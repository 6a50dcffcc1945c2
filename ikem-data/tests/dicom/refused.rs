//! Broken files, and intact files that are not supported.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use ikem_data::{Error, Limits, decode_image};

use crate::compressed::LOSSLESS_JPEG;
use crate::film::{DicomFilm, EXPLICIT, JPEG, RLE, STEPS, decode, jpeg, meta, packed, rle};

#[test]
fn broken_files_are_rejected_with_the_reason() {
    let film = || DicomFilm::new(2, 3, 8);
    let rle_of = |bytes: Vec<u8>| film().fragments(vec![bytes]).file(RLE);
    let cut_jpeg = || jpeg(3, 2)[..jpeg(3, 2).len() - 6].to_vec();
    let plain = film().bytes(&STEPS).file(EXPLICIT);
    for (name, file, expected) in [
        ("nothing else", plain[..132].to_vec(), "its meta information is truncated"),
        (
            "no columns",
            film().without(tags::COLUMNS).bytes(&STEPS).file(EXPLICIT),
            "it does not state its columns",
        ),
        ("no pixels", film().file(EXPLICIT), "it ends before its pixel data; expected pixels of 3 x 2 px"),
        (
            "no depth",
            film().without(tags::BITS_ALLOCATED).bytes(&[&STEPS[..], &STEPS[..4]].concat()).file(EXPLICIT),
            "it does not state its bits allocated",
        ),
        ("empty", DicomFilm::new(0, 3, 8).bytes(&[]).file(EXPLICIT), "it has 3 x 0 px"),
        ("few pixels", DicomFilm::new(3, 3, 8).bytes(&STEPS).file(EXPLICIT), "truncated to 6 of 9 bytes"),
        (
            "huge",
            DicomFilm::new(65_535, 65_535, 16).words(&[1; 6]).file(EXPLICIT),
            "has 65535 x 65535 px; expected at most 100000000 pixels",
        ),
        (
            "high bit",
            film().with(tags::HIGH_BIT, VR::US, 8_u16).bytes(&STEPS).file(EXPLICIT),
            "bit 8 is the highest of",
        ),
        (
            "rescale",
            film()
                .with(tags::RESCALE_SLOPE, VR::DS, "inf")
                .with(tags::RESCALE_INTERCEPT, VR::DS, "0")
                .bytes(&STEPS)
                .file(EXPLICIT),
            "the element (0028,1053) is \"inf\"; expected a finite number",
        ),
        (
            "no jpeg 2000",
            film().fragments(vec![vec![0; 9]]).file("1.2.840.10008.1.2.4.90"),
            "its JPEG 2000 data: truncated",
        ),
        (
            "jpeg size",
            film().fragments(vec![jpeg(4, 2)]).file(JPEG),
            "its JPEG data has 4 x 2 px, 1 samples a pixel",
        ),
        (
            "jpeg depth",
            DicomFilm::new(24, 32, 8).fragments(vec![LOSSLESS_JPEG.to_vec()]).file(JPEG),
            "its pixels have 16 bits; expected 32 x 24 px, 1 samples a pixel of 8 bits",
        ),
        ("jpeg cut", film().fragments(vec![cut_jpeg()]).file(JPEG), "its JPEG data"),
        ("no jpeg", film().fragments(vec![vec![1; 40]]).file(JPEG), "its JPEG data: "),
        ("no rle", rle_of(vec![1, 0]), "its RLE data is truncated"),
        ("rle segments", rle_of(rle(&[&packed(), &packed()])), "its RLE data has 2 segments"),
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

/// Intact but unsupported files are not called broken.
#[test]
fn unsupported_files_are_rejected_with_the_reason() {
    let film = || DicomFilm::new(2, 3, 8).bytes(&STEPS);
    let nothing =
        |modality: &str| DicomFilm(InMemDicomObject::new_empty()).with(tags::MODALITY, VR::CS, modality);
    let in_syntax = |syntax: &str| [meta(None, syntax), film().data_set(EXPLICIT)].concat();
    let directory = [0x04, 0x00, 0x20, 0x12, b'S', b'Q', 0, 0, 0, 0, 0, 0];
    for (name, file, expected) in [
        (
            "frames",
            film().with(tags::NUMBER_OF_FRAMES, VR::IS, "2").file(EXPLICIT),
            "a DICOM file with 2 frames",
        ),
        (
            "32 bits",
            DicomFilm::new(1, 1, 32).bytes(&[0; 4]).file(EXPLICIT),
            "a DICOM file with 32 bits a sample",
        ),
        (
            "1 bit",
            film().with(tags::BITS_ALLOCATED, VR::US, 1_u16).file(EXPLICIT),
            "a DICOM file with 1 bits a sample",
        ),
        (
            "floats",
            DicomFilm::new(1, 1, 32).with(tags::FLOAT_PIXEL_DATA, VR::OF, 1.0_f32).file(EXPLICIT),
            "a DICOM file with floating-point pixels",
        ),
        (
            "colours",
            film().with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "CMYK").file(EXPLICIT),
            "a DICOM file with pixels of type CMYK and 1 samples a pixel",
        ),
        (
            "palette",
            film().with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR").file(EXPLICIT),
            "a DICOM file whose palette is missing or segmented",
        ),
        (
            "report",
            nothing("SR").file(EXPLICIT),
            "a DICOM file without a picture (a structured report, modality SR)",
        ),
        (
            "directory",
            [meta(None, EXPLICIT), directory.to_vec()].concat(),
            "a DICOMDIR, an index of other DICOM files",
        ),
        (
            "video",
            in_syntax("1.2.840.10008.1.2.4.102"),
            "in the transfer syntax 1.2.840.10008.1.2.4.102 (MPEG-4 video)",
        ),
        ("unknown", in_syntax("1.2.840.113619.5.2"), "in the transfer syntax 1.2.840.113619.5.2 (unknown)"),
    ] {
        let error = decode(&file).expect_err(name);
        assert!(matches!(error, Error::Unsupported { .. }), "{name}: {error}");
        let message = error.to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
}
