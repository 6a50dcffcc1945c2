//! Encoding and decoding of 68 heatmaps on the network's grid, beside filling and reading as much memory.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ikem_benches::{GRID, keypoints};
use ikem_core::{Decoding, Heatmaps, LocalWindow};

fn heatmaps(criterion: &mut Criterion) {
    let points = keypoints();
    let maps = Heatmaps::gaussian(&points, GRID, 7.5);
    let values = maps.view().len();
    let mut group = criterion.benchmark_group("heatmaps");
    group.bench_function("encode", |b| b.iter(|| Heatmaps::gaussian(black_box(&points), GRID, 7.5)));
    group.bench_function("fill as much memory", |b| b.iter(|| vec![black_box(1.0_f32); values]));
    let decodings = [
        ("expected", Decoding::Expected),
        ("argmax", Decoding::Argmax),
        ("local", Decoding::Local(LocalWindow::default())),
    ];
    for (name, decoding) in decodings {
        group.bench_function(format!("decode, {name}"), |b| b.iter(|| black_box(&maps).decode(&decoding)));
    }
    group.bench_function("read as much memory", |b| {
        b.iter(|| {
            black_box(&maps).view().as_slice().map(|values| values.iter().copied().fold(0.0, f32::max))
        });
    });
}

criterion_group!(benches, heatmaps);
criterion_main!(benches);
