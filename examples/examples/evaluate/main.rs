//! Evaluates a network on labelled images: simulates a person's corrections and reports all published metrics.
//!
//! `cargo run --example evaluate -- --data MANIFEST --root DIR --split val --output report.json`
#![allow(clippy::print_stdout)]

mod angles;
mod names;
mod readers;
mod tables;
mod worst;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use ikem_core::{Skeleton, Spacing};
use ikem_data::Radiograph;
use ikem_eval::{
    Bootstrap, Played, Protocol, Provenance, Report, Rule, Settings, comparison_markdown, draw_comparison,
    write_comparison,
};
use ikem_examples::{FrameChoice, Labelled, ModelOptions, at_most, say};
use ikem_files::FilePlan;
use ikem_models::{PRETRAINED, Predictor};
use indicatif::ProgressBar;
use names::Names;
use sha2::{Digest, Sha256};

/// Evaluates a network on labelled images. Research software, not a medical device.
#[derive(Parser)]
struct Options {
    /// The images and labels: a manifest, COCO keypoints (.json) or a table (.csv)
    #[arg(long, value_name = "MANIFEST", required_unless_present_any = ["compare", "readers"])]
    data: Option<PathBuf>,
    /// The folder that the manifest's image paths are relative to [default: the manifest's folder]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The subset of the manifest: train, val or test
    #[arg(long, value_name = "SET", default_value = "val")]
    split: String,
    /// How many points the simulated person corrects
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_most::<1000>)]
    clicks: usize,
    /// Which point each click corrects: worst-new, worst, random or first-wrong:PIXELS (of the network's grid)
    #[arg(long, default_value = "worst-new")]
    rule: Rule,
    /// Leave out images that can't be read, differ in size from their labels, or are only partly labelled
    #[arg(long)]
    skip_broken: bool,
    /// Standard deviation of a click around the label, in pixels of the image
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0)]
    click_std: f64,
    /// The seed of the simulated person's random choices
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Targets of NoC and FR: mean radial errors in pixels of the image
    #[arg(long, value_name = "PIXELS", value_delimiter = ',', default_value = "20,30,40,50")]
    targets: Vec<f64>,
    /// Thresholds of the detection rate in pixels of the image
    #[arg(long, value_name = "PIXELS", value_delimiter = ',', default_value = "10,20,40")]
    sdr: Vec<f64>,
    /// Pixel spacing in mm for all images; X,Y where pixels are not square [default: from DICOM files]
    #[arg(long, value_name = "MM", value_parser = parse_spacing)]
    spacing: Option<Spacing>,
    /// Number of bootstrap resamples for the 95 % intervals
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = at_most::<100_000>)]
    resamples: usize,
    /// Also report figures for the images named in this file (one per line) and for the rest
    #[arg(long, value_name = "NAMES.txt")]
    subset: Option<PathBuf>,
    /// The network's name in tables and plots [default: its weights' file name]
    #[arg(long)]
    name: Option<String>,
    /// What the labels are called in the report
    #[arg(long, default_value = "as in the manifest")]
    labels: String,
    /// The report; tables (.md, .csv) and a folder of plots are written beside it
    #[arg(long, value_name = "FILE.json")]
    output: Option<PathBuf>,
    /// How many of the worst images to draw
    #[arg(long, value_name = "N", default_value_t = 5)]
    worst: usize,
    /// Only write the three challenge angles of the manifest's labels; runs no network
    #[arg(long, value_name = "FILE.csv", conflicts_with = "output")]
    angles_of_labels: Option<PathBuf>,
    /// Only compare these reports; prints the tables, or writes them to --output FILE.md with plots beside it
    #[arg(long, value_name = "FILE.json", num_args = 1.., conflicts_with = "data")]
    compare: Vec<PathBuf>,
    /// Only compare two readers of the same films, or a reader and labels: files of keypoints, or folders in which the page saved
    /// work. Prints the agreement, or writes it to --output FILE.json with tables beside it
    #[arg(long, value_names = ["A", "B"], num_args = 2, conflicts_with_all = ["data", "compare"])]
    readers: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelOptions,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if !options.readers.is_empty() {
        let bootstrap = Bootstrap { resamples: options.resamples, ..Bootstrap::default() };
        return readers::compare(&options.readers, bootstrap, options.output.as_deref());
    }
    let Some(data) = &options.data else { return options.compare() };
    let root = options.root.as_deref();
    if let Some(file) = &options.angles_of_labels {
        let labelled = Labelled::read_in_part(data, root, &Skeleton::spine())?;
        options.check_files(data, Some(&labelled))?;
        let labelled = match options.spacing {
            Some(_) => labelled.labelled_in_full(options.skip_broken)?,
            // The images, as far as they are there, tell it.
            None => labelled.with_sound_spacing(options.skip_broken)?,
        };
        angles::write(&labelled, options.spacing, file)?;
        say!("wrote {}: the angles of {} entries", file.display(), labelled.entries().len());
        return Ok(());
    }
    options.check_files(data, None)?;
    let (frame, predictor) = options.model.predictor()?;
    let labelled =
        Labelled::read_in_part(data, root, &predictor.config().skeleton)?.of_set(options.split.parse()?)?;
    options.check_files(data, Some(&labelled))?;
    options.evaluate(&predictor, frame, &labelled, data)
}

