//! The backbones alone, from image to heatmaps.
#![allow(missing_docs, clippy::expect_used)]

use ikem_core::{GrayImage, Hint, Point, Size, Skeleton};
use ikem_models::{
    Checkpoint, Device, HrnetOcrConfig, ModelConfig, Network, NetworkConfig, Precision, Predictor, UnetConfig,
};

fn configs() -> [ModelConfig; 2] {
    let unet = UnetConfig { width: 2, gate_width: None, hints: false, ..UnetConfig::default() };
    let hrnet = HrnetOcrConfig {
        stem_width: 2,
        width: 1,
        ocr_width: 2,
        gate_width: None,
        hints: false,
        ..HrnetOcrConfig::default()
    };
    [NetworkConfig::Unet(unet), NetworkConfig::HrnetOcr(hrnet)].map(|network| ModelConfig {
        size: Size::new(64, 96),
        skeleton: Skeleton::numbered(4),
        ..ModelConfig::new(network)
    })
}

fn checkpoint(config: ModelConfig) -> Checkpoint {
    let fresh = Network::fresh(&config, 1, &Device::Cpu).expect("a network");
    Checkpoint::new(config, fresh.parameters().state_dict())
}

#[test]
fn the_encoders_stand_at_the_top() {
    for config in configs() {
        let names: Vec<_> = checkpoint(config).tensors.into_keys().collect();
        for name in ["image_encoder.0.weight", "last_encoder.1.running_var"] {
            assert!(names.iter().any(|found| found == name), "{name}");
        }
        assert!(!names.iter().any(|name| name.contains("hint") || name.contains("iggnet")));
    }
}

#[test]
fn corrections_stay_where_they_are_and_move_nothing() {
    for config in configs() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("backbone.safetensors");
        checkpoint(config).write(&path, Precision::Single).expect("written");
        let predictor = Predictor::load(&path).expect("a predictor");
        let size = Size::new(50, 80);
        let values = (0..size.area()).map(|i| (i as f32 * 0.07).sin().abs()).collect();
        let image = GrayImage::new(size, values).expect("an image");
        let mut session = predictor.session(&image).expect("a session");
        let first = session.keypoints();
        let hint = Hint::new(2, Point::new(7.0, 9.0));
        session.revise(hint).expect("an answer");
        for (k, (shown, before)) in session.keypoints().iter().zip(first.iter()).enumerate() {
            assert_eq!(shown, if k == 2 { &hint.point } else { before }, "keypoint {k}");
        }
    }
}
