//! Windows, VOI and modality LUTs, and padding (PS3.3, C.11 and C.7.5.1.1.2).

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Length, PrimitiveValue, VR, dicom_value};
use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, Tag};
use ikem_data::{Limits, load_radiograph};

use crate::film::{DicomFilm, EXPLICIT, IMPLICIT, assert_near, decode, pixels};

/// 20 × 20 pixels of 12 bits: 0, 10 … 3990.
fn film() -> DicomFilm {
    DicomFilm::new(20, 20, 16).with(tags::BITS_STORED, VR::US, 12_u16).with(tags::HIGH_BIT, VR::US, 11_u16)
}

fn values() -> Vec<u16> {
    (0..400).map(|place| 10 * place).collect()
}

fn greys(picture: DicomFilm) -> Vec<f32> {
    pixels(&picture.words(&values()).file(EXPLICIT))
}

fn unwindowed() -> Vec<f32> {
    values().iter().map(|&value| f32::from(value) / 4095.0).collect()
}

fn windowed(centre: &str, width: &str) -> DicomFilm {
    film().with(tags::WINDOW_CENTER, VR::DS, centre).with(tags::WINDOW_WIDTH, VR::DS, width)
}

fn table(picture: DicomFilm, sequence: Tag, descriptor: [u16; 3], data: PrimitiveValue) -> DicomFilm {
    let descriptor = PrimitiveValue::U16(descriptor.as_slice().into());
    let vr = if matches!(data, PrimitiveValue::U8(_)) { VR::OB } else { VR::OW };
    let item = InMemDicomObject::from_element_iter([
        DataElement::new(tags::LUT_DESCRIPTOR, VR::US, descriptor),
        DataElement::new(tags::LUT_DATA, vr, data),
    ]);
    let mut picture = picture;
    picture.0.put(DataElement::new(sequence, VR::SQ, DataSetSequence::new(vec![item], Length::UNDEFINED)));
    picture
}

#[test]
fn windows_that_hide_the_picture_are_ignored() {
    for (centre, width) in [
        ("2048", "1"),
        ("2048", "0.5"),
        ("2048", "0"),
        ("2048", "-4096"),
        ("abc", "4096"),
        ("2048", "nan"),
        ("inf", "4096"),
        ("", "4096"),
        // Off nearly all values, so wide that all become one grey, and implausibly long.
        ("40", "70"),
        ("9000", "400"),
        ("2048", "1e9"),
        (&"1".repeat(5000), "1"),
    ] {
        assert_near(&greys(windowed(centre, width)), &unwindowed(), &format!("{centre:.9} {width}"));
    }
}