impl Options {
    /// Nothing that is read may be written, the report's tables included.
    fn check_files(&self, data: &Path, labelled: Option<&Labelled>) -> Result<()> {
        let mut plan = FilePlan::default();
        self.model.note_files(&mut plan);
        plan.reads("--data", data);
        if let Some(path) = &self.subset {
            plan.reads("--subset", path);
        }
        if let Some(labelled) = labelled {
            labelled.note_files(&mut plan);
        }
        if let Some(path) = &self.angles_of_labels {
            plan.writes("--angles-of-labels", path, &["csv"]);
        }
        if let Some(path) = &self.output {
            plan.writes("--output", path, &["json"]);
            for table in ["md", "csv"] {
                plan.writes("the report's table", path.with_extension(table), &[]);
            }
        }
        Ok(plan.check()?)
    }

    fn evaluate(
        &self,
        predictor: &Predictor,
        frame: FrameChoice,
        labelled: &Labelled,
        data: &Path,
    ) -> Result<()> {
        let config = predictor.config();
        let protocol = Protocol {
            clicks: self.clicks,
            rule: self.rule,
            click_std: self.click_std,
            seed: self.seed,
            model_size: config.size,
        };
        let bootstrap = Bootstrap { resamples: self.resamples, ..Bootstrap::default() };
        let settings = Settings {
            targets: self.targets.clone(),
            sdr: self.sdr.clone(),
            bootstrap,
            ..Settings::default()
        };
        // All that can be wrong about the options is found before the long part.
        settings.check()?;
        let names = self.subset.as_deref().map(Names::read).transpose()?;
        let labelled = &labelled.clone().sound(self.skip_broken)?;
        let mut provenance = self.provenance(predictor, data)?;
        provenance.left_out = labelled.left_out().iter().map(ToString::to_string).collect();
        if !labelled.has_sets() {
            provenance.split = Some("all: the file names no sets".to_owned());
        }

        let begun = Instant::now();
        let played = self.play(predictor, frame, labelled, &protocol)?;
        let seconds = begun.elapsed().as_secs_f64();
        let mut report = Report::new(provenance, protocol, settings, &config.skeleton, &played)?;
        if let Some(names) = names {
            report =
                report.with_subset(&names.title, &config.skeleton, &played, |image| names.contains(image))?;
        }
        // What took long is written before it is printed, which may fail.
        if let Some(output) = &self.output {
            let plots = folder_beside(output)?;
            worst::draw(&played, labelled, &config.skeleton, self.worst, &plots)?;
            write(&report, output, &plots)?;
        }
        tables::print(&report);
        say!("{} images, {} clicks each, {seconds:.1} s", played.len(), self.clicks);
        Ok(())
    }

