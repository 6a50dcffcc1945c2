//! Training of the networks beside the keypoint network.
#![allow(missing_docs, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ikem_models::{CornerConfig, Device, Part, PartCheckpoint, RefinerConfig};
use ikem_train::{
    Checked, CornerTrainConfig, CornerTrainer, Ending, Error, PartTrainConfig, RefinerTrainConfig,
    RefinerTrainer, TrainingData,
};

const CONFIG: &str = r#"
[corners]
width = 2
[corners.size]
width = 32
height = 64
[data]
batch_size = 4
workers = 0
phantoms.settings.height = [256, 300]
[optimiser]
kind = "muon"
learning_rate = 5e-2
average = 0.5
[schedule]
epochs = 8
patience = 0
"#;

fn config(text: &str) -> Checked<CornerTrainConfig> {
    CornerTrainConfig::parse(text).expect("a config")
}

/// A training on 16 phantoms, four of which validate.
fn data(config: &Checked<CornerTrainConfig>) -> TrainingData {
    TrainingData::phantoms(config, 16).expect("data")
}

fn trainer(folder: &Path) -> CornerTrainer {
    let config = config(CONFIG);
    let data = data(&config);
    CornerTrainer::new(config, data, folder, &Device::Cpu).expect("a trainer")
}

/// The values of the newest checkpoint, by name.
fn newest<C: Part>(folder: &Path) -> BTreeMap<String, Vec<f32>> {
    let checkpoint = PartCheckpoint::<C>::read(folder.join("newest.safetensors")).expect("a checkpoint");
    let values = |tensor: &candle_core::Tensor| tensor.flatten_all()?.to_vec1::<f32>();
    checkpoint.tensors.iter().map(|(name, tensor)| (name.clone(), values(tensor).expect("values"))).collect()
}

#[test]
fn a_corner_detector_learns_and_resumes_with_the_same_bits() {
    let (whole, parts) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut trainer = trainer(whole.path());
    let ending = trainer.run(|_, _| {}, &AtomicBool::new(false)).expect("a training");
    assert_eq!(ending, Ending::Finished);
    let losses: Vec<f64> = trainer.epochs().iter().map(|row| row.validation_loss).collect();
    assert!(losses.len() == 8 && losses[7] < 0.9 * losses[0], "{losses:?}");

    let stop = AtomicBool::new(false);
    let mut first = self::trainer(parts.path());
    let ending =
        first.run(|row, _| stop.store(row.epoch == 2, Ordering::Relaxed), &stop).expect("a training");
    assert_eq!((ending, first.epochs().len()), (Ending::Interrupted, 2));
    let same = config(CONFIG);
    let again = data(&same);
    let mut second = CornerTrainer::resume(same, again, parts.path(), &Device::Cpu).expect("resumed");
    assert_eq!(second.run(|_, _| {}, &AtomicBool::new(false)).expect("a training"), Ending::Finished);
    assert_eq!(second.epochs(), trainer.epochs());
    assert_eq!(newest::<CornerConfig>(whole.path()), newest::<CornerConfig>(parts.path()));
}

#[test]
fn a_step_may_take_several_batches() {
    // 16 images are four batches, of which the last is left over.
    let accumulating = CONFIG.replace("kind = \"muon\"", "kind = \"muon\"\naccumulate = 3");
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(&accumulating.replace("epochs = 8", "epochs = 2"));
    let mut trainer =
        CornerTrainer::new(config.clone(), data(&config), folder.path(), &Device::Cpu).expect("a trainer");
    assert_eq!(trainer.run(|_, _| {}, &AtomicBool::new(false)).expect("a training"), Ending::Finished);
    let state = std::fs::read(folder.path().join("state.safetensors")).expect("a state");
    let steps = br#"\"optimiser_steps\":2"#;
    assert!(state.windows(steps.len()).any(|window| window == steps));

    let too_many = self::config(&CONFIG.replace("kind = \"muon\"", "kind = \"muon\"\naccumulate = 5"));
    let error = TrainingData::phantoms(&too_many, 16).expect_err("too few images");
    assert!(matches!(error, Error::Images { found: 16, expected: 20, .. }), "{error}");
}

#[test]
fn another_config_does_not_resume() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut trainer = trainer(folder.path());
    let stop = AtomicBool::new(false);
    trainer.run(|_, _| stop.store(true, Ordering::Relaxed), &stop).expect("a training");
    let other = config(&CONFIG.replace("5e-2", "3e-2"));
    let images = data(&other);
    let error =
        CornerTrainer::resume(other, images, folder.path(), &Device::Cpu).expect_err("another training");
    assert!(
        matches!(&error, Error::OtherTraining { field, .. } if field == "optimiser.learning_rate"),
        "{error}"
    );
}

const REFINER: &str = r#"
images = { width = 96, height = 320 }
[refiner]
size = 16
width = 4
hidden = 16
[data]
batch_size = 4
workers = 0
phantoms.settings.height = [320, 360]
[optimiser]
kind = "adamw"
learning_rate = 1e-2
average = 0.5
[schedule]
epochs = 8
patience = 0
"#;

#[test]
fn a_corner_refiner_learns_and_resumes_with_the_same_bits() {
    let config = || RefinerTrainConfig::parse(REFINER).expect("a config");
    let data = || TrainingData::phantoms(&config(), 16).expect("data");
    let trainer =
        |folder: &Path| RefinerTrainer::new(config(), data(), folder, &Device::Cpu).expect("a trainer");
    let (whole, parts) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut all = trainer(whole.path());
    assert_eq!(all.run(|_, _| {}, &AtomicBool::new(false)).expect("a training"), Ending::Finished);
    let (first, last) = (all.epochs()[0], all.epochs()[7]);
    assert!(last.validation_loss < first.validation_loss - 0.3, "{first:?} {last:?}");
    assert!(last.corner_error < 0.8 * first.corner_error, "{first:?} {last:?}");

    let stop = AtomicBool::new(false);
    let mut begun = trainer(parts.path());
    let ending =
        begun.run(|row, _| stop.store(row.epoch == 3, Ordering::Relaxed), &stop).expect("a training");
    assert_eq!((ending, begun.epochs().len()), (Ending::Interrupted, 3));
    let mut resumed =
        RefinerTrainer::resume(config(), data(), parts.path(), &Device::Cpu).expect("a trainer");
    assert_eq!(resumed.run(|_, _| {}, &AtomicBool::new(false)).expect("a training"), Ending::Finished);
    assert_eq!(resumed.epochs(), all.epochs());
    assert_eq!(newest::<RefinerConfig>(whole.path()), newest::<RefinerConfig>(parts.path()));
}
