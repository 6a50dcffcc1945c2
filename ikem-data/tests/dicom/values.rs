//! Conversion of stored values to grey.

use dicom_core::{VR, dicom_value};
use dicom_dictionary_std::tags;
use ikem_core::{GrayImage, Size};

use crate::film::{DicomFilm, EXPLICIT, IMPLICIT, STEPS, assert_near, decode, pixels};

#[test]
fn eight_bit_values_equal_those_of_other_formats() {
    let expected = GrayImage::from_u8(Size::new(3, 2), &STEPS).unwrap();
    for syntax in [EXPLICIT, IMPLICIT] {
        assert_eq!(decode(&DicomFilm::new(2, 3, 8).bytes(&STEPS).file(syntax)).unwrap(), expected);
    }
    // They are not stretched to the range of the picture.
    let dark = DicomFilm::new(1, 2, 8).bytes(&[51, 102]).file(EXPLICIT);
    assert_eq!(pixels(&dark), [0.2, 0.4]);
}

#[test]
fn the_lowest_value_of_monochrome1_is_white() {
    let film = DicomFilm::new(2, 3, 8).with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    assert_near(&pixels(&film.bytes(&STEPS).file(EXPLICIT)), &[1.0, 0.8, 0.6, 0.4, 0.2, 0.0], "monochrome1");
}

#[test]
fn values_without_a_window_equal_those_of_other_formats() {
    let film = |picture: DicomFilm| pixels(&picture.words(&[100, 1100, 2100, 4095]).file(EXPLICIT));
    let twelve = || {
        DicomFilm::new(2, 2, 16).with(tags::BITS_STORED, VR::US, 12_u16).with(tags::HIGH_BIT, VR::US, 11_u16)
    };
    let expected = [100.0 / 4095.0, 1100.0 / 4095.0, 2100.0 / 4095.0, 1.0];
    assert_near(&film(twelve()), &expected, "12 bits");
    // Rescaling then changes nothing, unless the slope is negative.
    let rescaled = |slope: &str| {
        twelve().with(tags::RESCALE_SLOPE, VR::DS, slope).with(tags::RESCALE_INTERCEPT, VR::DS, "-7")
    };
    assert_near(&film(rescaled("0.5")), &expected, "rescaled");
    assert_near(&film(rescaled("-1")), &expected.map(|value| 1.0 - value), "turned over");
    let flat = DicomFilm::new(1, 2, 16).words(&[7, 7]).file(EXPLICIT);
    assert_eq!(pixels(&flat), [0.0, 0.0]);
}

#[test]
fn a_small_range_without_a_window_is_stretched() {
    // 996 pixels from 100 to 1095 and four hot pixels.
    let values: Vec<u16> = (100..1096).chain([60_000; 4]).collect();
    let found = pixels(&DicomFilm::new(10, 100, 16).words(&values).file(EXPLICIT));
    // The tail percentiles are the sixth value from below and from above.
    let expected: Vec<f32> =
        values.iter().map(|&value| ((f32::from(value) - 105.0) / 989.0).clamp(0.0, 1.0)).collect();
    assert_near(&found, &expected, "stretched");
}

#[test]
fn bits_beyond_those_stored_are_ignored() {
    // The values 5, 6, 8 in bits 4…11, with an overlay in the bits around them.
    let film =
        DicomFilm::new(1, 3, 16).with(tags::BITS_STORED, VR::US, 8_u16).with(tags::HIGH_BIT, VR::US, 11_u16);
    let file = film.words(&[0xf050, 0x006f, 0x1081]).file(EXPLICIT);
    assert_near(&pixels(&file), &[5.0 / 255.0, 6.0 / 255.0, 8.0 / 255.0], "bits 4…11");
}

