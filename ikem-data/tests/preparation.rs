//! The preparation compared with OpenCV's resizing of the same 8-bit image: smaller, much smaller, larger, and larger
//! along one axis only. `fixtures/make_preparation.py` drew the image.
#![allow(missing_docs, clippy::expect_used, reason = "test helpers")]

use std::path::PathBuf;

use ikem_core::{GrayImage, Preparation, Resampling, Size};
use ikem_data::{Limits, load_image};

fn fixture(name: &str) -> GrayImage {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/preparation"));
    load_image(folder.join(name), &Limits::default()).expect("the fixture")
}

#[test]
fn preparation_matches_opencv_to_one_grey_level() {
    let image = fixture("drawn.png");
    for (name, resampling) in [("bilinear", Resampling::Bilinear), ("area", Resampling::Area)] {
        for (width, height) in [(64, 128), (71, 340), (106, 170), (300, 500), (100, 400)] {
            let expected = fixture(&format!("{name}-{width}x{height}.png"));
            let size = Size::new(width, height);
            let prepared = Preparation { size, resampling }.apply(&image).expect("a size");
            for (i, (found, expected)) in prepared.iter().zip(expected.pixels()).enumerate() {
                let level = |grey: f32| (255.0 * grey).round() as i32;
                let (found, expected) = (level(0.5 * (found + 1.0)), level(*expected));
                let (x, y) = (i % width, i / width);
                assert!(
                    (found - expected).abs() <= 1,
                    "{name} {size}: pixel {x},{y} is {found}, expected {expected}"
                );
            }
        }
    }
}
