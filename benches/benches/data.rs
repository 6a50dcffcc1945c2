//! The throughput of the data loader on one core: decoding, resizing and augmentation.
//!
//! Uses phantoms, or the AASCE radiographs if `IKEM_AASCE` names the folder that contains `boostnet_labeldata`.
//! `python/data_throughput.py` measures OpenCV and albumentations on the same files.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark may panic on failure")]

use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ikem_core::{Draw, Preparation, Resampling, Size, Skeleton};
use ikem_data::{
    BatchConfig, Limits, Loader, ManifestEntry, Phantom, PhantomConfig, Pipeline, Splitting, Subset,
    load_image, read_aasce, write_gray_png,
};

/// The number of images.
const COUNT: usize = 32;

struct Images {
    root: PathBuf,
    entries: Vec<ManifestEntry>,
    _folder: Option<tempfile::TempDir>,
}

fn images() -> Images {
    if let Some(folder) = std::env::var_os("IKEM_AASCE") {
        let root = Path::new(&folder).join("boostnet_labeldata");
        let mut entries = read_aasce(&root, &Splitting::None).unwrap().manifest.entries;
        entries.truncate(COUNT);
        return Images { root, entries, _folder: None };
    }
    let folder = tempfile::tempdir().unwrap();
    let entries = (0..COUNT)
        .map(|i| {
            let phantom = Phantom::generate(&PhantomConfig::default(), i as u64).unwrap();
            let (name, size) = (format!("{i}.png"), phantom.image.size());
            write_gray_png(folder.path().join(&name), &phantom.image).unwrap();
            ManifestEntry::from_keypoints(name, &phantom.keypoints, size, Subset::Train, &Skeleton::spine())
        })
        .collect();
    Images { root: folder.path().to_owned(), entries, _folder: Some(folder) }
}

fn data(criterion: &mut Criterion) {
    // A single thread measures the work per image, not parallelism.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    let images = images();
    let preparation = Preparation { size: Size::new(256, 512), resampling: Resampling::Bilinear };
    let mut group = criterion.benchmark_group("data");
    group.sample_size(10).throughput(Throughput::Elements(images.entries.len() as u64));
    let config = BatchConfig {
        workers: 0,
        cache_bytes: 0,
        drop_last: false,
        ..BatchConfig::training(preparation, images.entries.len(), 1)
    };
    let loader =
        |config| Loader::new(&images.root, images.entries.clone(), Skeleton::spine(), config).unwrap();
    let fresh = loader(config.clone());
    group.bench_function("decode, resize, augment", |bencher| {
        bencher.iter(|| fresh.batch(0, 0).unwrap());
    });
    let kept = loader(BatchConfig { cache_bytes: 1 << 30, ..config });
    kept.batch(0, 0).unwrap();
    group.bench_function("augment kept images", |bencher| {
        bencher.iter(|| kept.batch(0, 0).unwrap());
    });
    group.bench_function("decode", |bencher| {
        let load = |entry: &ManifestEntry| {
            load_image(images.root.join(&entry.image_path), &Limits::default()).unwrap()
        };
        bencher.iter(|| images.entries.iter().map(|entry| load(entry).size().area()).sum::<usize>());
    });
    let decoded: Vec<_> = images
        .entries
        .iter()
        .map(|entry| load_image(images.root.join(&entry.image_path), &Limits::default()).unwrap())
        .collect();
    let plain = Pipeline::identity();
    group.bench_function("resize", |bencher| {
        bencher.iter(|| {
            for image in &decoded {
                let plan = plain.draw(image.size(), &mut Draw::new(1, &[]));
                std::hint::black_box(plan.image(image, &preparation).unwrap());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, data);
criterion_main!(benches);
