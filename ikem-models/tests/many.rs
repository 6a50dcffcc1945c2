//! Many films at the rate of the machine.
#![allow(missing_docs)]
#![allow(clippy::expect_used, clippy::panic, reason = "tests stop where something is wrong")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use ikem_core::{GrayImage, Size};
use ikem_models::{ModelConfig, NetworkConfig, Predictor, UnetConfig, for_each_film};

fn predictor() -> Predictor {
    let network = UnetConfig { width: 8, gate_width: Some(16), ..UnetConfig::default() };
    let config = ModelConfig { size: Size::new(64, 128), ..ModelConfig::new(NetworkConfig::Unet(network)) };
    Predictor::builder().untrained(&config, 1).expect("a predictor")
}

/// A film of its own size and pixels for each number.
fn film(number: usize) -> GrayImage {
    let size = Size::new(90 + number, 150);
    let pixel = |i: usize| ((i * 7919 + number * 104_729) % 997) as f32 / 996.0;
    GrayImage::new(size, (0..size.area()).map(pixel).collect()).expect("pixels")
}

#[test]
fn a_batch_is_predicted_as_one_by_one() {
    let (predictor, films) = (predictor(), (0..9).map(film).collect::<Vec<_>>());
    let batch = predictor.predict_batch(&films).expect("predictions");
    assert_eq!(batch.len(), films.len());
    for (together, film) in batch.iter().zip(&films) {
        let alone = predictor.predict(film).expect("a prediction");
        assert_eq!(together, &alone);
    }
    assert_ne!(batch[0], batch[1]);
    assert!(predictor.predict_batch(&[]).expect("nothing").is_empty());
}

#[test]
fn without_maps_the_heatmaps_are_gaussians_at_the_same_keypoints() {
    let with = predictor().predict(&film(0)).expect("a prediction");
    let without = with.clone().without_maps();
    assert!(with.has_maps() && !without.has_maps());
    assert_eq!((with.keypoints(), with.confidences()), (without.keypoints(), without.confidences()));
    let map = without.heatmap(3).expect("a heatmap");
    let peak = map.map(0).expect("a map").iter().copied().fold(0.0, f32::max);
    assert!((peak - with.confidences()[3]).abs() < 0.1, "{peak} for {}", with.confidences()[3]);
}

#[test]
fn results_come_in_order_and_little_is_done_ahead() {
    let (begun, mut seen) = (AtomicUsize::new(0), Vec::new());
    let cores = std::thread::available_parallelism().expect("a number").get();
    for_each_film(
        0..1000,
        |number| {
            begun.fetch_add(1, Ordering::SeqCst);
            number
        },
        |number| {
            seen.push(number);
            let ahead = begun.load(Ordering::SeqCst) - seen.len();
            if ahead <= 8 * cores { Ok(()) } else { Err(ahead) }
        },
    )
    .expect("bounded");
    assert_eq!(seen, (0..1000).collect::<Vec<_>>());
}

#[test]
fn an_error_ends_the_work() {
    let begun = AtomicUsize::new(0);
    let ended = for_each_film(
        0..100_000,
        |number| {
            begun.fetch_add(1, Ordering::SeqCst);
            number
        },
        |number| if number < 5 { Ok(()) } else { Err("the disk is full") },
    );
    assert_eq!(ended, Err("the disk is full"));
    assert!(begun.load(Ordering::SeqCst) < 10_000);
}

#[test]
fn a_panic_reaches_the_caller() {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        for_each_film(
            0..100,
            |number| if number == 3 { panic!("film {number}") } else { number },
            |_| Ok::<(), ()>(()),
        )
    }));
    let panic = ended.expect_err("a panic");
    assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("film 3"));
}
