//! A training step of both networks compared with PyTorch's, and Adam compared with its formula.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

#[path = "../../ikem-models/tests/fixture/mod.rs"]
mod fixture;

use std::collections::BTreeMap;

use candle_core::{DType, Tensor, Var};
use fixture::{DoubleStep, Fixture};
use ikem_models::{Device, ModelConfig, Network, NetworkConfig, UnetConfig, training};
use ikem_train::{
    Adam, AdamConfig, Error, Gradients, Learner, Loss, LossConfig, Muon, Optimiser, OptimiserConfig,
    OptimiserState,
};

/// Biases in front of a batch norm: their gradient is rounding noise, from which Adam makes a whole step.
const NOISE: [&str; 3] = ["outc.aux_head.0.bias", "aux_head.0.bias", "conv3x3_ocr.0.bias"];

#[test]
fn a_step_of_the_unet_matches_pytorch() {
    check_step("unet-gated");
}

#[test]
fn a_step_of_the_hrnet_matches_pytorch() {
    check_step("hrnet-ocr-gated");
}

/// Relative tolerance of a norm in double precision; the inputs are single precision, and their last bits differ.
const NORM_F64: f64 = 1e-5;
/// Relative tolerance of the loss in single precision.
const LOSS: f64 = 1e-5;
/// A gradient of smaller norm is rounding noise.
const NOISE_NORM: f64 = 1e-6;
/// Tolerance in single precision relative to PyTorch's own deviation from the exact norms: at kinks, and because Adam
/// makes whole steps of small gradients.
const LUCK: f64 = 4.0;

/// Norms by parameter name.
type Norms = BTreeMap<String, f64>;

/// The result of a step.
struct Stepped {
    loss: f64,
    gradients: Norms,
    parameters: Norms,
}

fn check_step(name: &str) {
    let (fixture, exact) = (Fixture::load(name), DoubleStep::load(name));
    let double = step(&fixture, DType::F64);
    assert!((double.loss - exact.loss).abs() <= NORM_F64 * exact.loss, "{name}: the loss is {}", double.loss);
    for (found, exact, what) in [
        (&double.gradients, &exact.gradient_norms, "gradient"),
        (&double.parameters, &exact.norms_after_adam_step, "step"),
    ] {
        for (parameter, off) in deviations(found, exact) {
            assert!(off <= NORM_F64, "{name}: the {what} of {parameter} is off by {off:e}");
        }
    }
    let single = step(&fixture, DType::F32);
    let expected = f64::from(fixture.train.loss);
    assert!((single.loss - expected).abs() <= LOSS, "{name}: the loss is {}", single.loss);
    let spread = |norms: &Norms| {
        let all: Vec<f64> =
            deviations(norms, &exact.norms_after_adam_step).map(|(_, off)| off * off).collect();
        (all.iter().sum::<f64>() / all.len() as f64).sqrt()
    };
    let (ours, pytorchs) = (spread(&single.parameters), spread(&fixture.train.norms_after_adam_step));
    assert!(ours <= LUCK * pytorchs, "{name}: norms spread by {ours:e}, PyTorch's by {pytorchs:e}");
}

/// The relative deviation of each norm from the exact one.
fn deviations<'a>(found: &'a Norms, exact: &'a Norms) -> impl Iterator<Item = (&'a str, f64)> {
    assert!(found.keys().eq(exact.keys()), "every parameter has a norm");
    let pairs = found.iter().zip(exact.values()).filter(|((name, norm), exact)| {
        !NOISE.contains(&name.as_str()) && (**norm >= NOISE_NORM || **exact >= NOISE_NORM)
    });
    pairs.map(|((name, found), exact)| (name.as_str(), (found - exact).abs() / exact))
}

/// The fixture's step, as in a training.
fn step(fixture: &Fixture, dtype: DType) -> Stepped {
    let step = &fixture.train;
    let network = fixture.network(dtype);
    let batch = fixture.batch(&step.salt, step.batch).to_dtype(dtype);
    let only_entropy = LossConfig { coordinates: 0.0, ..LossConfig::default() };
    let loss = Loss::new(&only_entropy, network.config(), None).expect("a loss");
    let config = OptimiserConfig { learning_rate: step.lr, ..OptimiserConfig::default() };
    let mut learner = Learner::new(network, loss, config, &Device::Cpu).expect("a learner");
    let loss = learner.learn(&batch.inputs(), &batch.points, 0).expect("a backward pass").total;
    let gathered = learner.gradients().expect("gradients");
    let gradients: Norms = gathered.iter().map(|(name, tensor)| (name.to_owned(), norm(tensor))).collect();
    let whole = learner.step(step.lr).expect("a step");
    let sum: f64 = gradients.values().map(|norm| norm * norm).sum();
    assert!((whole - sum.sqrt()).abs() <= 1e-5 * whole, "{whole} is not the norm of all gradients");
    let trained = learner.network().parameters().trainable().iter();
    Stepped { loss, gradients, parameters: trained.map(|(name, var)| (name.clone(), norm(var))).collect() }
}

fn norm(tensor: &Tensor) -> f64 {
    let sum = tensor.to_dtype(DType::F64).and_then(|t| t.sqr()?.sum_all()?.to_scalar::<f64>());
    sum.expect("a norm").sqrt()
}

