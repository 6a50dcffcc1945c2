//! A training with a loss, a rule for hints and images that are not this workspace's.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use candle_core::Tensor;
use ikem_core::{Draw, GrayImage, Keypoints, Point, Size};
use ikem_data::{BatchConfig, LabelledImage, Loader, Subset};
use ikem_models::{Device, Logits};
use ikem_train::{
    Checked, HintPlan, HintStrategy, LossParts, LossValue, Objective, Observer, Result, StepReport,
    TrainConfig, Trainer, TrainingData,
};

/// An image with one bright dot, and its place.
fn dot(number: usize, set: Subset) -> LabelledImage {
    let size = Size::new(40, 80);
    let point = Point::new((5 + 7 * number % 30) as f32, (5 + 11 * number % 70) as f32);
    let pixel = |i: usize| {
        let distance = Point::new((i % 40) as f32, (i / 40) as f32).distance(point);
        if distance < 4.0 { 1.0 } else { 0.0 }
    };
    let image = GrayImage::new(size, (0..size.area()).map(pixel).collect()).expect("pixels");
    LabelledImage { name: format!("dot {number}"), image, keypoints: Keypoints::from(vec![point]), set }
}

fn dots() -> Vec<LabelledImage> {
    (0..6).map(|i| dot(i, if i < 4 { Subset::Train } else { Subset::Val })).collect()
}

fn config() -> Checked<TrainConfig> {
    TrainConfig::parse(
        r#"
        [model]
        size = { width = 64, height = 64 }
        skeleton = { names = ["dot"] }
        [model.network.unet]
        width = 1
        gate_width = 2
        [data]
        batch_size = 2
        [schedule]
        epochs = 2
        "#,
    )
    .expect("a config")
}

/// Counts how often it is asked, and always plans one hint before the first prediction.
#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl HintStrategy for Counting {
    fn plan(&self, _epoch: usize, _draw: &mut Draw) -> HintPlan {
        self.0.fetch_add(1, Ordering::SeqCst);
        HintPlan { random: 1, ..HintPlan::default() }
    }
}

/// The mean square of the logits, whatever the labels.
#[derive(Debug)]
struct Quiet;

impl Objective for Quiet {
    fn evaluate(&self, logits: &Logits, _targets: &[Keypoints]) -> Result<LossValue> {
        let total = logits.main.sqr()?.mean_all()?;
        let parts = LossParts { total: f64::from(total.to_scalar::<f32>()?), ..LossParts::default() };
        Ok(LossValue { total, parts })
    }
}

#[derive(Default)]
struct Losses(Vec<LossParts>);

impl Observer for Losses {
    fn step(&mut self, report: &StepReport) -> Result<()> {
        self.0.push(report.loss);
        Ok(())
    }
}

#[test]
fn a_training_takes_a_loss_and_a_strategy_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, asked) = (config(), Arc::new(AtomicUsize::new(0)));
    let data = TrainingData::of_images(&config, dots()).expect("data");
    let trainer = Trainer::new(config, data, folder.path(), &Device::Cpu).expect("a trainer");
    let mut trainer = trainer.with_strategy(Counting(Arc::clone(&asked))).with_objective(Quiet);
    let mut losses = Losses::default();
    trainer.run(&mut losses, &AtomicBool::new(false)).expect("a training");
    assert_eq!((asked.load(Ordering::SeqCst), losses.0.len()), (4, 4));
    assert!(losses.0.iter().all(|parts| parts.total > 0.0 && parts.cross_entropy == 0.0));
    let last = trainer.progress().rows.last().expect("an epoch");
    assert!(last.validation_first_loss > 0.0 && last.validation_first_mre.is_finite());
}

#[test]
fn images_in_memory_make_the_batches_of_their_files() {
    let (folder, config) = (tempfile::tempdir().expect("a folder"), config());
    let evaluation = BatchConfig::evaluation(config.model.preparation(), 3);
    let skeleton = &config.model.skeleton;
    let held = Loader::of_images(dots(), skeleton.clone(), evaluation.clone()).expect("a loader");
    let (mut entries, images) = LabelledImage::split(dots(), skeleton).expect("entries");
    for entry in &mut entries {
        let image = &images[&entry.image_path];
        entry.image_path += ".png";
        ikem_data::write_gray_png(folder.path().join(&entry.image_path), image).expect("written");
    }
    let read = Loader::new(folder.path(), entries, skeleton.clone(), evaluation).expect("a loader");
    for step in 0..2 {
        assert_eq!(held.batch(0, step).expect("a batch"), read.batch(0, step).expect("a batch"));
    }
    let batch = held.batch(0, 0).expect("a batch");
    let (values, shape) = batch.pixels();
    let pixels = Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor");
    assert_eq!(pixels.dims(), [3, 3, 64, 64]);
    let channel = |c| pixels.get(1).and_then(|t| t.get(c)?.flatten_all()?.to_vec1::<f32>()).expect("values");
    assert_eq!(channel(0), batch.images[64 * 64..2 * 64 * 64]);
    assert_eq!(channel(0), channel(2));
}

#[test]
fn wrong_images_in_memory_are_told() {
    let config = config();
    let error = |images| TrainingData::of_images(&config, images).expect_err("wrong images").to_string();
    let twice = dots().into_iter().chain([dot(0, Subset::Val)]).collect();
    assert!(error(twice).contains("dot 0 twice"));
    let mut two = dots();
    two[1].keypoints = Keypoints::from(vec![Point::new(1.0, 1.0); 2]);
    assert!(error(two).contains("expected 1 values, found 2"));
    assert!(error(vec![dot(0, Subset::Train), dot(1, Subset::Train)]).contains("the set `val` has 0 images"));
}