#[test]
fn the_first_window_that_shows_the_picture_is_applied() {
    let expected: Vec<f32> =
        values().iter().map(|&x| ((f32::from(x) - 1999.5) / 1999.0 + 0.5).clamp(0.0, 1.0)).collect();
    assert_near(&greys(windowed("2000", "2000")), &expected, "one");
    assert_near(&greys(windowed("2000", "2000,0")), &expected, "a decimal comma");
    let several = film().with(tags::WINDOW_CENTER, VR::DS, dicom_value!(Strs, ["-40", "2000", "1"])).with(
        tags::WINDOW_WIDTH,
        VR::DS,
        dicom_value!(Strs, ["400", "2000", "4096"]),
    );
    assert_near(&greys(several), &expected, "the second");
    for name in ["LINEAR", "", "linear ", "WHATEVER"] {
        assert_near(
            &greys(windowed("2000", "2000").with(tags::VOILUT_FUNCTION, VR::CS, name)),
            &expected,
            name,
        );
    }
    let exact: Vec<f32> =
        values().iter().map(|&x| ((f32::from(x) - 2000.0) / 2000.0 + 0.5).clamp(0.0, 1.0)).collect();
    let film = windowed("2000", "2000").with(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    assert_near(&greys(film), &exact, "linear exact");
    let sigmoid: Vec<f32> =
        values().iter().map(|&x| 1.0 / (1.0 + (-4.0 * (f32::from(x) - 2000.0) / 2000.0).exp())).collect();
    let film = windowed("2000", "2000").with(tags::VOILUT_FUNCTION, VR::CS, "sigmoid");
    assert_near(&greys(film), &sigmoid, "sigmoid");
}

#[test]
fn a_slope_of_zero_is_ignored() {
    let film = windowed("2000", "2000").with(tags::RESCALE_SLOPE, VR::DS, "0");
    assert_near(&greys(film), &greys(windowed("2000", "2000")), "slope");
}

#[test]
fn voi_luts_take_precedence_over_windows() {
    // 2000 entries, from the value 1000 on: 0, 20 … 39980.
    let words = || PrimitiveValue::U16((0..2000).map(|place| 20 * place).collect());
    let film = || windowed("2000", "2000");
    let at = |value: u16, step: u16, last: u16| f32::from(value.saturating_sub(1000).min(last) * step);
    let expected: Vec<f32> = values().iter().map(|&value| at(value, 20, 1999) / 65535.0).collect();
    let with = |descriptor| table(film(), tags::VOILUT_SEQUENCE, descriptor, words());
    assert_near(&greys(with([2000, 1000, 16])), &expected, "16 bits");
    let implicit = pixels(&with([2000, 1000, 16]).words(&values()).file(IMPLICIT));
    assert_near(&implicit, &expected, "implicit");
    // A table shorter than its descriptor says.
    assert_near(&greys(with([0, 1000, 16])), &expected, "long");
    let bytes: PrimitiveValue = (0..=200).collect::<Vec<u8>>().into();
    let eight = table(film(), tags::VOILUT_SEQUENCE, [201, 1000, 8], bytes);
    // It maps nearly all values to two greys, so the window is used instead.
    assert_near(&greys(eight), &greys(film()), "narrow");
    let bytes: PrimitiveValue = (0..2000).map(|place| (place / 8) as u8).collect::<Vec<u8>>().into();
    let eight = table(film(), tags::VOILUT_SEQUENCE, [2000, 1000, 8], bytes);
    let expected: Vec<f32> =
        values().iter().map(|&v| f32::from(v.saturating_sub(1000).min(1999) / 8) / 255.0).collect();
    assert_near(&greys(eight), &expected, "8 bits");
}

#[test]
fn modality_luts_replace_rescaling() {
    let words: Vec<u16> = (0..4096).map(|place| 65535 - 16 * place).collect();
    let with = |picture| {
        table(
            picture,
            tags::MODALITY_LUT_SEQUENCE,
            [4096, 0, 16],
            PrimitiveValue::U16(words.as_slice().into()),
        )
    };
    let looked_up = |value: u16| f32::from(65535 - 16 * value);
    let (low, high) = (65535.0 - 16.0 * 4095.0, 65535.0);
    let expected: Vec<f32> = values().iter().map(|&v| (looked_up(v) - low) / (high - low)).collect();
    assert_near(&greys(with(film().with(tags::RESCALE_SLOPE, VR::DS, "3"))), &expected, "no window");
    let expected: Vec<f32> =
        values().iter().map(|&v| ((looked_up(v) - 32767.5) / 40000.0 + 0.5).clamp(0.0, 1.0)).collect();
    assert_near(&greys(with(windowed("32768", "40001"))), &expected, "windowed");
    let broken = table(film(), tags::MODALITY_LUT_SEQUENCE, [4096, 0, 16], PrimitiveValue::Empty);
    let message = decode(&broken.words(&values()).file(EXPLICIT)).unwrap_err().to_string();
    assert!(message.contains("its Modality LUT Sequence (0028,3000) has no valid table"), "{message}");
}

#[test]
fn luts_of_signed_values_may_begin_below_zero() {
    let words: Vec<u16> = (0..200).map(|place| 300 * place).collect();
    let film = DicomFilm::new(1, 4, 16).with(tags::PIXEL_REPRESENTATION, VR::US, 1_u16);
    let film =
        table(film, tags::VOILUT_SEQUENCE, [200, 65436, 16], PrimitiveValue::U16(words.as_slice().into()));
    let raw = [-100_i16, -50, 0, 50].map(|value| value as u16);
    let expected = [0.0, 15000.0 / 65535.0, 30000.0 / 65535.0, 45000.0 / 65535.0];
    assert_near(&pixels(&film.words(&raw).file(EXPLICIT)), &expected, "signed");
}

#[test]
fn padding_is_black_and_excluded_from_the_range() {
    let padded = |value: u16, limit: Option<u16>, name: &str| {
        let mut picture = DicomFilm::new(20, 40, 16)
            .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, name)
            .with(tags::PIXEL_PADDING_VALUE, VR::US, value);
        if let Some(limit) = limit {
            picture = picture.with(tags::PIXEL_PADDING_RANGE_LIMIT, VR::US, limit);
        }
        // Half of the pixels are padding: 0, 1, 2, 3, 0 …; the others are 8000, 8001 … 8399.
        let words: Vec<u16> = (0..400).map(|place| place % 4).chain(8000..8400).collect();
        pixels(&picture.words(&words).file(EXPLICIT))
    };
    let film: Vec<f32> = (8000..8400).map(|value| (value - 8000) as f32 / 399.0).collect();
    let negative: Vec<f32> = film.iter().map(|value| 1.0 - value).collect();
    for (name, expected) in [("MONOCHROME2", &film), ("MONOCHROME1", &negative)] {
        for (value, limit) in [(0, Some(3)), (3, Some(0))] {
            let found = padded(value, limit, name);
            assert_eq!(&found[..400], [0.0; 400], "{name}");
            assert_near(&found[400..], expected, name);
        }
    }
    // Padding that would leave nothing is ignored.
    let all = padded(0, Some(9000), "MONOCHROME2");
    assert!(all[799] > 0.99 && all[0] == 0.0);
}

#[test]
fn padding_over_much_of_a_picture_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.dcm");
    for (padded, note) in [(39, None), (40, Some("10 % of the picture is padding")), (120, Some("30 % of"))] {
        let words: Vec<u16> = (0..400).map(|place| if place < padded { 0 } else { 8000 + place }).collect();
        let film = DicomFilm::new(20, 20, 16).with(tags::PIXEL_PADDING_VALUE, VR::US, 0_u16).words(&words);
        std::fs::write(&path, film.file(EXPLICIT)).unwrap();
        let found = load_radiograph(&path, &Limits::default()).unwrap().note;
        assert_eq!(found.is_some(), note.is_some(), "{padded} pixels: {found:?}");
        assert!(found.unwrap_or_default().contains(note.unwrap_or_default()), "{padded} pixels");
    }
}
