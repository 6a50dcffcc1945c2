//! Damaged image files: decoding terminates, uses bounded memory and does not panic.
//!
//! `IKEM_FUZZ=N` tries N files instead of 10 000.
#![allow(clippy::unwrap_used, reason = "test helpers")]

mod damage;

use std::path::Path;
use std::time::{Duration, Instant};

use ikem_data::{ImageKind, Limits, decode_image};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use damage::{damaged, tries};

const LIMITS: Limits = Limits { pixels: 1_000_000, side: 65_535, bytes: 16 << 20 };
/// Far more than any of the files needs, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);

/// The undamaged fixtures.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images");
    let mut seeds: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn damaged_files_give_an_image_or_an_error() {
    let count = tries();
    let seeds = seeds();
    let mut opened = 0;
    for number in 0..count {
        let mut random = ChaCha8Rng::seed_from_u64(number);
        let (name, whole) = &seeds[random.random_range(0..seeds.len())];
        let bytes = damaged(whole, 0, &[], &mut random);
        let begin = Instant::now();
        if let Ok(image) = decode_image(name, &bytes, &LIMITS) {
            assert!(image.size().area() <= LIMITS.pixels, "{name}, {number}");
            assert!(image.pixels().iter().all(|value| (0.0..=1.0).contains(value)), "{name}, {number}");
            opened += 1;
        }
        assert!(begin.elapsed() < LONGEST, "{name}, {number}: {:?}", begin.elapsed());
    }
    // Damage to pixel data leaves valid pictures; without any, nothing behind the headers would have been tested.
    assert!(opened > count / 20, "{opened} of {count} opened");
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