/// PS3.3 C.11.2.1.2.1: y = ((x - (c - 0.5)) / (w - 1) + 0.5), black up to c - 0.5 - (w - 1) / 2, white beyond
/// c - 0.5 + (w - 1) / 2.
#[test]
fn signed_values_are_rescaled_and_windowed() {
    let film = |picture: DicomFilm| {
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
    assert_near(&film(DicomFilm::new(2, 3, 16)), &expected, "linear");
    let inverted = DicomFilm::new(2, 3, 16).with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    assert_near(&film(inverted), &expected.map(|value| 1.0 - value), "monochrome1");
    // Linear exact, C.11.2.1.3.2: y = (x - c) / w + 0.5.
    let exact = DicomFilm::new(2, 3, 16).with(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    let exact = film(exact);
    assert_near(&exact, &[0.0, 0.0, 1.0 / 402.0, 0.5, 98.0 / 201.0 + 0.5, 1.0], "linear exact");
    // Signed 12 bits: 0xfff is -1, 0x800 the lowest value.
    let twelve = DicomFilm::new(1, 3, 16)
        .with(tags::BITS_STORED, VR::US, 12_u16)
        .with(tags::HIGH_BIT, VR::US, 11_u16)
        .with(tags::PIXEL_REPRESENTATION, VR::US, 1_u16)
        .words(&[0xfff, 0x800, 0x7ff]);
    assert_near(&pixels(&twelve.file(EXPLICIT)), &[2047.0 / 4095.0, 0.0, 1.0], "signed 12 bits");
}

#[test]
fn colour_becomes_luma_in_both_planar_configurations() {
    let film = |planes: u16, bytes: [u8; 12]| {
        let picture = DicomFilm::new(2, 2, 8)
            .with(tags::SAMPLES_PER_PIXEL, VR::US, 3_u16)
            .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
            .with(tags::PLANAR_CONFIGURATION, VR::US, planes);
        pixels(&picture.bytes(&bytes).file(EXPLICIT))
    };
    let expected = [0.299, 0.587, 0.114, 0.2];
    assert_near(&film(0, [255, 0, 0, 0, 255, 0, 0, 0, 255, 51, 51, 51]), &expected, "by pixel");
    assert_near(&film(1, [255, 0, 0, 51, 0, 255, 0, 51, 0, 0, 255, 51]), &expected, "by plane");
}

#[test]
fn ybr_gives_its_luma() {
    let film = |name: &str, planes: u16, bytes: &[u8]| {
        let picture = DicomFilm::new(1, 2, 8)
            .with(tags::SAMPLES_PER_PIXEL, VR::US, 3_u16)
            .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, name)
            .with(tags::PLANAR_CONFIGURATION, VR::US, planes);
        pixels(&picture.bytes(bytes).file(EXPLICIT))
    };
    assert_near(&film("YBR_FULL", 0, &[51, 1, 2, 102, 3, 4]), &[0.2, 0.4], "by pixel");
    assert_near(&film("YBR_FULL", 1, &[51, 102, 1, 3, 2, 4]), &[0.2, 0.4], "by plane");
    assert_near(&film("YBR_FULL_422", 0, &[51, 102, 1, 2]), &[0.2, 0.4], "shared");
}

#[test]
fn palette_colours_become_luma() {
    let channel = |values: &[u16]| dicom_core::PrimitiveValue::U16(values.to_vec().into());
    let film = |eight: bool| {
        let (bits, scale) = if eight { (8_u16, 1) } else { (16, 257) };
        let mut picture =
            DicomFilm::new(1, 4, 8).with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
        for (descriptor, data, values) in [
            (
                tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                [255, 0, 0, 51],
            ),
            (
                tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                [0, 255, 0, 51],
            ),
            (
                tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                [0, 0, 255, 51],
            ),
        ] {
            picture = picture.with(descriptor, VR::US, channel(&[4, 10, bits])).with(
                data,
                VR::OW,
                channel(&values.map(|value| value * scale)),
            );
        }
        // Values outside the table clamp to its ends.
        pixels(&picture.bytes(&[0, 11, 12, 200]).file(EXPLICIT))
    };
    for eight in [true, false] {
        assert_near(&film(eight), &[0.299, 0.587, 0.114, 0.2], "palette");
    }
}
