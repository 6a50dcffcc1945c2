//! All operations at the shapes of the published networks, with batch size 1. Set `RAYON_NUM_THREADS=1` for one thread.
#![allow(missing_docs)]
// A benchmark that fails can only stop.
#![allow(clippy::expect_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::Var;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ikem_benches::{GRID, convolutions, keypoints, tensor, transposed};
use ikem_models::ops::{self, Activation, FusedConv, FusedConvTranspose};

/// Channels, rows and columns of the feature maps between the convolutions.
const MAPS: [[usize; 3]; 5] = [[64, 256, 128], [64, 128, 64], [256, 128, 64], [256, 32, 16], [1024, 8, 4]];

/// A group with little time per benchmark, since there are many shapes.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    ops::keep_freed_memory();
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    group
}

/// Times `operation` on a thread of the pool, as a network runs it, without the latency of waking the pool.
fn time<R>(bencher: &mut Bencher<'_>, operation: impl Fn() -> R + Sync) {
    bencher.iter_custom(|runs| {
        ops::in_pool(|| {
            let start = Instant::now();
            for _ in 0..runs {
                black_box(operation());
            }
            start.elapsed()
        })
    });
}

fn var(shape: &[usize]) -> Var {
    Var::from_tensor(&tensor(shape)).expect("a variable")
}

/// The peak of the machine. Here and below, elements per second are floating-point operations per second.
fn product(criterion: &mut Criterion) {
    let mut group = group(criterion, "product of the gemm crate");
    let (a, b) = (tensor(&[1024, 1024]), tensor(&[1024, 1024]));
    group.throughput(Throughput::Elements(2 << 30));
    group.bench_function("1024 x 1024 x 1024", |bench| time(bench, || a.matmul(&b).expect("a product")));
}

fn convolutions_forward(criterion: &mut Criterion) {
    let mut group = group(criterion, "convolution, forward");
    for shape in convolutions() {
        let ([inputs, rows, columns], kernel) = (shape.input, shape.geometry.kernel);
        let x = tensor(&[1, inputs, rows, columns]);
        let weight = tensor(&[shape.outputs, inputs, kernel, kernel]);
        let bias = tensor(&[shape.outputs]);
        let conv =
            FusedConv::new(&weight, Some(&bias), shape.geometry, Activation::Relu).expect("a convolution");
        group.throughput(Throughput::Elements(2 * shape.mult_adds));
        group.bench_function(shape.to_string(), |b| time(b, || conv.forward(&[&x], None).expect("a result")));
    }
}

fn convolutions_backward(criterion: &mut Criterion) {
    let mut group = group(criterion, "convolution, forward and backward");
    for shape in convolutions() {
        let ([inputs, rows, columns], kernel) = (shape.input, shape.geometry.kernel);
        let (x, weight) = (var(&[1, inputs, rows, columns]), var(&[shape.outputs, inputs, kernel, kernel]));
        group.throughput(Throughput::Elements(6 * shape.mult_adds));
        group.bench_function(shape.to_string(), |b| {
            time(b, || {
                let y = ops::conv2d(&x, &weight, None, shape.geometry).expect("a result");
                y.backward().expect("gradients")
            });
        });
    }
}

fn transposed_convolutions(criterion: &mut Criterion) {
    let mut group = group(criterion, "transposed convolution 2 x 2");
    for shape in transposed() {
        let [inputs, rows, columns] = shape.input;
        let x = var(&[1, inputs, rows, columns]);
        let (weight, bias) = (var(&[inputs, shape.outputs, 2, 2]), var(&[shape.outputs]));
        let fused = FusedConvTranspose::new(&weight, &bias).expect("a convolution");
        let flops = 8 * (inputs * shape.outputs * rows * columns) as u64;
        group.throughput(Throughput::Elements(flops));
        group.bench_function(format!("{shape}, forward"), |b| {
            time(b, || fused.forward(&x).expect("a result"));
        });
        group.throughput(Throughput::Elements(3 * flops));
        group.bench_function(format!("{shape}, forward and backward"), |b| {
            time(b, || {
                let y = ops::conv_transpose2x2(&x, &weight, &bias).expect("a result");
                y.backward().expect("gradients")
            });
        });
    }
}

/// The operations between the convolutions, forward and backward.
fn between(criterion: &mut Criterion) {
    let mut group = group(criterion, "between convolutions, forward and backward");
    for [channels, rows, columns] in MAPS {
        let x = var(&[1, channels, rows, columns]);
        let name = |what: &str| format!("{what}, {channels} x {rows} x {columns}");
        let (gamma, beta) = (var(&[channels]), var(&[channels]));
        group.bench_function(name("batch norm and activation"), |b| {
            time(b, || {
                let y = ops::batch_norm(&x, &gamma, &beta, 1e-5, Activation::Relu).expect("a result").y;
                y.backward().expect("gradients")
            });
        });
        group.bench_function(name("max pool"), |b| {
            time(b, || ops::max_pool2x2(&x).expect("a result").backward().expect("gradients"));
        });
        group.bench_function(name("global max"), |b| {
            time(b, || ops::global_max(&x).expect("a result").backward().expect("gradients"));
        });
        group.bench_function(name("bilinear to twice the size"), |b| {
            time(b, || {
                let y = ops::resize_bilinear(&x, 2 * rows, 2 * columns).expect("a result");
                y.backward().expect("gradients")
            });
        });
        group.bench_function(name("channel dropout"), |b| {
            time(b, || ops::dropout2d(&x, 0.05, 1).expect("a result").backward().expect("gradients"));
        });
    }
}

/// The cross-entropy of one image: logits at a quarter of the grid, keypoints on the grid.
fn loss(criterion: &mut Criterion) {
    let mut group = group(criterion, "loss, forward and backward");
    let points = [keypoints()];
    let logits = var(&[1, points[0].len(), GRID.height / 4, GRID.width / 4]);
    group.bench_function("cross-entropy from keypoints", |b| {
        time(b, || {
            let loss = ops::heatmap_cross_entropy(&logits, &points, 7.5, GRID).expect("a loss");
            loss.backward().expect("gradients")
        });
    });
}

criterion_group!(
    benches,
    product,
    convolutions_forward,
    convolutions_backward,
    transposed_convolutions,
    between,
    loss
);
criterion_main!(benches);
