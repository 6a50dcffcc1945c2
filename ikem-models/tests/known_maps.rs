//! A network answers and learns alike whether maps are written out or given as what is known of them.
#![allow(missing_docs, clippy::expect_used)]

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use ikem_core::{Heatmaps, Hint, Keypoints, Point, Size, Skeleton};
use ikem_models::{
    Device, HintMaps, ImageInput, Inputs, Logits, Mode, ModelConfig, Network, NetworkConfig, PreviousMaps,
    UnetConfig, training,
};

const KEYPOINTS: usize = 5;
const SIZE: Size = Size::new(72, 100);
const STD: f32 = 3.0;
const TRAIN: Mode = Mode::Train { dropout_seed: 3 };

fn network() -> Network {
    let unet = UnetConfig { width: 4, gate_width: Some(6), ..UnetConfig::default() };
    let skeleton = Skeleton::numbered(KEYPOINTS);
    let config = ModelConfig { size: SIZE, skeleton, ..ModelConfig::new(NetworkConfig::Unet(unet)) };
    let fresh = Network::fresh(&config, 7, &Device::Cpu).expect("a network").parameters().state_dict();
    let double =
        fresh.into_iter().map(|(name, t)| (name, t.to_dtype(DType::F64).expect("numbers"))).collect();
    Network::trainable(&config, double, &Device::Cpu).expect("a network")
}

fn wave(channels: usize, height: usize, width: usize) -> Tensor {
    let values = (0..2 * channels * height * width).map(|i| (i as f64 * 0.37).sin() * 3.0);
    let shape = (2, channels, height, width);
    Tensor::from_vec(values.collect::<Vec<_>>(), shape, &Device::Cpu).expect("a tensor")
}

/// A batch of two as it is known, and the same written out.
fn inputs(previous: bool) -> [Inputs; 2] {
    let hints = vec![
        vec![Hint::new(4, Point::new(20.3, 70.9)), Hint::new(0, Point::new(71.0, 0.0))],
        vec![Hint::new(2, Point::new(1.5, 99.0))],
    ];
    let mut maps = vec![0_f32; 2 * KEYPOINTS * SIZE.area()];
    for (image, hint) in hints.iter().enumerate().flat_map(|(b, list)| list.iter().map(move |hint| (b, hint)))
    {
        let point: Keypoints = [hint.point].into_iter().collect();
        let map = Heatmaps::gaussian(&point, SIZE, STD);
        let target = maps[(image * KEYPOINTS + hint.keypoint) * SIZE.area()..].iter_mut();
        target.zip(map.view()).for_each(|(value, gaussian)| *value = *gaussian);
    }
    let shape = (2, KEYPOINTS, SIZE.height, SIZE.width);
    let maps =
        Tensor::from_vec(maps, shape, &Device::Cpu).and_then(|t| t.to_dtype(DType::F64)).expect("maps");
    let logits = wave(KEYPOINTS, 25, 18);
    let heatmaps = Logits::new(logits.clone(), None, SIZE).upsampled();
    let heatmaps = heatmaps.and_then(|logits| candle_nn::ops::sigmoid(&logits)).expect("heatmaps");
    let pixels = wave(3, SIZE.height, SIZE.width);
    let known = Inputs {
        hints: HintMaps::Gaussians { hints, std: STD },
        previous: if previous { PreviousMaps::OfLogits(logits) } else { PreviousMaps::None },
        image: ImageInput::Pixels(pixels.clone()),
    };
    let dense = if previous { heatmaps } else { heatmaps.zeros_like().expect("zeros") };
    [known, Inputs::dense(maps, dense, pixels)]
}

fn gradients(network: &Network, inputs: &Inputs) -> BTreeMap<String, Tensor> {
    let target = (wave(KEYPOINTS, SIZE.height, SIZE.width).sqr().expect("numbers") / 9.0).expect("a target");
    let logits = network.forward(inputs, TRAIN).expect("logits").upsampled().expect("logits");
    let gradients =
        training::bce_with_logits(&logits, &target).and_then(|loss| loss.backward()).expect("gradients");
    let all = network.parameters().trainable().iter();
    all.map(|(name, var)| (name.clone(), gradients.get(var).expect("a gradient").detach())).collect()
}

fn largest(x: &Tensor) -> f64 {
    x.abs().and_then(|x| x.max_all()?.to_scalar()).expect("a number")
}

#[test]
fn networks_answer_and_learn_alike() {
    let network = network();
    for previous in [false, true] {
        let [known, dense] = inputs(previous);
        let answer = |inputs| network.forward(inputs, Mode::Eval).expect("logits").main;
        let off = largest(&(answer(&known) - answer(&dense)).expect("one shape"));
        assert!(off < 1e-6, "a logit is off by {off}");
        let (ours, expected) = (gradients(&network, &known), gradients(&network, &dense));
        for (name, gradient) in &expected {
            let off = largest(&(&ours[name] - gradient).expect("one shape"));
            let bound = 1e-6 * largest(gradient).max(1e-4);
            assert!(off < bound, "the gradient of {name} is off by {off:e} of {bound:e}");
        }
    }
}

#[test]
fn an_encoded_image_stands_for_its_pixels() {
    let network = network();
    let [known, _] = inputs(true);
    let ImageInput::Pixels(pixels) = &known.image else { panic!("pixels were given") };
    let encoded = ImageInput::Encoded(network.encode_image(pixels).expect("features"));
    let answer = |inputs: &Inputs| network.forward(inputs, Mode::Eval).expect("logits").main;
    let off = (answer(&known) - answer(&Inputs { image: encoded, ..known })).expect("one shape");
    assert_eq!(largest(&off), 0.0);
}
