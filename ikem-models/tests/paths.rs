//! The path of a device without kernels of ours, walked on the CPU: it answers and learns as the kernels do.
#![allow(missing_docs, clippy::expect_used)]

mod networks;

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use ikem_models::{Checkpoint, Device, Inputs, Mode, ModelConfig, Network, Precision, Predictor, training};

use networks::{maps, networks};

/// What the two paths may differ by in an answer, absolute, and in a gradient, relative to its largest element.
const ANSWER: f64 = 1e-4;
const GRADIENT: f64 = 1e-9;
/// What half precision may differ by in an answer.
const HALF: f64 = 5e-3;

#[test]
fn both_paths_answer_alike() {
    for (name, config) in networks() {
        let fresh = Network::fresh(&config, 7, &Device::Cpu).expect("a network");
        let tensors = fresh.parameters().state_dict();
        let [hints, previous, image] = maps(DType::F32, 1);
        let inputs = Inputs::dense(hints, previous, image);
        let answer = || {
            let checkpoint = Checkpoint::new(config.clone(), tensors.clone());
            let frozen = Predictor::builder().build(checkpoint).expect("a predictor");
            let frozen = frozen.forward(&inputs).expect("logits").upsampled().expect("logits");
            let training = fresh.forward(&inputs, Mode::Eval).expect("logits");
            [frozen, training.upsampled().expect("logits")]
        };
        let [frozen, training] = answer();
        let others = training::through_candle(answer);
        for other in others.iter().chain([&training]) {
            let off = largest_difference(&frozen, other);
            assert!(off <= ANSWER, "{name}: a logit is off by {off:e}");
        }
    }
}

/// On a CPU as on a GPU: there are no kernels for it.
#[test]
fn half_precision_answers_nearly_alike() {
    for (name, config) in networks() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("checkpoint.safetensors");
        let fresh = Network::fresh(&config, 7, &Device::Cpu).expect("a network");
        let checkpoint = Checkpoint::new(config, fresh.parameters().state_dict());
        checkpoint.write(&path, Precision::Single).expect("written");
        let answer = |precision, dtype| {
            let predictor = Predictor::builder().precision(precision).load(&path).expect("a predictor");
            let [hints, previous, image] = maps(dtype, 1);
            let answer = predictor.forward(&Inputs::dense(hints, previous, image)).expect("logits");
            let logits = answer.upsampled().expect("logits");
            logits.to_dtype(DType::F32).expect("numbers")
        };
        let (single, half) = (answer(Precision::Single, DType::F32), answer(Precision::Half, DType::F16));
        let off = largest_difference(&single, &half);
        assert!(off > 0.0 && off <= HALF, "{name}: a logit is off by {off:e}");
    }
}

#[test]
fn both_paths_learn_alike() {
    for (name, config) in networks() {
        let ours = gradients(&config);
        let candles = training::through_candle(|| gradients(&config));
        assert_eq!(ours.keys().collect::<Vec<_>>(), candles.keys().collect::<Vec<_>>(), "{name}");
        for (parameter, gradient) in &ours {
            let largest = gradient.abs().and_then(|g| g.flatten_all()?.max(0)?.to_scalar::<f64>());
            // A bias in front of a batch norm has no gradient but rounding.
            let bound = GRADIENT * largest.expect("a gradient").max(1e-6);
            let off = largest_difference(gradient, &candles[parameter]);
            assert!(off <= bound, "{name}: the gradient of {parameter} is off by {off:e} of {bound:e}");
        }
    }
}

/// One backward pass in double precision, where nothing but the code can tell the paths apart.
fn gradients(config: &ModelConfig) -> BTreeMap<String, Tensor> {
    let fresh = Network::fresh(config, 7, &Device::Cpu).expect("a network");
    let double = |(name, tensor): (String, Tensor)| (name, tensor.to_dtype(DType::F64).expect("numbers"));
    let tensors = fresh.parameters().state_dict().into_iter().map(double).collect();
    let network = Network::trainable(config, tensors, &Device::Cpu).expect("a network");
    let [hints, target, image] = maps(DType::F64, 2);
    let inputs = Inputs::dense(hints, target.clone(), image);
    let answer = network.forward(&inputs, Mode::Train { dropout_seed: 3 }).expect("logits");
    let mut loss = training::bce_with_logits(&answer.upsampled().expect("logits"), &target).expect("a loss");
    if let Some(auxiliary) = answer.auxiliary_upsampled().expect("logits") {
        loss = (loss + training::bce_with_logits(&auxiliary, &target).expect("a loss")).expect("a loss");
    }
    let gradients = loss.backward().expect("a backward pass");
    let all = network.parameters().trainable().iter();
    all.map(|(name, var)| (name.clone(), gradients.get(var).expect("a gradient").detach())).collect()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    let difference = (a - b).and_then(|d| d.abs()?.flatten_all()?.max(0)?.to_dtype(DType::F64)?.to_scalar());
    difference.expect("tensors of one shape")
}
