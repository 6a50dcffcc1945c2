//! Rarer image formats: they open with the right values or are rejected by name.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::path::{Path, PathBuf};

use ikem_core::{GrayImage, Size};
use ikem_data::{Error, Limits, decode_image, image_size, load_image, load_radiograph};

/// The size of all fixtures.
const SIZE: Size = Size::new(35, 41);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn decode(bytes: &[u8]) -> Result<GrayImage, Error> {
    decode_image("picture", bytes, &Limits::default())
}

/// The content of the fixtures (`make_images.py`), 0…255.
fn value(x: usize, y: usize) -> u16 {
    ((5 * x + 3 * y) % 251) as u16
}

/// The largest difference from a picture with the values `expected`.
fn difference(found: &GrayImage, expected: impl Fn(u16) -> f32) -> f32 {
    assert_eq!(found.size(), SIZE);
    let places = (0..SIZE.height).flat_map(|y| (0..SIZE.width).map(move |x| (x, y)));
    let differences =
        found.pixels().iter().zip(places).map(|(found, (x, y))| (found - expected(value(x, y))).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn tiff_opens_in_every_sample_layout() {
    let eight = |value: u16| f32::from(value) / 255.0;
    let of_bits = |bits: u32| {
        move |value: u16| f32::from(value) * 2_f32.powi(bits as i32 - 8) / ((1 << bits) - 1) as f32
    };
    let nibble = |value: u16| f32::from(value >> 4) / 15.0;
    for (name, expected, tolerance) in [
        ("bigtiff", &eight as &dyn Fn(u16) -> f32, 0.0),
        ("bigtiff-palette-big-endian", &eight, 1e-6),
        ("palette-shifted", &eight, 1e-6),
        ("lzw-tiled", &eight, 0.0),
        ("white-is-zero-lzw-tiled", &eight, 0.0),
        ("white-is-zero-16", &eight, 1e-6),
        ("white-is-zero-alpha", &eight, 1e-6),
        ("grey-alpha", &eight, 1e-6),
        ("grey-alpha-planar", &eight, 1e-6),
        ("rgb-planar", &eight, 1e-6),
        ("cmyk", &eight, 1e-6),
        ("float16", &eight, 3e-4),
        ("float32", &eight, 1e-6),
        ("float64", &eight, 1e-6),
        ("int8", &eight, 1e-6),
        ("int16", &eight, 1e-6),
        ("int16-positive", &|value| 128.0 * f32::from(value) / 32767.0, 1e-6),
        ("uint32", &eight, 1e-6),
        ("packed4", &nibble, 1e-6),
        ("palette4", &nibble, 1e-6),
        ("packed10", &of_bits(10), 1e-6),
        ("packed12", &of_bits(12), 1e-6),
        ("packed14", &of_bits(14), 1e-6),
    ] {
        let path = fixture(&format!("{name}.tif"));
        let found = load_image(&path, &Limits::default()).expect(name);
        let difference = difference(&found, expected);
        assert!(difference <= tolerance, "{name}: {difference}");
        assert_eq!(image_size(&path, &Limits::default()).expect(name), SIZE, "{name}");
    }
}

#[test]
fn the_largest_of_several_pages_is_used_and_noted() {
    let path = fixture("pages.tif");
    let found = load_radiograph(&path, &Limits::default()).unwrap();
    assert_eq!(difference(&found.image, |value| f32::from(value) / 255.0), 0.0);
    assert_eq!(found.note.as_deref(), Some("page 2 of 3 was used, the largest"));
    assert_eq!(image_size(&path, &Limits::default()).unwrap(), SIZE);
    let one = load_radiograph(fixture("bigtiff.tif"), &Limits::default()).unwrap();
    assert_eq!(one.note, None);
}

#[test]
fn unsupported_compressions_are_named() {
    for (name, expected) in [
        (
            "jpeg2000",
            "a TIFF image compressed with JPEG 2000 (34712), which is not supported: save it uncompressed",
        ),
        ("jpegxl", "compressed with JPEG XL (50002)"),
        ("webp", "compressed with WebP (50001)"),
        ("zstd", "compressed with Zstandard (50000)"),
        ("lzma", "compressed with LZMA (34925)"),
    ] {
        let message = decode(&bytes(&format!("named-{name}.tif"))).expect_err(name).to_string();
        assert!(message.starts_with("picture is ") && message.contains(expected), "{message}");
    }
}

#[test]
fn lossless_jpeg_opens_with_exact_values() {
    let limits = Limits::default();
    let eight = load_image(fixture("lossless.jpg"), &limits).unwrap();
    assert_eq!(difference(&eight, |value| f32::from(value) / 255.0), 0.0);
    let twelve = load_image(fixture("lossless12.jpg"), &limits).unwrap();
    assert!(difference(&twelve, |value| 16.0 * f32::from(value) / 4095.0) < 1e-6);
    assert_eq!(image_size(fixture("lossless12.jpg"), &limits).unwrap(), SIZE);
}

#[test]
fn a_jpeg_without_an_end_marker_opens_if_all_rows_are_present() {
    for name in ["baseline.jpg", "progressive.jpg", "lossless.jpg"] {
        let whole = bytes(name);
        let expected = decode(&whole).unwrap();
        // Without the marker, and with half of it.
        for missing in [2, 1] {
            let found = decode(&whole[..whole.len() - missing]).expect(name);
            assert_eq!(found, expected, "{name} without {missing} bytes");
        }
        for missing in [6, 40, 200] {
            let message = decode(&whole[..whole.len() - missing]).expect_err(name).to_string();
            assert!(message.contains("the JPEG data is truncated"), "{name}: {message}");
        }
    }
}

/// Without its last scan, a progressive picture has all rows but is coarse.
#[test]
fn a_progressive_jpeg_without_its_last_scan_is_rejected() {
    let whole = bytes("progressive.jpg");
    let last = whole.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let message = decode(&whole[..last]).unwrap_err().to_string();
    assert!(message.contains("the JPEG data is truncated"), "{message}");
}

#[test]
fn unsupported_jpeg_codings_are_named() {
    for (marker, bits, expected) in [
        (0xc1, 12, "a JPEG picture with 12 bits"),
        (0xc9, 8, "an arithmetic-coded JPEG picture"),
        (0xc5, 8, "a hierarchical JPEG picture"),
        (0xf7, 8, "a JPEG-LS picture"),
    ] {
        let mut file = vec![0xff, 0xd8, 0xff, marker, 0, 11, bits, 0, 41, 0, 35, 1, 1, 0x11, 0];
        file.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 3, 0xff, 0xd9]);
        let message = decode(&file).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("convert it to PNG"), "{message}");
    }
}
