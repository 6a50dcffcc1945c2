//! Damaged image files: decoding terminates, uses bounded memory and does not panic.
//!
//! `IKEM_FUZZ=N` tries N files instead of 10 000.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::path::{Path, PathBuf};

use ikem_damage::{Sample, Trial};
use ikem_data::{ImageKind, Limits, decode_image};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LIMITS: Limits = Limits { pixels: 1_000_000, side: 65_535, bytes: 16 << 20 };

/// The undamaged fixtures.
fn samples() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let sample = |path: &PathBuf| {
        Sample::new(path.file_name().unwrap().to_string_lossy(), std::fs::read(path).unwrap())
    };
    paths.iter().map(sample).collect()
}

#[test]
fn damaged_files_give_an_image_or_an_error() {
    let tried = Trial::new("decode_image", samples()).run(|bytes| {
        decode_image("damaged", bytes, &LIMITS).is_ok_and(|image| {
            assert!(image.size().area() <= LIMITS.pixels);
            assert!(image.pixels().iter().all(|value| (0.0..=1.0).contains(value)));
            true
        })
    });
    // Damage to pixel data leaves valid pictures; without any, nothing behind the headers would have been tested.
    assert!(tried.accepted > tried.files / 20, "{tried:?}");
}

#[test]
fn any_bytes_are_a_known_format_or_an_error() {
    for number in 0..20_000 {
        let mut random = ChaCha8Rng::seed_from_u64(number);
        let mut bytes = vec![0; random.random_range(0..600)];
        random.fill_bytes(&mut bytes);
        if let Err(error) = ImageKind::of("file", &bytes) {
            assert!(error.to_string().starts_with("file is "), "{error}");
        }
    }
}
