//! Small trainings on phantoms from start to end.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use candle_core::Tensor;
use ikem_data::Loader;
use ikem_models::{Checkpoint, Device, Network, Precision, Predictor};
use ikem_train::{
    Checked, Ending, Error, Interaction, Observer, Placing, Progress, Result, StepReport, TrainConfig,
    Trainer, TrainingData, read_log,
};

fn train(
    config: &Checked<TrainConfig>,
    phantoms: usize,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<Trainer> {
    let data = TrainingData::phantoms(config, phantoms)?;
    let mut trainer = match Trainer::can_resume(folder) {
        true => Trainer::resume(config.clone(), data, folder, &Device::Cpu)?,
        false => Trainer::new(config.clone(), data, folder, &Device::Cpu)?,
    };
    trainer.run(observer, &AtomicBool::new(false))?;
    Ok(trainer)
}

/// Records the losses.
#[derive(Default)]
struct Losses(Vec<f64>);

impl Observer for Losses {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        self.0.push(report.loss.total);
        Ok(())
    }
}

#[test]
fn a_small_network_overfits_four_phantoms() {
    let config = TrainConfig::parse(
        r#"
        [model]
        size = { width = 64, height = 64 }
        std = 6.0
        resampling = "area"
        [model.network.unet]
        width = 8
        gate_width = 8
        [data]
        batch_size = 4
        augmentation = []
        phantoms.settings.height = [256, 320]
        [loss]
        coordinates = 0.1
        [hints]
        strategy = "none"
        [optimiser]
        learning_rate = 0.02
        average = 0.8
        [schedule]
        epochs = 240
        patience = 0
        rate = "cosine"
        "#,
    )
    .expect("a config");
    let folder = tempfile::tempdir().expect("a folder");
    let mut losses = Losses::default();
    let trainer = train(&config, 4, folder.path(), &mut losses).expect("a training");
    let (first, last) = (losses.0[0], *losses.0.last().expect("steps"));
    assert!(last <= 0.1 * first, "the loss fell from {first} to {last}");
    let error = model_error(trainer.learner().result(), &config);
    assert!(error < 3.0, "the mean error is {error} px of the grid");
}

/// The mean radial error on the training images in pixels of the grid.
fn model_error(network: &Network, config: &Checked<TrainConfig>) -> f32 {
    let data = TrainingData::phantoms(config, 4).expect("phantoms");
    let loader: &Loader = data.training();
    let batch = loader.batch(0, 0).expect("a batch");
    let size = config.model.size;
    let pixels = Tensor::from_slice(&batch.images, (4, 1, size.height, size.width), &Device::Cpu)
        .and_then(|gray| gray.repeat((1, 3, 1, 1)));
    let mut interaction =
        Interaction::new(network, pixels.expect("pixels"), &batch.keypoints, Placing::default());
    interaction.predict().expect("a prediction");
    let pairs = interaction.keypoints().iter().zip(&batch.keypoints);
    let errors: Vec<f32> = pairs.flat_map(|(a, b)| a.distances(b).collect::<Vec<_>>()).collect();
    errors.iter().sum::<f32>() / errors.len() as f32
}

/// A training of about a second: three epochs of three steps of two batches.
fn tiny() -> Checked<TrainConfig> {
    TrainConfig::parse(
        r"
        save_every = 2
        [model]
        size = { width = 64, height = 64 }
        [model.network.unet]
        width = 1
        gate_width = 2
        [data]
        batch_size = 2
        workers = 2
        phantoms.settings.height = [256, 300]
        [hints.strategy.pre-hint]
        warm_up = 1
        [optimiser]
        accumulate = 2
        average = 0.9
        clip_norm = 0.5
        [schedule]
        epochs = 3
        warm_up = 0.5
        ",
    )
    .expect("a config")
}

#[test]
fn a_training_writes_checkpoints_and_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let trainer = train(&tiny(), 13, folder.path(), &mut ()).expect("a training");
    let progress = trainer.progress();
    assert_eq!((progress.epochs, progress.steps, progress.rows.len()), (3, 9, 3));
    assert_eq!(read_log(&folder.path().join("log.csv")).expect("a log"), progress.rows);
    for name in ["best", "newest"] {
        let path = folder.path().join(format!("{name}.safetensors"));
        let predictor = Predictor::load(&path).expect("a checkpoint");
        assert_eq!(*predictor.config(), tiny().model);
    }
    let newest = Checkpoint::read(folder.path().join("newest.safetensors")).expect("a checkpoint");
    let errors = newest.errors.expect("how errors vary together");
    // The mean variance is one, and no covariance exceeds the bound of Cauchy and Schwarz.
    for axis in errors.values().chunks(68 * 68) {
        let variance: f32 = axis.iter().step_by(69).sum::<f32>() / 68.0;
        assert!((variance - 1.0).abs() < 1e-4 && axis[1] == axis[68]);
        assert!(axis[1].powi(2) <= 1.0001 * axis[0] * axis[69] && axis[1] != 0.0);
    }
    let result = trainer.learner().result().parameters().state_dict();
    for (name, tensor) in &newest.tensors {
        let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
        assert_eq!(values(tensor), values(&result[name]), "{name}");
    }
}