fn small_network() -> Network {
    let unet = UnetConfig { width: 1, gate_width: None, ..UnetConfig::default() };
    Network::fresh(&ModelConfig::new(NetworkConfig::Unet(unet)), 3, &Device::Cpu).expect("a network")
}

/// A step on the loss ½ Σ (p − 1)² over all parameters p.
fn descend(network: &Network, optimiser: &mut dyn Optimiser) {
    let halves = network.parameters().trainable().values().map(|var| {
        var.as_tensor().affine(1.0, -1.0).and_then(|off| off.sqr()?.sum_all()? * 0.5).expect("a loss")
    });
    let loss = halves.reduce(|a, b| (a + b).expect("a loss")).expect("parameters");
    let store = loss.backward().expect("gradients");
    let gradients = Gradients::new(network.parameters(), &store).expect("gradients");
    optimiser.step(&gradients).expect("a step");
}

fn optimiser(network: &Network, muon: bool) -> Box<dyn Optimiser> {
    let (parameters, config) = (network.parameters(), AdamConfig::default());
    match muon {
        true => Box::new(Muon::new(parameters, config).expect("an optimiser")),
        false => Box::new(Adam::new(parameters, config).expect("an optimiser")),
    }
}

fn values(network: &Network) -> Vec<f32> {
    let all = network.parameters().trainable().values();
    all.flat_map(|var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values")).collect()
}

#[test]
fn steps_follow_the_formula() {
    let network = small_network();
    let config = AdamConfig { learning_rate: 0.05, weight_decay: 0.1, ..AdamConfig::default() };
    let mut adam = Adam::new(network.parameters(), config).expect("an optimiser");
    let start = f64::from(values(&network)[0]);
    let (mut p, mut m, mut v) = (start, 0.0, 0.0);
    for step in 1..=5 {
        descend(&network, &mut adam);
        let g = p - 1.0;
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        let (mean, square) = (m / (1.0 - 0.9_f64.powi(step)), v / (1.0 - 0.999_f64.powi(step)));
        p -= 0.05 * 0.1 * p;
        p -= 0.05 * mean / (square.sqrt() + 1e-8);
    }
    assert!((p - start).abs() > 0.1);
    assert!((f64::from(values(&network)[0]) - p).abs() < 1e-5);
}

#[test]
fn candles_operations_give_the_same_step() {
    let run = || {
        let network = small_network();
        let config = AdamConfig { weight_decay: 0.1, ..AdamConfig::default() };
        let mut adam = Adam::new(network.parameters(), config).expect("an optimiser");
        (0..3).for_each(|_| descend(&network, &mut adam));
        values(&network)
    };
    let (ours, candles) = (run(), training::through_candle(run));
    assert!(ours.iter().zip(&candles).all(|(a, b)| (a - b).abs() <= 1e-6));
}

#[test]
fn a_resumed_optimiser_continues_bitwise_identically() {
    for muon in [false, true] {
        let run = |stop: bool| {
            let network = small_network();
            let mut optimiser = optimiser(&network, muon);
            for step in 0..4 {
                if stop && step == 2 {
                    let state = optimiser.state().expect("a state");
                    optimiser = self::optimiser(&network, muon);
                    optimiser.restore(&state).expect("restored");
                }
                descend(&network, &mut *optimiser);
            }
            values(&network)
        };
        assert_eq!(run(true), run(false), "muon: {muon}");
    }
}

#[test]
fn muon_updates_kernels_and_adam_the_rest() {
    let run = |muon: bool| {
        let network = small_network();
        let mut optimiser = optimiser(&network, muon);
        (0..2).for_each(|_| descend(&network, &mut *optimiser));
        let values = |var: &Var| var.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        let parameters = network.parameters().trainable().iter();
        let parameters: BTreeMap<String, Vec<f32>> =
            parameters.map(|(name, var)| (name.clone(), values(var))).collect();
        (parameters, optimiser.state().expect("a state"))
    };
    let ((by_adam, _), (by_muon, state)) = (run(false), run(true));
    let differ: Vec<&String> = by_adam.keys().filter(|&name| by_adam[name] != by_muon[name]).collect();
    let kernels = ["down4.maxpool_conv.1.double_conv.3.weight", "up1.up.weight"];
    // In a network this narrow, only these have 16 channels on both sides.
    assert_eq!(differ, kernels[..1].iter().collect::<Vec<_>>());
    assert!(by_adam.contains_key(kernels[1]), "a kernel of fewer channels is Adam's");
    let without: Vec<&String> = state.mean.keys().filter(|&name| !state.square.contains_key(name)).collect();
    assert_eq!(without, differ, "their squares are not remembered");
}

#[test]
fn a_state_of_another_network_is_named() {
    let network = small_network();
    let mut adam = optimiser(&network, false);
    let error = adam.restore(&OptimiserState::default()).expect_err("no state");
    assert!(matches!(error, Error::OptimiserState { found: None, .. }), "{error}");
    let mut state = adam.state().expect("a state");
    let wrong = Tensor::zeros(7, DType::F32, &Device::Cpu).expect("a tensor");
    state.square.insert("hint_fusion_layer.scale".to_owned(), wrong);
    let error = adam.restore(&state).expect_err("a wrong state");
    assert_eq!(
        error.to_string(),
        "the optimiser's state of `hint_fusion_layer.scale` has shape [7]; expected shape [1]"
    );
}
