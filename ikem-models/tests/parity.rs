//! The networks against PyTorch: names, shapes, counts, logits, coordinates, loss, gradients.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

mod fixture;

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Tensor};
use fixture::{Batch, DoubleStep, Fixture};
use ikem_core::{Decoding, Heatmaps};
use ikem_models::{Checkpoint, Device, Logits, Mode, Network, Predictor, training};
use ndarray::Array3;

const NETWORKS: [&str; 4] = ["unet-gated", "unet-plain", "hrnet-ocr-gated", "hrnet-ocr-plain"];

/// Tolerances that two correct f32 implementations meet (fixtures' README).
const LOGITS: f32 = 1e-4;
const COORDINATES: f32 = 1e-2;
const LOSS: f32 = 1e-5;
const GRADIENT_NORM: f64 = 1e-3;
/// The inputs are single precision, and their last bits differ.
const GRADIENT_NORM_F64: f64 = 1e-5;
/// How many times PyTorch's distance from the right gradients ours may be.
const LUCK: f64 = 2.0;
const STATISTICS_NORM: f64 = 1e-4;
/// Below this a gradient's norm is rounding noise: that of a bias in front of a batch norm.
const NOISE: f64 = 1e-6;

#[test]
fn names_shapes_and_counts_are_pytorchs() {
    for name in NETWORKS {
        let fixture = Fixture::load(name);
        let network = fixture.network(DType::F32);
        assert_eq!(network.parameter_count(), fixture.parameter_count, "{name}");
        let shapes = |vars: &BTreeMap<String, candle_core::Var>| -> BTreeMap<String, Vec<usize>> {
            vars.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect()
        };
        assert_eq!(shapes(network.parameters().trainable()), fixture.parameters, "{name}");
        assert_eq!(shapes(network.parameters().statistics()), fixture.buffers, "{name}");
    }
}

#[test]
fn logits_and_coordinates_are_pytorchs_on_every_path() {
    for name in NETWORKS {
        let fixture = Fixture::load(name);
        let batch = fixture.batch(&fixture.salt, 1);
        training::through_candle(|| {
            let plain = fixture.network(DType::F32).forward(&batch.inputs(), Mode::Eval);
            check_evaluation(name, &plain.expect("a forward pass"));
        });
        let frozen = Checkpoint::new(fixture.config(), fixture.state_dict());
        let frozen = Predictor::builder().build(frozen).expect("a predictor");
        check_evaluation(
            name,
            &fixture.network(DType::F32).forward(&batch.inputs(), Mode::Eval).expect("a forward pass"),
        );
        check_evaluation(name, &frozen.forward(&batch.inputs()).expect("a forward pass"));
    }
}

fn check_evaluation(name: &str, answer: &Logits) {
    let expected = Fixture::expected(name);
    let logits = answer.upsampled().expect("logits");
    let off = largest_difference(&every_fourth(&logits), &expected["logits"]);
    assert!(off <= LOGITS, "{name}: a logit is off by {off}");
    if let Some(auxiliary) = answer.auxiliary_upsampled().expect("logits") {
        let off = largest_difference(&every_fourth(&auxiliary), &expected["aux_logits"]);
        assert!(off <= LOGITS, "{name}: an auxiliary logit is off by {off}");
    }
    let coordinates = expected["coords_yx"].squeeze(0).and_then(|t| t.to_vec2::<f32>()).expect("coordinates");
    for (k, (found, yx)) in decoded(&logits).iter().zip(coordinates).enumerate() {
        let off = (found[0] - yx[0]).abs().max((found[1] - yx[1]).abs());
        assert!(off <= COORDINATES, "{name}: keypoint {k} is at {found:?}, expected {yx:?} (y, x)");
    }
}

#[test]
fn loss_and_statistics_are_pytorchs() {
    for name in NETWORKS {
        let fixture = Fixture::load(name);
        let network = fixture.network(DType::F32);
        let step = &fixture.train;
        let batch = fixture.batch(&step.salt, step.batch);
        let loss = training_loss(&network, &batch).to_scalar::<f32>().expect("a loss");
        assert!((loss - step.loss).abs() <= LOSS, "{name}: the loss is {loss}, expected {}", step.loss);

        for (statistic, var) in network.parameters().statistics() {
            let (norm, expected) = (norm(var), step.running_statistics_norms_after[statistic]);
            let near = (norm - expected).abs() <= STATISTICS_NORM * expected;
            assert!(near, "{name}: {statistic} has norm {norm}, expected {expected}");
        }
        let checked: BTreeSet<_> = network.parameters().statistics().keys().collect();
        assert_eq!(checked, step.running_statistics_norms_after.keys().collect(), "{name}");
    }
}

#[test]
fn gradients_of_the_unets_are_pytorchs() {
    check_gradients("unet-gated");
    check_gradients("unet-plain");
}

