//! All CPU kernels at the shapes of the published networks, with batch size 1. Set `RAYON_NUM_THREADS=1` for one thread.
#![allow(missing_docs)]
// A benchmark that fails can only stop.
#![allow(clippy::expect_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::Var;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ikem_benches::{Convolution, GRID, convolutions, keypoints, tensor, transposed, values};
use ikem_kernels::{
    self as kernels, Activation, ConvShape, Epilogue, Normalization, PackedConv, PackedConvTranspose2x2,
    Segment,
};
use ikem_models::training::heatmap_cross_entropy;

/// Channels, rows and columns of the feature maps between the convolutions.
const MAPS: [[usize; 3]; 5] = [[64, 256, 128], [64, 128, 64], [256, 128, 64], [256, 32, 16], [1024, 8, 4]];

/// A group with little time per benchmark, since there are many shapes.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    kernels::keep_freed_memory();
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
        rayon::scope(|_| {
            let start = Instant::now();
            for _ in 0..runs {
                black_box(operation());
            }
            start.elapsed()
        })
    });
}

/// The peak of the machine. Here and below, elements per second are floating-point operations per second.
fn product(criterion: &mut Criterion) {
    let mut group = group(criterion, "product of the gemm crate");
    let (a, b) = (tensor(&[1024, 1024]), tensor(&[1024, 1024]));
    group.throughput(Throughput::Elements(2 << 30));
    group.bench_function("1024 x 1024 x 1024", |bench| time(bench, || a.matmul(&b).expect("a product")));
}

fn conv_shape(shape: &Convolution) -> ConvShape {
    ConvShape { in_channels: shape.input[0], out_channels: shape.outputs, geometry: shape.geometry }
}

fn convolutions_forward(criterion: &mut Criterion) {
    let mut group = group(criterion, "convolution, forward");
    for shape in convolutions() {
        let ([inputs, rows, columns], kernel) = (shape.input, shape.geometry.kernel);
        let x = values(inputs * rows * columns);
        let weight = values(shape.outputs * inputs * kernel * kernel);
        let bias = values(shape.outputs);
        let conv = PackedConv::new(&weight, Some(&bias), conv_shape(&shape)).expect("a convolution");
        let relu = Epilogue { residual: None, activation: Activation::Relu };
        let x = [Segment::new(&x, inputs)];
        group.throughput(Throughput::Elements(2 * shape.mult_adds));
        group.bench_function(shape.to_string(), |b| {
            time(b, || conv.forward(&x, (1, rows, columns), &relu).expect("a result"));
        });
    }
}

fn convolutions_backward(criterion: &mut Criterion) {
    let mut group = group(criterion, "convolution, forward and backward");
    for shape in convolutions() {
        let ([inputs, rows, columns], kernel) = (shape.input, shape.geometry.kernel);
        let (conv, size) = (conv_shape(&shape), (1, rows, columns));
        let x = values(inputs * rows * columns);
        let weight = values(shape.outputs * inputs * kernel * kernel);
        let (height, width) = shape.geometry.out_size(rows, columns).expect("an output");
        let dy = values(shape.outputs * height * width);
        group.throughput(Throughput::Elements(6 * shape.mult_adds));
        group.bench_function(shape.to_string(), |b| {
            time(b, || {
                let x_parts = [Segment::new(&x[..], inputs)];
                let y = kernels::conv2d((&weight, None), &conv, &x_parts, size, &Epilogue::none());
                let dx = kernels::conv2d_backward_input(&weight, &conv, &dy, size);
                let dw = kernels::conv2d_backward_weight(&x, &dy, &conv, size, false);
                (y.expect("a result"), dx.expect("a gradient"), dw.expect("a gradient"))
            });
        });
    }
}

fn transposed_convolutions(criterion: &mut Criterion) {
    let mut group = group(criterion, "transposed convolution 2 x 2");
    for shape in transposed() {
        let ([inputs, rows, columns], outputs) = (shape.input, shape.outputs);
        let (channels, size) = ((inputs, outputs), (1, rows, columns));
        let x = values(inputs * rows * columns);
        let (weight, bias) = (values(inputs * outputs * 4), values(outputs));
        let dy = values(outputs * 4 * rows * columns);
        let pack =
            || PackedConvTranspose2x2::new(&weight, Some(&bias), inputs, outputs).expect("a convolution");
        let (conv, x_parts) = (pack(), [Segment::new(&x[..], inputs)]);
        let flops = 8 * (inputs * outputs * rows * columns) as u64;
        group.throughput(Throughput::Elements(flops));
        group.bench_function(format!("{shape}, forward"), |b| {
            time(b, || conv.forward(&x_parts, size).expect("a result"));
        });
        group.throughput(Throughput::Elements(3 * flops));
        group.bench_function(format!("{shape}, forward and backward"), |b| {
            time(b, || {
                let y = pack().forward(&x_parts, size);
                let dx = kernels::conv_transpose2x2_backward_input(&weight, &dy, channels, size);
                let dw = kernels::conv_transpose2x2_backward_weight(&x, &dy, channels, size);
                (y.expect("a result"), dx.expect("a gradient"), dw.expect("a gradient"))
            });
        });
    }
}

/// The operations between the convolutions, forward and backward.
fn between(criterion: &mut Criterion) {
    let mut group = group(criterion, "between convolutions, forward and backward");
    for [channels, rows, columns] in MAPS {
        let plane = rows * columns;
        let x = values(channels * plane);
        let name = |what: &str| format!("{what}, {channels} x {rows} x {columns}");
        let (gamma, beta) = (values(channels), values(channels));
        let norm = Normalization { gamma: &gamma, beta: &beta, epsilon: 1e-5, activation: Activation::Relu };
        group.bench_function(name("batch norm and activation"), |b| {
            time(b, || {
                let size = (1, channels, plane);
                let (y, statistics) = kernels::batch_norm(&x, size, &norm).expect("a result");
                (kernels::batch_norm_backward(&x, &x, size, &norm, &statistics).expect("a gradient"), y)
            });
        });
        group.bench_function(name("max pool"), |b| {
            time(b, || {
                let (y, at) = kernels::max_pool2x2(&x, (channels, rows, columns)).expect("a result");
                kernels::max_pool2x2_backward(&y, &at, (channels, rows, columns)).expect("a gradient")
            });
        });
        group.bench_function(name("global max"), |b| {
            time(b, || {
                let (y, at) = kernels::global_max(&x, (channels, plane)).expect("a result");
                kernels::global_max_backward(&y, &at, (channels, plane)).expect("a gradient")
            });
        });
        group.bench_function(name("bilinear to twice the size"), |b| {
            let (from, to) = ((rows, columns), (2 * rows, 2 * columns));
            time(b, || {
                let y = kernels::resize_bilinear(&x, channels, from, to).expect("a result");
                kernels::resize_bilinear_backward(&y, channels, from, to).expect("a gradient")
            });
        });
    }
}

/// The cross-entropy of one image: logits at a quarter of the grid, keypoints on the grid.
fn loss(criterion: &mut Criterion) {
    let mut group = group(criterion, "loss, forward and backward");
    let points = [keypoints()];
    let logits = tensor(&[1, points[0].len(), GRID.height / 4, GRID.width / 4]);
    let logits = Var::from_tensor(&logits).expect("a variable");
    group.bench_function("cross-entropy from keypoints", |b| {
        time(b, || {
            let loss = heatmap_cross_entropy(&logits, &points, 7.5, GRID).expect("a loss");
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
