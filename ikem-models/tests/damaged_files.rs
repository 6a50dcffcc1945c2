//! Damaged checkpoints and states: an error, or what can be used.
#![allow(missing_docs)]
#![allow(clippy::expect_used, reason = "tests panic on failure")]

use ikem_core::{GrayImage, Hint, Point, Size};
use ikem_damage::{Sample, Trial};
use ikem_models::{
    Checkpoint, CornerCheckpoint, CornerConfig, CornerNetwork, Device, LocatorCheckpoint, LocatorConfig,
    LocatorNetwork, ModelConfig, Network, NetworkConfig, Precision, Predictor, RefinerCheckpoint,
    RefinerConfig, RefinerNetwork, UnetConfig,
};

const PIECES: [&str; 12] =
    ["{", "}", "[", "]", "\"", ",", "null", "-1", "1e999", "18446744073709551615", "F16", "data_offsets"];

/// A checkpoint of a tiny network with a locator, and with a corner detector and a corner refiner, which its decoding uses.
fn checkpoint() -> Checkpoint {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let size = Size::new(64, 96);
    let config = ModelConfig { size, column: true, ..ModelConfig::new(NetworkConfig::Unet(network)) };
    let tensors = Network::fresh(&config, 1, &Device::Cpu).expect("a network").parameters().state_dict();
    let config_of_locator = LocatorConfig { size: 64, width: 2 };
    let locator = LocatorNetwork::fresh(config_of_locator, 1, &Device::Cpu).expect("a locator");
    let locator = LocatorCheckpoint { config: config_of_locator, tensors: locator.parameters().state_dict() };
    let config_of_corners = CornerConfig { size: Size::new(32, 48), width: 2 };
    let corners = CornerNetwork::fresh(config_of_corners, 1, &Device::Cpu).expect("a detector");
    let corners = CornerCheckpoint { config: config_of_corners, tensors: corners.parameters().state_dict() };
    let config_of_refiner = RefinerConfig { size: 16, width: 2, hidden: 4 };
    let refiner = RefinerNetwork::fresh(config_of_refiner, 1, &Device::Cpu).expect("a refiner");
    let refiner = RefinerCheckpoint { config: config_of_refiner, tensors: refiner.parameters().state_dict() };
    let (locator, corners, refiner) = (Some(locator), Some(corners), Some(refiner));
    Checkpoint { locator, corners, refiner, ..Checkpoint::new(config, tensors) }
}

#[test]
fn damaged_checkpoints() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = |precision: Precision| {
        let path = folder.path().join("model.safetensors");
        checkpoint().write(&path, precision).expect("written");
        Sample::new(format!("{precision:?}"), std::fs::read(path).expect("read"))
    };
    let samples = vec![sample(Precision::Single), sample(Precision::Half)];
    let tried = Trial::new("checkpoint", samples).with_pieces(&PIECES).run(|bytes| {
        Checkpoint::from_bytes("damaged", bytes).is_ok_and(|checkpoint| {
            let elements: usize = checkpoint.tensors.values().map(|tensor| tensor.elem_count()).sum();
            assert!(2 * elements <= bytes.len(), "{elements} elements from {} bytes", bytes.len());
            // Either the tensors fit the config, or the mismatch is an error.
            Predictor::builder().build(checkpoint).is_ok()
        })
    });
    assert!(tried.accepted > tried.files / 50, "{tried:?}");
}

#[test]
fn damaged_states_of_a_session() {
    let predictor = Predictor::builder().build(checkpoint()).expect("a predictor");
    let size = Size::new(40, 70);
    let image = GrayImage::new(size, vec![0.5; size.area()]).expect("an image");
    let mut session = predictor.session(&image).expect("a session");
    session.revise(Hint::new(3, Point::new(7.25, 50.0))).expect("a revision");
    session.undo();
    let samples = vec![Sample::new("states", serde_json::to_vec(&session.snapshots()).expect("JSON"))];
    let trial = Trial { files: 2_000, ..Trial::new("snapshots", samples) };
    let tried = trial.with_pieces(&PIECES).run(|bytes| {
        let Ok(states) = serde_json::from_slice(bytes) else { return false };
        predictor.resume(&image, &states).is_ok_and(|session| {
            assert!(session.keypoints().iter().all(|point| point.is_finite()));
            for hint in session.hints() {
                assert_eq!(session.keypoints()[hint.keypoint], hint.point);
            }
            true
        })
    });
    assert!(tried.accepted > tried.files / 200, "{tried:?}");
}