/// Fails after some number of steps, like a crash.
struct Crash(usize);

impl Observer for Crash {
    fn step(&mut self, _: &StepReport) -> Result<()> {
        self.0 -= 1;
        if self.0 > 0 {
            return Ok(());
        }
        Err(Error::File { path: "the".into(), source: std::io::Error::other("crash").into() })
    }
}

#[test]
fn a_crashed_training_resumes_bitwise_identically() {
    let files = ["state", "best", "newest"].map(|name| format!("{name}.safetensors"));
    let whole = tempfile::tempdir().expect("a folder");
    train(&tiny(), 13, whole.path(), &mut ()).expect("a training");
    let broken = tempfile::tempdir().expect("a folder");
    // After a checkpoint, between two, and before the first of a new process.
    for steps in [3, 3, 1] {
        let error = train(&tiny(), 13, broken.path(), &mut Crash(steps)).expect_err("a crash").to_string();
        assert_eq!(error, "the: crash");
    }
    let ended = train(&tiny(), 13, broken.path(), &mut ()).expect("the rest");
    assert_eq!(ended.progress().epochs, 3);
    for name in files.iter().map(String::as_str).chain(["log.csv"]) {
        let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(name)).expect("a file");
        assert!(read(&whole) == read(&broken), "{name} differs");
    }
}

#[test]
fn the_state_of_another_training_is_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = tiny();
    let stop = AtomicBool::new(true);
    let data = TrainingData::phantoms(&config, 13).expect("phantoms");
    let mut trainer = Trainer::new(config.clone(), data, folder.path(), &Device::Cpu).expect("a trainer");
    assert_eq!(trainer.run(&mut (), &stop).expect("a step"), Ending::Interrupted);
    assert_eq!(trainer.progress(), &Progress { batches: 2, steps: 1, ..trainer.progress().clone() });

    let resume = |config: &Checked<TrainConfig>, phantoms| {
        let data = TrainingData::phantoms(config, phantoms).expect("phantoms");
        Trainer::resume(config.clone(), data, folder.path(), &Device::Cpu).map(|_| "resumed")
    };
    assert!(resume(&config, 13).is_ok());
    let mut other = config.clone().into_inner();
    other.optimiser.beta1 = 0.8;
    let other = other.checked().expect("a config");
    let error = resume(&other, 13).expect_err("another config").to_string();
    assert!(error.ends_with("state of another training: optimiser.beta1 differs"), "{error}");
    let error = resume(&config, 12).expect_err("other data").to_string();
    assert!(error.ends_with("the images or their labels differs"), "{error}");
    let state = folder.path().join("state.safetensors");
    let bytes = std::fs::read(&state).expect("the state");
    for broken in [&bytes[..bytes.len() / 2], b"", b"no state at all", &[0xff; 64]] {
        std::fs::write(&state, broken).expect("written");
        let error = resume(&config, 13).expect_err("a broken state").to_string();
        assert!(error.contains("state.safetensors: not a complete training state"), "{error}");
    }
    let too_few = TrainingData::phantoms(&config, 3).expect_err("less than a step").to_string();
    assert_eq!(too_few, "the set `train` has 3 images; expected at least 4");
}

#[test]
fn divergence_stops_the_training() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = tiny().into_inner();
    let network = Network::fresh(&config.model, 1, &Device::Cpu).expect("a network");
    let mut tensors = network.parameters().state_dict();
    let weight = tensors.get_mut("outc.aux_head.3.weight").expect("the last weight");
    *weight = Tensor::full(3e38_f32, weight.dims(), &Device::Cpu).expect("a tensor");
    let file = folder.path().join("wild.safetensors");
    let checkpoint = Checkpoint::new(config.model.clone(), tensors);
    checkpoint.write(&file, Precision::Single).expect("written");
    let text = format!("weights = {{ file = {:?} }}", file);
    config.weights = TrainConfig::parse(&text).expect("a config").weights.clone();
    let config = config.checked().expect("a config");
    let error = train(&config, 13, &folder.path().join("run"), &mut ()).expect_err("it diverges");
    let Error::Diverged { what, step, epoch, images, checkpoint, .. } = &error else { panic!("{error}") };
    assert_eq!((*what, *step, *epoch, images.len(), checkpoint.is_none()), ("loss", 1, 1, 2, true));
    let message = error.to_string();
    assert!(images.iter().all(|name| name.starts_with("phantom ") && message.contains(name)), "{message}");
    assert!(!folder.path().join("run").join("state.safetensors").exists());
}
