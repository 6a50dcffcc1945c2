//! Trains a network, and compares training runs.
//!
//! `cargo run --release --example train -- --config configs/compact.toml --manifest aasce.json --output runs/compact`
#![allow(clippy::print_stdout)]

mod locator;
mod parts;
mod progress_bars;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ikem_core::Skeleton;
use ikem_data::{Manifest, Subset};
use ikem_examples::{ComputeOptions, FolderLocks, Labelled, MOST_THREADS, at_most, say, stop_on_signals};
use ikem_files::FilePlan;
use ikem_train::{
    CornerTrainConfig, DataPlan, Ending, EventWriter, LocatorTrainConfig, PartTrainConfig,
    RefinerTrainConfig, Run, TrainConfig, Trainer, TrainingData, curve_files, draw_curves, read_log,
};
use locator::{FilmOptions, Locating};

use progress_bars::ProgressBars;

/// In a file without subsets, every n-th image is held out for validation.
const HELD_OUT: usize = 5;
/// The most synthetic radiographs to train on.
const MOST_PHANTOMS: usize = 1_000_000;
/// The most that is read of a config, in bytes.
const LONGEST_CONFIG: u64 = 1 << 20;

/// Trains a network. Ctrl-C stops after the current step and writes a checkpoint; `--resume` continues.
#[derive(Parser)]
struct Options {
    /// The training config; see `configs/`
    #[arg(long, value_name = "FILE.toml", required_unless_present = "compare")]
    config: Option<PathBuf>,
    /// Labelled images in the sets `train` and `val`: a manifest from `preprocess`, COCO keypoints (.json) or a table (.csv)
    #[arg(long, value_name = "FILE.json", required_unless_present_any = ["phantoms", "compare", "whole_films", "spinal_ai"])]
    manifest: Option<PathBuf>,
    /// The folder that the manifest's image paths are relative to [default: the manifest's folder]
    #[arg(long, value_name = "DIR", requires = "manifest")]
    root: Option<PathBuf>,
    /// Leave out images that can't be read, differ in size from their labels, or are only partly labelled
    #[arg(long)]
    skip_broken: bool,
    /// Train on this many synthetic radiographs instead of labelled images
    #[arg(long, value_name = "COUNT", conflicts_with = "manifest", value_parser = at_most::<MOST_PHANTOMS>)]
    phantoms: Option<usize>,
    #[command(flatten)]
    films: FilmOptions,
    /// The folder for checkpoints, log and curves; with `--compare`, for the curves
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Resume the interrupted training in --output, if there is one
    #[arg(long)]
    resume: bool,
    /// Write event files for TensorBoard into this folder
    #[arg(long, value_name = "DIR", requires = "config")]
    tensorboard: Option<PathBuf>,
    /// Also write a checkpoint every STEPS steps [default: as the config says]
    #[arg(long, value_name = "STEPS")]
    save_every: Option<usize>,
    /// Where to compute: cpu, or cuda:0 in a build with `--features cuda` [default: as the config says]
    #[arg(long)]
    device: Option<String>,
    /// CPU threads [default: as the config says]
    #[arg(long, value_name = "N", value_parser = at_most::<MOST_THREADS>)]
    threads: Option<usize>,
    /// Only plot the curves of several trainings together; trains nothing
    #[arg(long, value_name = "LOG.csv", num_args = 1.., conflicts_with_all = ["config", "manifest", "phantoms", "resume"])]
    compare: Vec<PathBuf>,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    match &options.config {
        Some(path) => train(&options, path),
        None => compare(&options),
    }
}

