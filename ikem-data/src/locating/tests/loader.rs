use ikem_core::{GrayImage, Letterbox, Point, Resampling, Tones, resample};
use tempfile::TempDir;

use super::*;
use crate::films::Film;
use crate::locating::{End, LocatingBatch, LocatingBatches, LocatingLoader};
use crate::manifest::Subset;
use crate::overlay::write_gray_png;

/// A folder of five films with different sizes and grey values.
fn films() -> (TempDir, Vec<Film>) {
    let folder = tempfile::tempdir().unwrap();
    let film = |i: usize| {
        let size = Size::new(100 + 10 * i, 256);
        let pixel = |p: usize| ((p % size.width * (i + 1) + p / size.width) % 200) as f32 / 255.0;
        let pixels = (0..size.area()).map(pixel).collect();
        let path = folder.path().join(format!("{i}.png"));
        write_gray_png(&path, &GrayImage::new(size, pixels).unwrap()).unwrap();
        let corners = vertebrae(17).into_iter();
        let vertebrae = corners.map(|quad| quad.map(|[x, y]| Point::new(x as f32, y as f32))).collect();
        Film { path, size: None, set: Subset::Train, vertebrae, complete: true, area: None }
    };
    let films = (0..5).map(film).collect();
    (folder, films)
}

fn training(workers: usize) -> LocatingConfig {
    LocatingConfig { workers, ..LocatingConfig::training(64, 4, 2, 42) }
}

fn all(batches: LocatingBatches) -> Vec<LocatingBatch> {
    batches.map(Result::unwrap).collect()
}

#[test]
fn the_same_seed_gives_the_same_batches_with_any_number_of_workers() {
    let (_folder, films) = films();
    let epochs = |config: LocatingConfig| {
        let loader = LocatingLoader::new(films.clone(), config).unwrap();
        [all(loader.batches(0, 0)), all(loader.batches(1, 0)), all(loader.batches(0, 0))]
    };
    let [first, second, again] = epochs(training(0));
    assert_eq!(first, again);
    assert_ne!(first, second);
    assert_eq!(first.len(), 2);
    for workers in [1, 3] {
        let kept = epochs(training(workers));
        assert_eq!(kept, [first.clone(), second.clone(), first.clone()], "{workers} workers");
        let little = LocatingConfig { prefetch: 0, cache_bytes: 0, ..training(workers) };
        assert_eq!(epochs(little)[1], second, "{workers} workers, nothing ahead, nothing kept");
    }
    assert_ne!(epochs(LocatingConfig { seed: 43, ..training(0) })[0], first);
    let loader = LocatingLoader::new(films.clone(), training(2)).unwrap();
    assert_eq!(all(loader.batches(1, 1)), second[1..]);
    assert_eq!((loader.steps(), loader.images(), loader.batches(0, 1).len()), (2, 5, 1));
    assert!(loader.name(3).ends_with("3.png"));
}

