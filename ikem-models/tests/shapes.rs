//! Inputs of wrong shapes.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use candle_core::{DType, Tensor};
use ikem_core::{Hint, Point, Size};
use ikem_models::{
    Device, HintMaps, ImageInput, Inputs, ModelConfig, NetworkConfig, Predictor, PreviousMaps, UnetConfig,
};

fn predictor() -> Predictor {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let config = ModelConfig { size: Size::new(64, 96), ..ModelConfig::new(NetworkConfig::Unet(network)) };
    Predictor::builder().untrained(&config, 1).expect("a predictor")
}

#[test]
fn wrong_shapes_are_named() {
    let predictor = predictor();
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("zeros");
    let inputs = |hints: HintMaps, previous: PreviousMaps, pixels: &[usize]| Inputs {
        hints,
        previous,
        image: ImageInput::Pixels(zeros(pixels)),
    };
    let none = || (HintMaps::none(2), PreviousMaps::None);
    let hint = Hint::new(68, Point::new(1.0, 1.0));
    let unknown = HintMaps::Gaussians { hints: vec![vec![hint], vec![]], std: 1.0 };
    for (inputs, expected) in [
        (
            inputs(none().0, none().1, &[2, 1, 96, 64]),
            "pixels: a tensor of shape [2, 1, 96, 64]; expected [2, 3, 96, 64]",
        ),
        (
            inputs(HintMaps::Dense(zeros(&[2, 68, 64, 96])), none().1, &[2, 3, 96, 64]),
            "expected [2, 68, 96, 64]",
        ),
        (inputs(none().0, none().1, &[3, 96, 64]), "pixels: a tensor of shape [3, 96, 64]"),
        (inputs(HintMaps::none(1), none().1, &[2, 3, 96, 64]), "hints of images: expected 2 values, found 1"),
        (inputs(unknown, none().1, &[2, 3, 96, 64]), "there is no keypoint 68"),
        (
            inputs(HintMaps::Dense(zeros(&[2, 4, 96, 64])), none().1, &[2, 3, 96, 64]),
            "hint maps: a tensor of shape [2, 4, 96, 64]",
        ),
        (
            inputs(none().0, PreviousMaps::OfLogits(zeros(&[1, 68, 24, 16])), &[2, 3, 96, 64]),
            "expected [2, 68, 24, 16]",
        ),
        (
            inputs(none().0, PreviousMaps::Dense(zeros(&[2, 68, 24, 16])), &[2, 3, 96, 64]),
            "previous heatmaps",
        ),
    ] {
        let error = predictor.forward(&inputs).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let right = inputs(none().0, PreviousMaps::OfLogits(zeros(&[2, 68, 24, 16])), &[2, 3, 96, 64]);
    assert_eq!(predictor.forward(&right).expect("logits").main.dims(), [2, 68, 24, 16]);
}