fn train(options: &Options, path: &Path) -> Result<()> {
    match kind(path)? {
        Kind::Keypoints => {}
        Kind::Locator => {
            return options.refuse_keypoint_options().and_then(|()| train_locator(options, path));
        }
        Kind::Corners => {
            return options.refuse_keypoint_options().and_then(|()| parts::corners(options, path));
        }
        Kind::Refiner => {
            return options.refuse_keypoint_options().and_then(|()| parts::refiner(options, path));
        }
    }
    let mut config = TrainConfig::read(path)?.into_inner();
    config.save_every = options.save_every.unwrap_or(config.save_every);
    config.threads = options.threads.or(config.threads);
    config.device = options.device.clone().unwrap_or(config.device);
    let config = config.checked()?;
    let mut plan = options.files();
    plan.reads("--config", path);
    if let Some(weights) = &config.weights {
        plan.reads("the config's weights", &weights.file);
    }
    plan.check()?;
    let folder = &options.output;
    let goes_on = goes_on(options)?;
    let compute = ComputeOptions { device: config.device.clone(), threads: config.threads };
    let device = compute.start()?;
    let data = data(options, &config, &config.model.skeleton, &mut plan)?;
    say!("{} training and {} validation images", data.training().images(), data.validation().images());
    let _lock = lock(folder)?;
    let (stop, mut bars) = (stop_on_signals()?, ProgressBars::new(config.schedule.epochs));
    let mut trainer = match goes_on {
        true => Trainer::resume(config, data, folder, &device)?,
        false => Trainer::new(config, data, folder, &device)?,
    };
    let ending = match &options.tensorboard {
        Some(folder) => trainer.run(&mut (&mut bars, EventWriter::new(folder)?), &stop)?,
        None => trainer.run(&mut bars, &stop)?,
    };
    bars.finish();
    let progress = trainer.progress();
    if !progress.rows.is_empty() {
        draw_curves(&[Run { name: name_of(folder), rows: progress.rows.clone() }], folder)?;
    }
    say!(
        "{}",
        match ending {
            Ending::Finished => "all epochs are done".to_owned(),
            Ending::EarlyStopped => "stopped: the validation error does not fall any more".to_owned(),
            Ending::Interrupted => "interrupted; --resume goes on".to_owned(),
        }
    );
    if let Some((epoch, error)) = progress.best {
        say!(
            "best: epoch {epoch}, {error:.2} px after one hint; checkpoints, log and curves in {}",
            folder.display()
        );
    }
    Ok(())
}

/// The network that a config trains.
enum Kind {
    Keypoints,
    Locator,
    Corners,
    Refiner,
}

/// The network that the config at `path` trains.
fn kind(path: &Path) -> Result<Kind> {
    let named = || path.display().to_string();
    let mut text = String::new();
    ikem_files::open(path)
        .with_context(named)?
        .0
        .take(LONGEST_CONFIG)
        .read_to_string(&mut text)
        .with_context(named)?;
    Ok(match &text {
        text if LocatorTrainConfig::is_meant_by(text) => Kind::Locator,
        text if CornerTrainConfig::is_meant_by(text) => Kind::Corners,
        text if RefinerTrainConfig::is_meant_by(text) => Kind::Refiner,
        _ => Kind::Keypoints,
    })
}

/// Locks the folder of a training, so that no other one writes into it.
fn lock(folder: &Path) -> Result<FolderLocks> {
    std::fs::create_dir_all(folder).with_context(|| format!("--output {}", folder.display()))?;
    FolderLocks::take([folder.to_owned()].into_iter())
}

/// Whether the folder holds a training that goes on.
fn goes_on(options: &Options) -> Result<bool> {
    let goes_on = Trainer::can_resume(&options.output);
    if goes_on && !options.resume {
        let folder = options.output.display();
        bail!("{folder} holds a training; add --resume to go on with it, or name another folder");
    }
    Ok(goes_on)
}

