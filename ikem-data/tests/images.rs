//! Image files of every format and depth, and broken ones.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::io::Cursor;
use std::path::Path;

use ikem_core::{GrayImage, Size};
use ikem_data::{Error, Limits, decode_image, image_size, load_image};
use image::{DynamicImage, GrayImage as Luma8, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba};
use proptest::prelude::*;

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decode(bytes: &[u8]) -> Result<GrayImage, Error> {
    decode_image("picture", bytes, &Limits::default())
}

/// The same 8-bit grey picture: steps of 17 in both directions.
fn steps() -> Luma8 {
    Luma8::from_fn(16, 8, |x, y| Luma([(17 * (x ^ y)) as u8]))
}

fn largest_difference(a: &GrayImage, b: &GrayImage) -> f32 {
    assert_eq!(a.size(), b.size());
    a.pixels().iter().zip(b.pixels()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_format_and_depth_gives_the_same_grey() {
    let grey = steps();
    let expected = GrayImage::from_u8(Size::new(16, 8), &grey).unwrap();
    let eight = DynamicImage::from(grey.clone());
    let sixteen = DynamicImage::from(ImageBuffer::from_fn(16, 8, |x, y| {
        Luma([257 * u16::from(grey.get_pixel(x, y)[0])])
    }));
    let colour = DynamicImage::from(eight.to_rgb8());
    let colour16 = DynamicImage::from(sixteen.to_rgb16());
    let float = DynamicImage::from(ImageBuffer::from_fn(16, 8, |x, y| {
        Rgb([f32::from(grey.get_pixel(x, y)[0]) / 255.0; 3])
    }));
    let clear = DynamicImage::from(ImageBuffer::from_fn(16, 8, |x, y| {
        let value = grey.get_pixel(x, y)[0];
        Rgba([value, value, value, 7])
    }));
    for (name, image, format, tolerance) in [
        ("png 8", &eight, ImageFormat::Png, 0.0),
        ("png 16", &sixteen, ImageFormat::Png, 1e-7),
        ("png rgb", &colour, ImageFormat::Png, 1e-7),
        ("png rgb 16", &colour16, ImageFormat::Png, 1e-7),
        ("png rgba", &clear, ImageFormat::Png, 1e-7),
        ("png grey alpha", &DynamicImage::from(eight.to_luma_alpha8()), ImageFormat::Png, 0.0),
        ("tiff 8", &eight, ImageFormat::Tiff, 0.0),
        ("tiff 16", &sixteen, ImageFormat::Tiff, 1e-7),
        ("tiff rgb", &colour, ImageFormat::Tiff, 1e-7),
        ("tiff rgb float", &float, ImageFormat::Tiff, 1e-6),
        ("bmp 8", &eight, ImageFormat::Bmp, 1e-7),
        ("bmp rgb", &colour, ImageFormat::Bmp, 1e-7),
        ("jpeg 8", &eight, ImageFormat::Jpeg, 0.1),
        ("jpeg rgb", &colour, ImageFormat::Jpeg, 0.1),
    ] {
        let found = decode(&encode(image, format)).unwrap();
        assert!(largest_difference(&found, &expected) <= tolerance, "{name}");
    }
}

#[test]
fn colour_becomes_rec_601_luma() {
    for (colour, luma) in [([255, 0, 0], 0.299), ([0, 255, 0], 0.587), ([0, 0, 255], 0.114)] {
        let image = RgbImage::from_pixel(1, 1, Rgb(colour));
        let found = decode(&encode(&image.into(), ImageFormat::Png)).unwrap();
        assert!((found.pixels()[0] - luma).abs() < 1e-6, "{colour:?}");
    }
}

/// A JPEG, dark on the left and light on the right, with the EXIF orientation `orientation`.
fn jpeg_with_orientation(orientation: u8) -> Vec<u8> {
    let picture = Luma8::from_fn(32, 16, |x, _| Luma([if x < 16 { 0 } else { 255 }]));
    let plain = encode(&picture.into(), ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap();
    let mut bytes = plain[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&plain[2..]);
    bytes
}

#[test]
fn exif_orientation_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    for (orientation, size, dark) in [
        (1, Size::new(32, 16), (2, 2)),
        (3, Size::new(32, 16), (30, 2)),
        (6, Size::new(16, 32), (2, 2)),
        (8, Size::new(16, 32), (2, 30)),
    ] {
        let bytes = jpeg_with_orientation(orientation);
        let image = decode(&bytes).unwrap();
        assert_eq!(image.size(), size, "orientation {orientation}");
        let (x, y) = dark;
        let opposite = (size.width - 1 - x, size.height - 1 - y);
        let at = |(x, y): (usize, usize)| image.pixels()[y * size.width + x];
        assert!(at(dark) < 0.1 && at(opposite) > 0.9, "orientation {orientation}");
        let path = folder.path().join("turned.jpg");
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(image_size(&path, &Limits::default()).unwrap(), size);
    }
}

#[test]
fn a_single_pixel_is_an_image() {
    let dot = DynamicImage::from(Luma8::from_pixel(1, 1, Luma([51])));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::Bmp] {
        let image = decode(&encode(&dot, format)).unwrap();
        assert_eq!(image.size(), Size::new(1, 1));
        assert!((image.pixels()[0] - 0.2).abs() < 0.02, "{format:?}");
    }
}

/// A PNG header that claims `width` × `height` pixels of 16-bit colour, without data.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([16, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(&chunk);
    bytes.extend(crc32(&chunk).to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

#[test]
fn broken_and_unsupported_images_are_rejected_with_the_reason() {
    let picture = DynamicImage::from(steps());
    let whole = |format| encode(&picture, format);
    let half = |format| whole(format)[..whole(format).len() / 2].to_vec();
    let mut huge_bmp = whole(ImageFormat::Bmp);
    huge_bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    huge_bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    for (name, bytes, expected) in [
        ("nothing", vec![], "picture is not a PNG, JPEG, TIFF, BMP or DICOM image: it begins with nothing"),
        ("text", b"no image at all".to_vec(), "it begins with \"no image\""),
        ("gif", b"GIF89a\x01\x02".to_vec(), "picture is a GIF picture, which is not supported: convert it"),
        ("huge png", png_claiming(60_000, 60_000), "has 60000 x 60000 px; expected at most 100000000 pixels"),
        ("huge bmp", huge_bmp, "has 60000 x 60000 px; expected at most"),
        ("endless png", png_claiming(u32::MAX >> 1, u32::MAX >> 1), "expected at most"),
        ("empty png", png_claiming(0, 7), "broken image"),
        ("png cut", half(ImageFormat::Png), "broken image"),
        ("jpeg cut", half(ImageFormat::Jpeg), "broken image"),
        (
            "jpeg cut late",
            whole(ImageFormat::Jpeg)[..whole(ImageFormat::Jpeg).len() - 6].to_vec(),
            "data is truncated",
        ),
        ("tiff cut", half(ImageFormat::Tiff), "broken image"),
        ("bmp cut", half(ImageFormat::Bmp), "broken image"),
    ] {
        let message = decode(&bytes).expect_err(name).to_string();
        assert!(message.starts_with("picture ") && message.contains(expected), "{name}: {message}");
    }
    let small = Limits { bytes: 100, ..Limits::default() };
    let message = decode_image("p", &whole(ImageFormat::Png), &small).unwrap_err().to_string();
    assert!(message.contains("128 bytes of pixels; expected at most 100 bytes"), "{message}");
    let narrow = Limits { side: 8, ..Limits::default() };
    let message = decode_image("p", &whole(ImageFormat::Png), &narrow).unwrap_err().to_string();
    assert!(message.ends_with("expected at most 8 px on a side"), "{message}");
}

#[test]
fn unreadable_paths_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.png");
    for (path, expected) in [(missing.as_path(), "none.png: No such file"), (folder.path(), "Is a directory")]
    {
        let message = load_image(path, &Limits::default()).unwrap_err().to_string();
        assert!(message.starts_with("cannot read ") && message.contains(expected), "{message}");
        assert!(image_size(path, &Limits::default()).is_err());
    }
}

#[test]
fn sizes_are_read_from_headers_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("header.png");
    std::fs::write(&path, png_claiming(3000, 4000)).unwrap();
    assert_eq!(image_size(&path, &Limits::default()).unwrap(), Size::new(3000, 4000));
    // The TIFF directory follows the pixels, beyond the bytes read at first.
    let tall = DynamicImage::from(ImageBuffer::<Luma<u16>, _>::new(300, 400));
    std::fs::write(&path, encode(&tall, ImageFormat::Tiff)).unwrap();
    assert_eq!(image_size(&path, &Limits::default()).unwrap(), Size::new(300, 400));
}

proptest! {
    #[test]
    fn damaged_files_never_panic(
        format in prop::sample::select(vec![
            ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::Bmp,
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&steps().into(), format);
        for (place, value) in changes {
            *place.get_mut(&mut bytes) = value;
        }
        bytes.truncate(cut.index(bytes.len()) * 2);
        let limits = Limits { pixels: 1_000_000, side: 65_535, bytes: 16 << 20 };
        if let Ok(image) = decode_image(Path::new("damaged"), &bytes, &limits) {
            prop_assert!(image.size().area() <= limits.pixels);
        }
    }
}
