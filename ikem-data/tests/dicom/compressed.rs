//! Compressed pixel data.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use crate::film::{DicomFilm, JPEG, RLE, assert_near, decode, jpeg, packed, pixels, rle};

#[test]
fn rle_is_decoded() {
    let eight = DicomFilm::new(2, 3, 8).fragments(vec![rle(&[&packed()])]).file(RLE);
    assert_near(&pixels(&eight), &[0.2, 0.2, 1.0, 1.0, 1.0, 1.0], "8 bits");
    // The segment of high bytes comes first.
    let sixteen = DicomFilm::new(1, 4, 16).fragments(vec![rle(&[&[3, 0, 1, 2, 4], &[0xfd, 0]])]).file(RLE);
    assert_near(&pixels(&sixteen), &[0.0, 0.25, 0.5, 1.0], "16 bits");
    let colour = DicomFilm::new(2, 3, 8)
        .with(tags::SAMPLES_PER_PIXEL, VR::US, 3_u16)
        .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
        .fragments(vec![rle(&[&[0xfb, 255], &[0xfb, 0], &[0xfb, 0]])])
        .file(RLE);
    assert_near(&pixels(&colour), &[0.299; 6], "colour");
}

#[test]
fn jpeg_is_decoded_from_one_or_several_fragments() {
    let whole = jpeg(32, 16);
    let expected = decode(&whole).unwrap();
    let pieces: Vec<Vec<u8>> = whole.chunks(100).map(<[u8]>::to_vec).collect();
    for fragments in [vec![whole.clone()], pieces] {
        let film = decode(&DicomFilm::new(16, 32, 8).fragments(fragments).file(JPEG)).unwrap();
        assert_eq!(film.size(), expected.size());
        let apart = film.pixels().iter().zip(expected.pixels()).map(|(a, b)| (a - b).abs());
        // The two decoders round differently.
        assert!(apart.fold(0.0, f32::max) <= 2.0 / 255.0);
    }
}

/// The content of the fixtures, 32 × 24 pixels of 12 bits: 64 x + 40 y. They were encoded by independent libraries:
/// OpenJPEG, OpenJPH, CharLS and libjpeg.
fn ramp() -> Vec<f32> {
    (0..24 * 32).map(|place| (64 * (place % 32) + 40 * (place / 32)) as f32 / 4095.0).collect()
}

pub(crate) const LOSSLESS_JPEG: &[u8] = include_bytes!("fixtures/lossless.jpg");
pub(crate) const EXTENDED_JPEG: &[u8] = include_bytes!("fixtures/extended.jpg");
pub(crate) const JPEG_LS: &[u8] = include_bytes!("fixtures/lossless.jls");
pub(crate) const NEAR_JPEG_LS: &[u8] = include_bytes!("fixtures/near.jls");
pub(crate) const JPEG_2000: &[u8] = include_bytes!("fixtures/lossless.j2k");
pub(crate) const HTJ2K: &[u8] = include_bytes!("fixtures/lossless.jph");

/// Each fixture with its transfer syntax and its tolerance.
pub(crate) const FIXTURES: [(&str, &str, &[u8], f32); 6] = [
    ("lossless JPEG", "1.2.840.10008.1.2.4.70", LOSSLESS_JPEG, 0.0),
    ("12-bit JPEG", "1.2.840.10008.1.2.4.51", EXTENDED_JPEG, 12.0),
    ("JPEG-LS", "1.2.840.10008.1.2.4.80", JPEG_LS, 0.0),
    ("JPEG-LS near lossless", "1.2.840.10008.1.2.4.81", NEAR_JPEG_LS, 2.0),
    ("JPEG 2000", "1.2.840.10008.1.2.4.90", JPEG_2000, 0.0),
    ("HTJ2K", "1.2.840.10008.1.2.4.201", HTJ2K, 0.0),
];

/// A 12-bit film with the size of the fixtures.
pub(crate) fn twelve(rows: u16, columns: u16) -> DicomFilm {
    DicomFilm::new(rows, columns, 16).with(tags::BITS_STORED, VR::US, 12_u16).with(
        tags::HIGH_BIT,
        VR::US,
        11_u16,
    )
}

#[test]
fn every_coding_gives_the_same_values() {
    for (name, syntax, data, tolerance) in FIXTURES {
        // Fragments of odd length are padded.
        let halves = data.split_at(data.len() / 4 * 2);
        for fragments in [vec![data.to_vec()], vec![halves.0.to_vec(), halves.1.to_vec()]] {
            let film = pixels(&twelve(24, 32).fragments(fragments).file(syntax));
            let apart = film.iter().zip(ramp()).map(|(a, b)| (a - b).abs() * 4095.0).fold(0.0, f32::max);
            assert!(film.len() == ramp().len() && apart <= tolerance + 1e-3, "{name}: {apart}");
        }
    }
}

#[test]
fn data_of_another_size_or_without_an_end_is_rejected() {
    for (name, syntax, data, _) in FIXTURES {
        let larger = twelve(25, 32).fragments(vec![data.to_vec()]).file(syntax);
        let message = decode(&larger).expect_err(name).to_string();
        assert!(message.contains("data has 32 x 24 px, 1 samples a pixel"), "{name}: {message}");
        let cut = twelve(24, 32).fragments(vec![data[..data.len() * 2 / 3].to_vec()]).file(syntax);
        let message = decode(&cut).expect_err(name).to_string();
        assert!(message.contains("is a broken DICOM file: its JPEG"), "{name}: {message}");
        // Decoding stops at the size that the elements state.
        let smaller = twelve(1, 1).fragments(vec![data.to_vec()]).file(syntax);
        let message = decode(&smaller).expect_err(name).to_string();
        assert!(message.contains("32") && message.contains("24"), "{name}: {message}");
    }
}

#[test]
fn jpeg_without_an_end_marker_opens_if_all_rows_are_present() {
    for (data, bits) in [(jpeg(32, 16), 8), (EXTENDED_JPEG.to_vec(), 12)] {
        let film = |data: &[u8]| {
            let picture = if bits == 8 { DicomFilm::new(16, 32, 8) } else { twelve(24, 32) };
            decode(&picture.fragments(vec![data.to_vec()]).file(JPEG))
        };
        let end = data.iter().rposition(|&byte| byte == 0xd9).unwrap() - 1;
        assert_eq!(film(&data[..end]).unwrap(), film(&data).unwrap(), "{bits} bits");
        let message = film(&data[..end - 8]).unwrap_err().to_string();
        assert!(message.contains("its JPEG data: truncated"), "{message}");
    }
}

#[test]
fn lossless_jpeg_that_the_decoder_misreads_is_rejected() {
    let restarts = [&LOSSLESS_JPEG[..2], &[0xff, 0xdd, 0, 4, 0, 8], &LOSSLESS_JPEG[2..]].concat();
    let scan = LOSSLESS_JPEG.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    let length = usize::from(LOSSLESS_JPEG[scan + 3]);
    let mut shifted = LOSSLESS_JPEG.to_vec();
    shifted[scan + 1 + length] |= 1;
    for data in [restarts, shifted] {
        let file = twelve(24, 32).fragments(vec![data]).file("1.2.840.10008.1.2.4.70");
        let message = decode(&file).unwrap_err().to_string();
        assert!(
            message.contains("lossless, with restarts or a point transform), which is not supported"),
            "{message}"
        );
    }
}
