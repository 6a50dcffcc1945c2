use ikem_core::{GrayImage, Preparation, Resampling, Size, Skeleton};
use tempfile::TempDir;

use super::*;
use crate::augment::{Augmentation, Flip, Implants, Pipeline};
use crate::error::Error;
use crate::image_file::load_image;
use crate::limits::Limits;
use crate::manifest::{ManifestEntry, Subset};
use crate::overlay::write_gray_png;
use crate::phantom::{Phantom, PhantomConfig};

const GRID: Size = Size::new(16, 32);

/// A folder of seven images with different sizes and grey values, and their entries.
fn images() -> (TempDir, Vec<ManifestEntry>) {
    let folder = tempfile::tempdir().unwrap();
    let entries = (0..7)
        .map(|i| {
            let size = Size::new(40 + i, 80 + 3 * i);
            let pixels = (0..size.area()).map(|p| ((p * (i + 3)) % 256) as f32 / 255.0).collect();
            let name = format!("{i}.png");
            write_gray_png(folder.path().join(&name), &GrayImage::new(size, pixels).unwrap()).unwrap();
            let corners = (0..68).map(|k| [f64::from(k) / 70.0, 0.3 + 0.1 * f64::from(k % 2)]).collect();
            ManifestEntry::new(name, corners, size, Subset::Train, &Skeleton::spine())
        })
        .collect();
    (folder, entries)
}

fn config(workers: usize) -> BatchConfig {
    let preparation = Preparation { size: GRID, resampling: Resampling::Area };
    BatchConfig { workers, ..BatchConfig::training(preparation, 2, 42) }
}

fn loader(folder: &TempDir, entries: &[ManifestEntry], config: BatchConfig) -> Loader {
    Loader::new(folder.path(), entries.to_vec(), Skeleton::spine(), config).unwrap()
}

fn all(batches: Batches) -> Vec<Batch> {
    batches.map(Result::unwrap).collect()
}

#[test]
fn the_same_seed_gives_the_same_batches_with_any_number_of_workers() {
    let (folder, entries) = images();
    let epochs = |config: BatchConfig| {
        let loader = loader(&folder, &entries, config);
        [all(loader.batches(0, 0)), all(loader.batches(1, 0)), all(loader.batches(0, 0))]
    };
    let [first, second, again] = epochs(config(0));
    assert_eq!(first, again);
    assert_ne!(first, second);
    for workers in [1, 4] {
        assert_eq!(
            epochs(config(workers)),
            [first.clone(), second.clone(), first.clone()],
            "{workers} workers"
        );
        let little = BatchConfig { prefetch: 0, cache_bytes: 0, ..config(workers) };
        assert_eq!(epochs(little)[1], second, "{workers} workers, nothing ahead, nothing kept");
    }
    let other = BatchConfig { seed: 43, ..config(0) };
    assert_ne!(epochs(other)[0], first);
}

#[test]
fn an_epoch_resumes_at_any_step() {
    let (folder, entries) = images();
    for workers in [0, 2] {
        let loader = loader(&folder, &entries, config(workers));
        let whole = all(loader.batches(5, 0));
        assert_eq!(whole.len(), 3);
        assert_eq!(all(loader.batches(5, 1)), whole[1..]);
        assert_eq!(all(loader.batches(5, 3)), []);
        let mut some = loader.batches(5, 0);
        assert_eq!(some.len(), 3);
        assert_eq!(some.next().unwrap().unwrap(), whole[0]);
    }
}

