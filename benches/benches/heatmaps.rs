//! Encoding and decoding of 68 heatmaps on the network's grid, compared with writing and reading the same amount of
//! memory.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ikem_benches::{GRID, keypoints};
use ikem_core::{Decoding, Heatmaps, LocalWindow};
use rayon::prelude::*;

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
    let view = maps.view();
    let read = view.as_slice().unwrap_or_default();
    group.bench_function("read as much memory", |b| b.iter(|| sum(black_box(read))));
}

/// The sum of `values` with all threads and SIMD, limited by memory bandwidth.
fn sum(values: &[f32]) -> f32 {
    let part = |values: &[f32]| {
        let mut lanes = [0.0; 64];
        for chunk in values.chunks_exact(64) {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += value;
            }
        }
        lanes.iter().sum::<f32>()
    };
    values.par_chunks(1 << 16).map(part).sum()
}

criterion_group!(benches, heatmaps);
criterion_main!(benches);
