//! Turns the AASCE data set, as downloaded, into a manifest, and checks its labels.
//!
//! `cargo run --example preprocess -- --root boostnet_labeldata --split split.json --output aasce.json`
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ikem_core::Skeleton;
use ikem_data::{
    AuditReport, LabelPolicy, Limits, Manifest, ManifestIndex, Split, Splitting, Subset, clean, load_image,
    overlay, read_aasce,
};
use ikem_examples::say;
use ikem_files::FilePlan;

/// Reads the AASCE data set, checks its labels and writes a manifest.
#[derive(Parser)]
struct Options {
    /// The folder that holds data/training and labels/training, data/test and labels/test, or one of the two pairs
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// The manifest to write
    #[arg(long, value_name = "FILE.json")]
    output: PathBuf,
    /// Use the training and validation images listed in this file
    #[arg(long, value_name = "FILE.json", conflicts_with = "validation")]
    split: Option<PathBuf>,
    /// Choose this many training images for validation at random; images of one study stay together
    #[arg(long, value_name = "COUNT")]
    validation: Option<usize>,
    /// The seed of that choice
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// raw: labels as published; repaired: fix faults that have exactly one fix; strict: also leave out what is still wrong
    #[arg(long, default_value = "raw")]
    labels: LabelPolicy,
    /// Write the findings of the checks as text, or as JSON to a file that ends in .json (repeatable)
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<PathBuf>,
    /// Draw the published labels of every image with findings into this folder
    #[arg(long, value_name = "DIR")]
    overlays: Option<PathBuf>,
    /// Also write the labels as COCO keypoints
    #[arg(long, value_name = "FILE.json")]
    coco: Option<PathBuf>,
    /// Also write the labels as CSV
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    options.check_files()?;
    let splitting = match (&options.split, options.validation) {
        (Some(path), _) => Splitting::Given(Split::read(path)?),
        (None, Some(count)) => Splitting::Drawn { count, seed: options.seed },
        (None, None) => Splitting::None,
    };
    let found = read_aasce(&options.root, &splitting)?;
    for problem in &found.problems {
        eprintln!("{problem}");
    }
    let skeleton = Skeleton::spine();
    let published = found.manifest;
    let mut manifest = published.clone();
    let report = clean(&mut manifest, &skeleton, options.labels);
    manifest.write(&options.output)?;
    if let Some(path) = &options.coco {
        manifest.write_coco(path, &skeleton)?;
    }
    if let Some(path) = &options.csv {
        manifest.write_csv(path, &skeleton)?;
    }
    for path in &options.reports {
        match path.extension().is_some_and(|ending| ending == "json") {
            true => report.write_json(path)?,
            false => report.write_text(path)?,
        }
    }
    if let Some(folder) = &options.overlays {
        draw(&options, folder, &published, &report, &skeleton)?;
    }
    summarise(&manifest, &report, found.problems.len(), &options.output);
    if manifest.entries.is_empty() {
        bail!("no image has usable labels; the problems are listed above");
    }
    Ok(())
}

impl Options {
    /// Nothing that is read may be written.
    fn check_files(&self) -> Result<()> {
        let mut plan = self.files_read();
        plan.writes("--output", &self.output, &["json"]);
        if let Some(path) = &self.coco {
            plan.writes("--coco", path, &["json"]);
        }
        if let Some(path) = &self.csv {
            plan.writes("--csv", path, &["csv"]);
        }
        for path in &self.reports {
            plan.writes("--report", path, &["json", "txt", "md", "log"]);
        }
        Ok(plan.check()?)
    }

    fn files_read(&self) -> FilePlan {
        let mut plan = FilePlan::default();
        for folder in ["data", "labels"] {
            plan.reads_folder("--root", self.root.join(folder));
        }
        if let Some(path) = &self.split {
            plan.reads("--split", path);
        }
        plan
    }
}

/// Draws the published labels of every image with findings; the corners that they are about are ringed.
fn draw(
    options: &Options,
    folder: &Path,
    published: &Manifest,
    report: &AuditReport,
    skeleton: &Skeleton,
) -> Result<()> {
    let picture_of = |name: &str| folder.join(Path::new(name).with_extension("png"));
    let mut plan = options.files_read();
    let index = ManifestIndex::new(published);
    let entry_of = |image: &str| {
        let entry = index.find(Path::new(image)).and_then(|place| published.entries.get(place));
        entry.context("a finding has an entry")
    };
    for finding in &report.findings {
        let entry = entry_of(&finding.image_path)?;
        plan.writes("--overlays", picture_of(entry.name()), &["png"]);
    }
    plan.check()?;
    for finding in &report.findings {
        let entry = entry_of(&finding.image_path)?;
        let image = match load_image(options.root.join(&entry.image_path), &Limits::default()) {
            Ok(image) => image,
            // The manifest is written; a picture that can't be drawn is no reason to end.
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        let mut marked: Vec<usize> =
            finding.faults.iter().flat_map(|fault| fault.keypoints(skeleton)).collect();
        marked.sort_unstable();
        marked.dedup();
        let picture = overlay(&image, skeleton, &entry.keypoints(), &marked)?;
        picture.write_png(picture_of(entry.name()))?;
    }
    Ok(())
}

fn summarise(manifest: &Manifest, report: &AuditReport, problems: usize, output: &Path) {
    say!("{} images read; {problems} problems, listed above", report.total);
    for (check, count) in report.counts() {
        say!("  {count:4} images: {check}");
    }
    let repaired = report.images(|finding| !finding.repaired.is_empty()).count();
    say!("labels {:?}: {repaired} repaired, {} left out", report.policy, report.total - report.kept);
    let sets = [Subset::Train, Subset::Val, Subset::Test]
        .map(|set| format!("{} {}", manifest.of_set(set).entries.len(), set.name()));
    say!("{}: {}", output.display(), sets.join(", "));
}