#[test]
fn an_epoch_has_every_image_once_except_for_a_dropped_batch() {
    let (folder, entries) = images();
    let seen = |drop_last, shuffle| {
        let loader = loader(&folder, &entries, BatchConfig { drop_last, shuffle, ..config(0) });
        let batches = all(loader.batches(3, 0));
        assert_eq!(batches.len(), loader.steps());
        batches.into_iter().flat_map(|batch| batch.entries).collect::<Vec<_>>()
    };
    assert_eq!(seen(false, false), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(seen(true, false), [0, 1, 2, 3, 4, 5]);
    let mut shuffled = seen(false, true);
    assert_ne!(shuffled, [0, 1, 2, 3, 4, 5, 6]);
    shuffled.sort_unstable();
    assert_eq!(shuffled, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn implants_are_drawn_on_images_and_leave_their_keypoints() {
    let (folder, entries) = images();
    let plain = BatchConfig::evaluation(config(0).preparation, 7);
    let pipeline = Pipeline::new(vec![Augmentation::Implants(Implants { probability: 1.0 })]).unwrap();
    let [before, after] = [plain.clone(), BatchConfig { pipeline, ..plain }]
        .map(|config| loader(&folder, &entries, config).batch(0, 0).unwrap());
    assert_eq!(before.keypoints, after.keypoints);
    assert!(before.images.iter().zip(&after.images).all(|(before, after)| before <= after));
    assert_ne!(before.images, after.images);
}

#[test]
fn evaluation_batches_equal_predictor_inputs() {
    let (folder, entries) = images();
    let preparation = config(0).preparation;
    let loader = loader(&folder, &entries, BatchConfig::evaluation(preparation, 3));
    for batch in loader.batches(0, 0).map(Result::unwrap) {
        for (i, &entry) in batch.entries.iter().enumerate() {
            let image =
                load_image(folder.path().join(&entries[entry].image_path), &Limits::default()).unwrap();
            assert_eq!(
                batch.images[i * GRID.area()..(i + 1) * GRID.area()],
                preparation.apply(&image).unwrap()
            );
            assert_eq!(batch.keypoints[i], entries[entry].keypoints().rescaled(image.size(), GRID));
            assert_eq!(batch.sizes[i], image.size());
        }
    }
}

#[test]
fn images_are_cached_up_to_the_limit() {
    let (folder, entries) = images();
    let one = 4 * GRID.area();
    for (cache_bytes, kept) in [(0, 0), (one, 1), (3 * one + 1, 3), (100 * one, 7)] {
        let loader = loader(&folder, &entries, BatchConfig { cache_bytes, drop_last: false, ..config(2) });
        all(loader.batches(0, 0));
        assert_eq!(loader.cached(), (kept, kept * one));
    }
}

#[test]
fn a_broken_image_is_an_error_of_its_batch_only() {
    let (folder, entries) = images();
    std::fs::write(folder.path().join("3.png"), b"no image").unwrap();
    for workers in [0, 3] {
        let config = BatchConfig { shuffle: false, ..config(workers) };
        let batches: Vec<_> = loader(&folder, &entries, config).batches(0, 0).collect();
        assert!(batches[0].is_ok() && batches[2].is_ok());
        let message = batches[1].as_ref().unwrap_err().to_string();
        assert!(message.contains("3.png is not"), "{message}");
    }
}

#[test]
fn phantoms_follow_the_files_and_are_named_by_their_seeds() {
    let (folder, entries) = images();
    let small = PhantomConfig { height: [256, 300], ..PhantomConfig::default() };
    let phantoms = Phantoms { config: small.clone(), count: 2, seed: 5 };
    let config = BatchConfig::evaluation(config(0).preparation, 9);
    let spine = Skeleton::spine();
    let loader = |entries: &[ManifestEntry], phantoms: &Phantoms| {
        Loader::with_phantoms(
            folder.path(),
            entries.to_vec(),
            phantoms.clone(),
            spine.clone(),
            config.clone(),
        )
    };
    let mixed = loader(&entries, &phantoms).unwrap();
    assert_eq!((mixed.images(), mixed.steps(), mixed.name(2)), (9, 1, "2.png".to_owned()));
    let batch = mixed.batch(0, 0).unwrap();
    assert_eq!(batch, mixed.batch(0, 0).unwrap(), "kept as drawn");
    for place in [7, 8] {
        let seed = mixed.name(place).strip_prefix("phantom ").unwrap().parse().unwrap();
        let phantom = Phantom::generate(&small, seed).unwrap();
        let values = &batch.images[place * GRID.area()..(place + 1) * GRID.area()];
        assert_eq!(values, config.preparation.apply(&phantom.image).unwrap());
        assert_eq!(batch.keypoints[place], phantom.keypoints.rescaled(phantom.image.size(), GRID));
        assert_eq!(batch.sizes[place], phantom.image.size());
    }
    let alone = loader(&[], &phantoms).unwrap();
    assert_eq!((alone.images(), alone.name(0)), (2, mixed.name(7)));

    let error = |phantoms: Phantoms, skeleton| {
        let made = Loader::with_phantoms(folder.path(), Vec::new(), phantoms, skeleton, config.clone());
        made.unwrap_err().to_string()
    };
    assert!(error(phantoms.clone(), Skeleton::numbered(3)).contains("skeleton of 3 keypoints"));
    let wrong = PhantomConfig { collimator: 2.0, ..small };
    assert!(
        error(Phantoms { config: wrong, ..phantoms }, Skeleton::spine())
            .contains("`collimator`: expected 0 to 1, found 2")
    );
}

#[test]
fn invalid_configurations_are_rejected() {
    let (folder, entries) = images();
    let new = |entries: &[ManifestEntry], config| {
        Loader::new(folder.path(), entries.to_vec(), Skeleton::spine(), config).unwrap_err().to_string()
    };
    assert!(new(&[], config(0)).contains("`entries`: expected at least one image, found none"));
    assert!(
        new(&entries, BatchConfig { batch_size: 0, ..config(0) })
            .contains("`batch_size`: expected at least 1, found 0")
    );
    let mut empty = config(0);
    empty.preparation.size = Size::new(0, 3);
    assert!(new(&entries, empty).contains("no pixels"));
    let mut few = entries.clone();
    few[1].corners_yx.pop();
    assert!(new(&few, config(0)).contains("expected 68 values, found 67"));
}

#[test]
fn configurations_round_trip_through_json() {
    let text = r#"{"preparation": {"size": {"width": 256, "height": 512}, "resampling": "area"}, "batch_size": 8,
        "pipeline": [{"flip": {"swap_pairs": false}}, {"rotation": {"degrees": 5}}], "shuffle": true,
        "drop_last": true, "seed": 1, "workers": 0, "prefetch": 2, "cache_bytes": 0}"#;
    let config: BatchConfig = serde_json::from_str(text).unwrap();
    let flip = Flip { swap_pairs: false, ..Flip::default() };
    assert_eq!(config.pipeline.steps()[0], Augmentation::Flip(flip));
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<BatchConfig>(&json).unwrap(), config);
    for wrong in [
        r#"[{"flip": {"probability": 2}}]"#,
        r#"[{"crop": {"strip": -1}}]"#,
        r#"[{"gamma": {"range": [2, 1]}}]"#,
    ] {
        let error = serde_json::from_str::<Pipeline>(wrong).unwrap_err().to_string();
        assert!(error.contains("`augmentation`: expected") && error.contains("found"), "{error}");
    }
    let crop = serde_json::from_str::<Pipeline>(r#"[{"warp": {}}]"#).unwrap_err().to_string();
    assert!(crop.contains("unknown variant `warp`"), "{crop}");
    assert!(matches!(
        Pipeline::new(vec![Augmentation::Flip(Flip { probability: f64::NAN, ..flip })]),
        Err(Error::Argument(_))
    ));
}

#[test]
fn spines_are_framed_as_by_a_predictor() {
    let preparation = Preparation { size: Size::new(48, 96), resampling: Resampling::Area };
    let config =
        BatchConfig { framing: Framing::Spine, workers: 0, ..BatchConfig::evaluation(preparation, 1) };
    let phantoms = Phantoms { config: PhantomConfig::default(), count: 2, seed: 3 };
    let spine = Skeleton::spine();
    let loader = Loader::with_phantoms("", Vec::new(), phantoms.clone(), spine.clone(), config).unwrap();
    for place in 0..2 {
        let batch = loader.batch(0, place).unwrap();
        let Phantom { image, keypoints, .. } = phantoms.draw(place).unwrap();
        let frame = spine.frame(&keypoints).unwrap().unwrap();
        assert_eq!((batch.frames[0], batch.sizes[0]), (frame, image.size()));
        for (found, &point) in batch.keypoints[0].iter().zip(keypoints.iter()) {
            let expected = frame.to_grid(point, image.size(), preparation.size);
            assert!(found.distance(expected) < 1e-3, "{found:?} is not {expected:?}");
        }
        // The cached image was reduced once before, which changes fine detail a little.
        let seen = preparation.apply_in(&image, &frame).unwrap();
        let off = batch.images.iter().zip(&seen).map(|(a, b)| (a - b).abs()).sum::<f32>() / seen.len() as f32;
        assert!(off < 0.01, "{off}");
    }
}