    fn play(
        &self,
        predictor: &Predictor,
        frame: FrameChoice,
        labelled: &Labelled,
        protocol: &Protocol,
    ) -> Result<Vec<Played>> {
        let bar = ProgressBar::new(labelled.entries().len() as u64);
        let mut played = Vec::new();
        for entry in labelled.entries() {
            let Radiograph { image, spacing, .. } = labelled.radiograph(entry)?;
            let truth = labelled.truth(entry)?.with_spacing(self.spacing.or(spacing));
            let mut session = frame.session(predictor, &image, Some(entry))?;
            let doubt = session.doubt().map(|doubt| doubt.to_string());
            if let Some(doubt) = &doubt {
                bar.suspend(|| say!("{}: {doubt}", entry.name()));
            }
            let view = *session.view();
            let mut game = protocol.play(&mut session, &truth)?;
            (game.frame, game.locator_confidence, game.doubt) = (Some(view.frame), view.confidence, doubt);
            played.push(game);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(played)
    }

    fn provenance(&self, predictor: &Predictor, data: &Path) -> Result<Provenance> {
        let weights = self.model.weights.as_deref();
        let bundled = || "the bundled model".to_owned();
        let stem = weights.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        Ok(Provenance {
            name: self.name.clone().or(stem).unwrap_or_else(bundled),
            checkpoint: Some(weights.map_or_else(bundled, |path| path.display().to_string())),
            checkpoint_sha256: Some(weights.map_or_else(|| sha256_of(PRETRAINED), sha256)?),
            config: Some(serde_json::to_value(predictor.config())?),
            manifest: Some(data.display().to_string()),
            manifest_sha256: Some(sha256(data)?),
            split: Some(self.split.clone()),
            labels: Some(self.labels.clone()),
            left_out: Vec::new(),
        })
    }

    fn compare(&self) -> Result<()> {
        let mut plan = FilePlan::default();
        for path in &self.compare {
            plan.reads("--compare", path);
        }
        if let Some(path) = &self.output {
            plan.writes("--output", path, &["md"]);
        }
        plan.check()?;
        let reports =
            self.compare.iter().map(|file| Report::read_json(file)).collect::<Result<Vec<_>, _>>()?;
        let Some(output) = &self.output else {
            say!("{}", comparison_markdown(&reports).trim_end());
            return Ok(());
        };
        write_comparison(output, &reports)?;
        let plots = folder_beside(output)?;
        draw_comparison(&plots, &reports)?;
        say!("wrote {} and {} beside it", output.display(), plots.display());
        Ok(())
    }
}

/// `MM`, or `X,Y` where pixels are not square.
fn parse_spacing(text: &str) -> Result<Spacing, String> {
    let (x, y) = text.split_once(',').unwrap_or((text, text));
    let side = |text: &str| text.trim().parse().ok();
    let spacing = side(x).zip(side(y)).and_then(|(x, y)| Spacing::new(x, y));
    spacing.ok_or_else(|| "expected millimetres above zero, such as 0.14 or 0.1,0.2".to_owned())
}

/// Writes the report, its tables and its plots.
fn write(report: &Report, output: &Path, plots: &Path) -> Result<()> {
    report.write_json(output)?;
    report.write_markdown(&output.with_extension("md"))?;
    report.write_csv(&output.with_extension("csv"))?;
    report.draw(plots)?;
    say!("wrote {}, tables and {} beside it", output.display(), plots.display());
    Ok(())
}

/// `report-plots` beside `report.json`, made if it is not there.
fn folder_beside(output: &Path) -> Result<PathBuf> {
    let stem = output.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let folder = output.with_file_name(format!("{stem}-plots"));
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// The SHA-256 of a file in hexadecimal digits.
fn sha256(path: &Path) -> Result<String> {
    sha256_of(ikem_files::open(path).with_context(|| path.display().to_string())?.0)
        .with_context(|| path.display().to_string())
}

/// The SHA-256 of bytes in hexadecimal digits.
fn sha256_of(mut bytes: impl std::io::Read) -> Result<String> {
    let mut hash = Sha256::new();
    std::io::copy(&mut bytes, &mut hash)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
