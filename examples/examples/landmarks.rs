//! Another anatomy, from drawn images to a trained network that a person can correct: the worked example for skeletons of
//! your own.
//!
//! `cargo run --example landmarks` draws "pelves", two bright discs joined by an arch, trains a small network on them in
//! a few seconds, and marks new ones. Replace `drawn` by images and labels of your own.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ikem_core::{Draw, GrayImage, Hint, Keypoints, Point, Size};
use ikem_data::{LabelledImage, Subset};
use ikem_examples::say;
use ikem_models::{Device, Predictor};
use ikem_train::{EpochRow, Observer, TrainConfig, Trainer, TrainingData};

/// Trains a network for another anatomy on drawn images.
#[derive(Parser)]
struct Options {
    /// The folder of the training; its checkpoint best.safetensors can be used by all programs (--weights)
    #[arg(long, value_name = "DIR", default_value = "landmarks")]
    output: PathBuf,
    /// The epochs of the training
    #[arg(long, value_name = "N", default_value_t = 25)]
    epochs: usize,
}

/// The network: its input, its keypoints and how it learns. `flip_pairs` are the points that swap in a mirror.
const CONFIG: &str = r#"
[model]
size = { width = 64, height = 64 }
std = 4.0
[model.skeleton]
names = ["left hip", "right hip", "top"]
flip_pairs = [[0, 1]]
edges = [[0, 2], [2, 1]]
[model.network.unet]
width = 8
gate_width = 8
[data]
batch_size = 8
[loss]
coordinates = 0.1
[hints.strategy.pre-hint]
warm_up = 10
[optimiser]
learning_rate = 0.01
average = 0.9
[schedule]
rate = "cosine"
"#;

/// The images of the training and of the validation.
const IMAGES: (usize, usize) = (64, 16);
/// The size of the drawn images, in pixels.
const SIZE: Size = Size::new(160, 160);

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if Trainer::files(&options.output).iter().any(|file| file.exists()) {
        bail!("--output {}: there is a training already; name another folder", options.output.display());
    }
    let mut config = TrainConfig::parse(CONFIG)?.into_inner();
    config.schedule.epochs = options.epochs;
    let config = config.checked()?;

    // 1. Labelled images, here in memory; `TrainingData::new` reads them from files, by a manifest.
    let set = |number| if number < IMAGES.0 { Subset::Train } else { Subset::Val };
    let images = (0..IMAGES.0 + IMAGES.1).map(|number| drawn(number, set(number)));
    let data = TrainingData::of_images(&config, images.collect::<Result<_>>()?)?;

    // 2. A training.
    let mut trainer = Trainer::new(config, data, &options.output, &Device::Cpu)?;
    trainer.run(&mut Lines, &AtomicBool::new(false))?;

    // 3. Its network, on images that it has not seen.
    let weights = options.output.join("best.safetensors");
    let predictor = Predictor::load(&weights)?;
    let new: Vec<LabelledImage> =
        (1000..1016).map(|number| drawn(number, Subset::Test)).collect::<Result<_>>()?;
    let films: Vec<GrayImage> = new.iter().map(|image| image.image.clone()).collect();
    let predictions = predictor.predict_batch(&films)?;
    let errors = predictions.iter().zip(&new).flat_map(|(found, image)| {
        found.keypoints().iter().zip(image.keypoints.iter()).map(|(a, b)| a.distance(*b)).collect::<Vec<_>>()
    });
    let (sum, count) = errors.fold((0.0, 0.0), |(sum, count), error| (sum + error, count + 1.0));
    say!("mean error on new images: {:.2} px, on images of {SIZE}", sum / count);

    // 4. A correction of one of them: the other points follow.
    let (image, mut session) =
        (new.first().context("no image")?, predictor.session(films.first().context("no image")?)?);
    let skeleton = &predictor.config().skeleton;
    let top = skeleton.index("top")?;
    session.revise(Hint::new(top, image.keypoints[top]))?;
    for (name, point) in skeleton.names().iter().zip(session.keypoints().iter()) {
        say!("{name}: {:.1}, {:.1}", point.x, point.y);
    }
    say!("wrote {}", weights.display());
    Ok(())
}

/// Image `number`: two discs joined by an arch, somewhere, of some size and tilt, under noise.
fn drawn(number: usize, set: Subset) -> Result<LabelledImage> {
    let mut draw = Draw::new(7, &[number as u64]);
    let (width, height) = (SIZE.width as f64, SIZE.height as f64);
    let half = draw.within([0.18, 0.28]) * width;
    let (sin, cos) = draw.within([-0.3, 0.3]).sin_cos();
    let middle = [draw.within([0.4, 0.6]) * width, draw.within([0.5, 0.7]) * height];
    let rise = draw.within([0.8, 1.2]) * half;
    let radius = draw.within([0.25, 0.4]) * half;
    let at = |right: f64, up: f64| [middle[0] + right * cos + up * sin, middle[1] + right * sin - up * cos];
    let point = |[x, y]: [f64; 2]| Point::new(x as f32, y as f32);
    let (left, right, top) = (point(at(-half, 0.0)), point(at(half, 0.0)), point(at(0.0, rise)));
    // The arch is a parabola through the three points.
    let arch: Vec<Point> = (-20..=20)
        .map(|step| f64::from(step) / 20.0)
        .map(|place| point(at(place * half, rise * (1.0 - place * place))))
        .collect();
    let ground = draw.within([0.1, 0.3]);
    let pixel = |i: usize| {
        let here = Point::new((i % SIZE.width) as f32, (i / SIZE.width) as f32);
        let disc = here.distance(left).min(here.distance(right)) < radius as f32;
        let on_arch = arch.iter().any(|place| here.distance(*place) < 4.0);
        let value = ground + if disc { 0.5 } else { 0.0 } + if on_arch { 0.3 } else { 0.0 };
        (value + draw.within([-0.1, 0.1])).clamp(0.0, 1.0) as f32
    };
    let image = GrayImage::new(SIZE, (0..SIZE.area()).map(pixel).collect())?;
    Ok(LabelledImage {
        name: format!("pelvis {number}"),
        image,
        keypoints: Keypoints::from(vec![left, right, top]),
        set,
    })
}

/// Prints a line every few epochs.
struct Lines;

impl Observer for Lines {
    fn epoch(&mut self, row: &EpochRow, _steps: usize, _best: bool) -> ikem_train::Result<()> {
        if row.epoch.is_multiple_of(5) {
            let (first, second) = (row.validation_first_mre, row.validation_second_mre);
            say!("epoch {}: error {first:.2} px, with one hint {second:.2} px", row.epoch);
        }
        Ok(())
    }
}
