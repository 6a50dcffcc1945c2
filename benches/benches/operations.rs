//! Every operation at shapes of the networks, forward, on a batch of one.
#![allow(missing_docs)]
// A benchmark that can't run has nothing better to do than to stop.
#![allow(clippy::expect_used)]

use candle_core::{Device, Tensor, Var};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ikem_models::ops::{self, Activation, FusedConv, FusedConvTranspose, Geometry};

fn tensor(shape: &[usize]) -> Tensor {
    let values = (0..shape.iter().product::<usize>())
        .map(|i| (i * 7919 % 2048) as f32 / 1024.0 - 1.0)
        .collect::<Vec<_>>();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor")
}

/// Inputs, outputs, kernel, stride, height, width.
const CONVOLUTIONS: [[usize; 6]; 14] = [
    [136, 16, 1, 1, 512, 256],
    [16, 64, 3, 2, 512, 256],
    [64, 64, 3, 2, 256, 128],
    [64, 128, 3, 1, 64, 32],
    [256, 256, 3, 1, 32, 16],
    [512, 512, 3, 1, 16, 8],
    [1024, 1024, 3, 1, 8, 4],
    [128, 64, 3, 1, 128, 64],
    [64, 64, 3, 1, 128, 64],
    [64, 68, 1, 1, 128, 64],
    [32, 32, 3, 1, 128, 64],
    [64, 256, 1, 1, 128, 64],
    [480, 480, 1, 1, 128, 64],
    [480, 256, 3, 1, 128, 64],
];

fn convolutions(criterion: &mut Criterion) {
    ops::keep_freed_memory();
    let mut forward = criterion.benchmark_group("convolution, forward");
    forward.sample_size(20);
    for [inputs, outputs, kernel, stride, height, width] in CONVOLUTIONS {
        let geometry = Geometry::same(kernel, stride);
        let (x, weight) = (tensor(&[1, inputs, height, width]), tensor(&[outputs, inputs, kernel, kernel]));
        let conv = FusedConv::new(&weight, Some(&tensor(&[outputs])), geometry, Activation::Relu)
            .expect("a convolution");
        let macs = outputs * inputs * kernel * kernel * (height / stride) * (width / stride);
        // Criterion's elements a second are then floating-point operations a second.
        forward.throughput(Throughput::Elements(2 * macs as u64));
        let name = format!("{inputs} to {outputs}, {kernel} x {kernel} / {stride}, {height} x {width}");
        forward.bench_function(name, |b| b.iter(|| conv.forward(&[&x], None).expect("a result")));
    }
    forward.finish();
    let mut backward = criterion.benchmark_group("convolution, forward and backward");
    backward.sample_size(10);
    for [inputs, outputs, kernel, stride, height, width] in CONVOLUTIONS {
        let geometry = Geometry::same(kernel, stride);
        let var = |shape: &[usize]| Var::from_tensor(&tensor(shape)).expect("a variable");
        let (x, weight) = (var(&[1, inputs, height, width]), var(&[outputs, inputs, kernel, kernel]));
        let name = format!("{inputs} to {outputs}, {kernel} x {kernel} / {stride}, {height} x {width}");
        backward.bench_function(name, |b| {
            b.iter(|| {
                let y = ops::conv2d(x.as_tensor(), weight.as_tensor(), None, geometry).expect("a result");
                y.backward().expect("gradients")
            });
        });
    }
}

fn others(criterion: &mut Criterion) {
    let x = tensor(&[1, 64, 128, 64]);
    let mut group = criterion.benchmark_group("other operations, 64 x 128 x 64");
    let enlarge = FusedConvTranspose::new(&tensor(&[64, 32, 2, 2]), &tensor(&[32])).expect("a convolution");
    group.bench_function("transposed 2 x 2", |b| b.iter(|| enlarge.forward(&x).expect("a result")));
    group.bench_function("max pool", |b| b.iter(|| ops::max_pool2x2(&x).expect("a result")));
    group.bench_function("global max", |b| b.iter(|| ops::global_max(&x).expect("a result")));
    group.bench_function("bilinear to 512 x 256", |b| {
        b.iter(|| ops::resize_bilinear(&x, 512, 256).expect("a result"))
    });
    let (gamma, beta) = (tensor(&[64]), tensor(&[64]));
    group.bench_function("batch norm and activation", |b| {
        b.iter(|| ops::batch_norm(&x, &gamma, &beta, 1e-5, Activation::Relu).expect("a result"));
    });
    group.bench_function("dropout", |b| b.iter(|| ops::dropout2d(&x, 0.05, 1).expect("a result")));
    let target = x.abs().expect("a result");
    group
        .bench_function("cross-entropy", |b| b.iter(|| ops::bce_with_logits(&x, &target).expect("a result")));
}

criterion_group!(benches, convolutions, others);
criterion_main!(benches);