#[test]
fn gradients_of_the_hrnets_are_pytorchs() {
    check_gradients("hrnet-ocr-gated");
    check_gradients("hrnet-ocr-plain");
}

/// In double precision there is one right answer, and every gradient must be it.
///
/// In single precision the step stands on kinks (a leaky ReLU, a maximum) that rounding falls off on either side:
/// PyTorch's own gradients, with and without oneDNN, differ by up to 2 %. Ours must be as near to the right ones as
/// PyTorch's are, but for the luck of one draw.
fn check_gradients(name: &str) {
    let (fixture, double) = (Fixture::load(name), DoubleStep::load(name));
    let exact = &double.gradient_norms;
    for (parameter, deviation) in deviations(&gradient_norms(&fixture, DType::F64), exact) {
        let right = deviation <= GRADIENT_NORM_F64;
        assert!(right, "{name}: the gradient of {parameter} is off by {deviation:e}");
    }
    let spread = |norms: &BTreeMap<String, f64>| {
        let all: Vec<f64> = deviations(norms, exact).map(|(_, deviation)| deviation * deviation).collect();
        (all.iter().sum::<f64>() / all.len() as f64).sqrt()
    };
    let (ours, pytorchs) =
        (spread(&gradient_norms(&fixture, DType::F32)), spread(&fixture.train.gradient_norms));
    assert!(
        ours <= LUCK * pytorchs.max(GRADIENT_NORM),
        "{name}: gradients spread by {ours:e}, PyTorch's by {pytorchs:e}"
    );
}

/// How far each gradient's norm is from the exact one, relative to it; noise left out on both sides.
fn deviations<'a>(
    found: &'a BTreeMap<String, f64>,
    exact: &'a BTreeMap<String, f64>,
) -> impl Iterator<Item = (&'a str, f64)> {
    assert!(found.keys().eq(exact.keys()), "every parameter has a gradient");
    let pairs =
        found.iter().zip(exact.values()).filter(|((_, found), exact)| **found >= NOISE || **exact >= NOISE);
    pairs.map(|((parameter, found), exact)| (parameter.as_str(), (found - exact).abs() / exact))
}

fn gradient_norms(fixture: &Fixture, dtype: DType) -> BTreeMap<String, f64> {
    let step = &fixture.train;
    let network = fixture.network(dtype);
    let batch = fixture.batch(&step.salt, step.batch).to_dtype(dtype);
    let gradients = training_loss(&network, &batch).backward().expect("a backward pass");
    let all = network.parameters().trainable().iter();
    all.filter_map(|(parameter, var)| Some((parameter.clone(), norm(gradients.get(var)?)))).collect()
}

fn training_loss(network: &Network, batch: &Batch) -> Tensor {
    let answer = network.forward(&batch.inputs(), Mode::Train { dropout_seed: 0 }).expect("a forward pass");
    fixture_loss(&answer, &batch.target)
}

fn fixture_loss(answer: &Logits, target: &Tensor) -> Tensor {
    let main = training::bce_with_logits(&answer.upsampled().expect("logits"), target).expect("a loss");
    match answer.auxiliary_upsampled().expect("logits") {
        Some(auxiliary) => {
            (main + training::bce_with_logits(&auxiliary, target).expect("a loss")).expect("a loss")
        }
        None => main,
    }
}

/// Every fourth row and column: what the fixtures hold.
fn every_fourth(logits: &Tensor) -> Tensor {
    let (_, _, height, width) = logits.dims4().expect("four axes");
    let picks = |n: usize| Tensor::arange_step(0_u32, n as u32, 4, &Device::Cpu).expect("indices");
    logits
        .index_select(&picks(height), 2)
        .and_then(|rows| rows.index_select(&picks(width), 3))
        .expect("every fourth")
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    let difference = (a - b).and_then(|d| d.abs()?.flatten_all()?.max(0)?.to_scalar());
    difference.expect("tensors of one shape")
}

fn norm(tensor: &Tensor) -> f64 {
    let sum = tensor.to_dtype(DType::F64).and_then(|t| t.sqr()?.sum_all()?.to_scalar::<f64>());
    sum.expect("a tensor").sqrt()
}

/// The expected coordinates (y, x) under the sigmoid of (1, K, H, W).
fn decoded(logits: &Tensor) -> Vec<[f32; 2]> {
    let (_, k, h, w) = logits.dims4().expect("four axes");
    let values = candle_nn::ops::sigmoid(logits).and_then(|t| t.flatten_all()?.to_vec1()).expect("values");
    let maps = Heatmaps::from_array(Array3::from_shape_vec((k, h, w), values).expect("the shape"));
    maps.decode(&Decoding::Expected).iter().map(|found| found.point.to_yx()).collect()
}