#[test]
fn an_epoch_has_the_requested_number_of_scenes() {
    let (_folder, films) = films();
    let entries = |samples, shuffle| {
        let config = LocatingConfig { samples_per_epoch: samples, shuffle, drop_last: false, ..training(0) };
        let loader = LocatingLoader::new(films.clone(), config).unwrap();
        let batches = all(loader.batches(0, 0));
        assert_eq!(batches.len(), loader.steps());
        let images: Vec<Vec<f32>> =
            batches.iter().flat_map(|b| b.images.chunks(64 * 64).map(<[f32]>::to_vec)).collect();
        (batches.into_iter().flat_map(|batch| batch.entries).collect::<Vec<_>>(), images)
    };
    assert_eq!(entries(None, false).0, [0, 1, 2, 3, 4]);
    assert_eq!(entries(Some(3), false).0, [0, 1, 2]);
    let (again, images) = entries(Some(7), false);
    assert_eq!(again, [0, 1, 2, 3, 4, 0, 1]);
    assert_ne!(images[0], images[5], "another scene of the same film");
    let (mut shuffled, _) = entries(Some(10), true);
    assert_ne!(shuffled[..5], shuffled[5..]);
    shuffled[..5].sort_unstable();
    shuffled[5..].sort_unstable();
    assert_eq!(shuffled, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
}

#[test]
fn evaluation_shows_the_unchanged_film() {
    let (_folder, films) = films();
    // The files are twice as high as the grid, so the cache does not reduce them.
    let loader = LocatingLoader::new(films.clone(), LocatingConfig::evaluation(128, 4, 5)).unwrap();
    let batch = loader.batch(0, 0).unwrap();
    assert_eq!(batch.entries, [0, 1, 2, 3, 4]);
    for (i, film) in films.iter().enumerate() {
        let image = crate::load_image(&film.path, &crate::Limits::default()).unwrap();
        let Size { width, height } = image.size();
        let Letterbox { left, top, width: columns, height: rows } =
            Letterbox::new(width as f64, height as f64, 128);
        let small = resample(&image, Size::new(columns, rows), Resampling::Area).unwrap();
        let mut levels = small.pixels().to_vec();
        Tones::normalise(&mut levels);
        let scene = &batch.images[i * 128 * 128..(i + 1) * 128 * 128];
        for (index, &value) in scene.iter().enumerate() {
            let (x, y) = (index % 128, index / 128);
            let inside = (left..left + columns).contains(&x) && (top..top + rows).contains(&y);
            let expected = if inside { levels[(y - top) * columns + x - left] } else { -1.0 };
            assert!((value - expected).abs() < 0.02, "{i}, {x} {y}: {value}, {expected}");
        }
        let target = &batch.targets[i];
        assert_eq!((target.turns, target.negative, target.spine), (Some(0), Some(false), true));
        let End::At(top_end) = target.ends[0] else { panic!("{:?}", target.ends) };
        let corner = film.vertebrae[0];
        let y = 0.5 * (0.5 * (corner[0].y + corner[1].y) + 0.5) - 0.5;
        assert!((top_end.y - y).abs() < 1e-3, "{top_end:?}, {y}");
    }
}

#[test]
fn padding_is_cropped_and_labels_are_scaled() {
    let (_folder, mut films) = films();
    films.truncate(1);
    let load = |film: &Film| Scan::load(film, 512).unwrap();
    let plainly = load(&films[0]);
    assert_eq!(plainly.size, Size::new(100, 256));
    let padded = load(&Film { area: Some([30.0, 80.0]), ..films[0].clone() });
    // Two columns on each side are cropped as smeared.
    assert_eq!(padded.size, Size::new(46, 256));
    let (whole, part) = (plainly.ends().unwrap(), padded.ends().unwrap());
    assert!((whole[0][0] - 32.0 - part[0][0]).abs() < 1e-9 && (whole[1][1] - part[1][1]).abs() < 1e-9);
    assert_eq!(padded.at(3.5, 7.5), plainly.at(35.5, 7.5));
    // Labels for an image of half the size.
    let half = |film: &Film| {
        let vertebrae = film.vertebrae.iter().map(|quad| quad.map(|p| p * 0.5)).collect();
        Film { vertebrae, size: Some(Size::new(50, 128)), ..film.clone() }
    };
    let ends = load(&half(&films[0])).ends().unwrap();
    assert!((ends[1][1] - whole[1][1]).abs() < 1e-3);
    let shrunk = Scan::load(&films[0], 128).unwrap();
    assert_eq!(shrunk.size, Size::new(50, 128));
    assert!((shrunk.ends().unwrap()[0][1] - 0.5 * whole[0][1]).abs() < 1e-9);
}

#[test]
fn films_are_cached_up_to_the_limit_and_once_each() {
    let (_folder, mut films) = films();
    films.truncate(1);
    films.extend_from_within(..);
    // 50 x 128 bytes at a grid of 64.
    for (cache_bytes, kept) in [(0, (0, 0)), (6399, (0, 0)), (6400, (1, 6400)), (99999, (1, 6400))] {
        let config = LocatingConfig { cache_bytes, scenes: SceneConfig::plain(), ..training(0) };
        let loader = LocatingLoader::new(films.clone(), config).unwrap();
        all(loader.batches(0, 0));
        assert_eq!(loader.cached(), kept, "{cache_bytes}");
    }
}

#[test]
fn invalid_films_and_settings_are_rejected() {
    let (_folder, mut films) = films();
    let new = |films: &[Film], config| LocatingLoader::new(films.to_vec(), config).unwrap_err().to_string();
    assert!(
        new(&[], training(0))
            .contains("`films`: expected at least one, each with two vertebrae or more, found none")
    );
    assert!(
        new(&films, LocatingConfig { batch_size: 0, ..training(0) })
            .contains("`batch_size`: expected at least 1, found 0")
    );
    let mut few = films.clone();
    few[2].vertebrae.truncate(1);
    assert!(new(&few, training(0)).contains("2.png with 1 vertebrae"));
    films[3].path.set_extension("none");
    let config = LocatingConfig { shuffle: false, scenes: SceneConfig::plain(), ..training(2) };
    let batches: Vec<_> = LocatingLoader::new(films, config).unwrap().batches(0, 0).collect();
    assert!(batches[0].is_ok());
    assert!(batches[1].as_ref().unwrap_err().to_string().contains("3.none"));
}