fn train_locator(options: &Options, path: &Path) -> Result<()> {
    let mut config = LocatorTrainConfig::read(path)?.into_inner();
    config.threads = options.threads.or(config.threads);
    let config = config.checked()?;
    let mut plan = options.files();
    plan.reads("--config", path);
    if let Some(weights) = &config.weights {
        plan.reads("the config's weights", weights);
    }
    plan.check()?;
    let device = options.device.clone().unwrap_or_else(|| "cpu".to_owned());
    let compute = ComputeOptions { device, threads: config.threads };
    let training = Locating {
        config,
        films: &options.films,
        manifest: options.manifest.as_deref(),
        root: options.root.as_deref(),
        folder: &options.output,
        resume: goes_on(options)?,
        skip_broken: options.skip_broken,
        plan,
    };
    training.run(&compute, &*stop_on_signals()?)
}

impl Options {
    /// Refuses the options that only trainings of keypoint networks have.
    fn refuse_keypoint_options(&self) -> Result<()> {
        if self.tensorboard.is_some() {
            bail!(
                "--tensorboard: only trainings of keypoint networks write event files; log.csv has the same figures"
            );
        }
        if self.save_every.is_some() {
            bail!("--save-every: a training of this kind writes a checkpoint after each epoch");
        }
        Ok(())
    }

    /// The manifest, which is read, and the files of the training, which are written.
    fn files(&self) -> FilePlan {
        let mut plan = FilePlan::default();
        if let Some(path) = &self.manifest {
            plan.reads("--manifest", path);
        }
        for file in Trainer::files(&self.output) {
            plan.writes("--output", file, &[]);
        }
        plan
    }
}

/// The images to learn from; they are checked to be no files that `plan` writes.
fn data<'a>(
    options: &Options,
    config: impl Into<DataPlan<'a>>,
    skeleton: &Skeleton,
    plan: &mut FilePlan,
) -> Result<TrainingData> {
    if let Some(count) = options.phantoms {
        return Ok(TrainingData::phantoms(config, count)?);
    }
    let path = options.manifest.as_deref().context("--manifest: expected a manifest")?;
    let labelled = Labelled::read_in_part(path, options.root.as_deref(), skeleton)?;
    // All are decoded once: what is wrong is told before hours have passed, not in the middle of an epoch.
    let labelled = labelled.without_set(Subset::Test).sound(options.skip_broken)?;
    labelled.note_files(plan);
    plan.check()?;
    if let Some(line) = labelled.in_two_sets() {
        say!("{}: {line}", path.display());
    }
    let mut manifest = Manifest { entries: labelled.entries().to_vec() };
    if !labelled.has_sets() {
        hold_out(&mut manifest, path);
    }
    Ok(TrainingData::new(config, &manifest, labelled.root())?)
}

/// Holds out every n-th image for validation if the file names no subsets.
fn hold_out(manifest: &mut Manifest, path: &Path) {
    let all = manifest.entries.len();
    let held_out = manifest.entries.iter_mut().skip(all.clamp(1, HELD_OUT) - 1).step_by(HELD_OUT);
    let count = held_out.map(|entry| entry.set = Subset::Val).count();
    say!("{} names no sets: {count} of {all} images, every {HELD_OUT}th, validate", path.display());
}

fn compare(options: &Options) -> Result<()> {
    let run = |path: &PathBuf| -> Result<Run> {
        let folder = path.parent().map(name_of).filter(|name| !name.is_empty());
        let name = folder.unwrap_or_else(|| path.display().to_string());
        let rows = read_log(path)?;
        if rows.is_empty() {
            bail!("{}: the log has no epoch yet", path.display());
        }
        Ok(Run { name, rows })
    };
    let runs = options.compare.iter().map(run).collect::<Result<Vec<_>>>()?;
    let mut plan = FilePlan::default();
    for log in &options.compare {
        plan.reads("--compare", log);
    }
    for file in curve_files(&options.output) {
        plan.writes("--output", file, &[]);
    }
    plan.check()?;
    std::fs::create_dir_all(&options.output)
        .with_context(|| format!("--output {}", options.output.display()))?;
    for file in draw_curves(&runs, &options.output)? {
        say!("{}", file.display());
    }
    Ok(())
}

/// The last part of a folder's path.
fn name_of(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
