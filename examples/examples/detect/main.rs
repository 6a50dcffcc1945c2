//! Marks the keypoints of one radiograph, or of many.
//!
//! `cargo run --example detect -- IMAGE --overlay marked.png`
//! `cargo run --example detect -- FOLDER --output keypoints.csv`
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod many;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ikem_core::{GrayImage, Hint, Spacing};
use ikem_data::{Limits, PredictionRecord, Radiograph, heatmap_overlay, load_image, match_histogram};
use ikem_examples::{
    Films, ImageSource, ModelOptions, are_several, films_of, parse_hint, predictions_file, print_keypoints,
    say, write_overlay,
};
use ikem_files::{FilePlan, is_stream};
use ikem_models::Session;

use many::{Many, is_table, write_table};

/// Marks the 68 vertebra corners of a spinal radiograph. Research software, not a medical device.
#[derive(Parser)]
struct Options {
    /// Radiographs: PNG, JPEG, TIFF, BMP or DICOM, of any depth and size, folders of them, or patterns such as 'films/*.png'
    /// [default: a synthetic one]
    #[arg(value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// A correction, such as T5-TL:412.5,803 (name or index from 0; repeatable; one IMAGE only)
    #[arg(long = "hint", value_name = "KEYPOINT:X,Y")]
    hints: Vec<String>,
    /// Match the grey values to those of this image before the network sees the radiograph; overlays show the original
    #[arg(long = "match", value_name = "REFERENCE")]
    reference: Option<PathBuf>,
    /// Write the keypoints as JSON or as a table, FILE.csv; of several films a file each into this folder, or all into one table
    #[arg(long, value_name = "FILE.json")]
    output: Option<PathBuf>,
    /// Draw the keypoints over the image; of several films a picture each into this folder
    #[arg(long, value_name = "FILE.png")]
    overlay: Option<PathBuf>,
    /// Draw the heatmap of a keypoint over the image (repeatable; one IMAGE only)
    #[arg(long = "heatmap", value_name = "KEYPOINT=FILE.png")]
    heatmaps: Vec<String>,
    #[command(flatten)]
    model: ModelOptions,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if are_several(&options.images) { mark_several(&options) } else { mark_one(&options) }
}

fn mark_several(options: &Options) -> Result<()> {
    for (option, is_empty) in
        [("--hint", options.hints.is_empty()), ("--heatmap", options.heatmaps.is_empty())]
    {
        if !is_empty {
            bail!("{option}: expected one IMAGE, not several");
        }
    }
    let Films { paths: films, left_out } = films_of(&options.images)?;
    let (output, overlay) = (options.output.as_deref(), options.overlay.as_deref());
    many::check_folders(output, overlay)?;
    let mut plan = options.files_read();
    many::note_files(&mut plan, &films, output, overlay);
    plan.check()?;
    for line in left_out {
        eprintln!("left out: {line}");
    }
    let (frame, predictor) = options.model.predictor()?;
    let reference = options.reference()?;
    Many { films, output, overlay, frame, predictor: &predictor, reference: reference.as_ref() }.run()
}

fn mark_one(options: &Options) -> Result<()> {
    let heatmaps = options.heatmaps.iter().map(|text| {
        let (keypoint, path) = text.split_once('=').context("expected KEYPOINT=FILE.png")?;
        Ok((keypoint, Path::new(path)))
    });
    let heatmaps: Vec<_> = heatmaps.collect::<Result<_>>().context("--heatmap")?;
    options.check_files(&heatmaps)?;
    let (frame, predictor) = options.model.predictor()?;
    let skeleton = &predictor.config().skeleton;
    let hints = options.hints.iter().map(|text| {
        let (keypoint, place) = text.split_once(':').context("expected KEYPOINT:X,Y")?;
        parse_hint(skeleton, keypoint, place)
    });
    let hints: Vec<Hint> = hints.collect::<Result<_>>().context("--hint")?;
    if let Some(name) = hinted_twice(&hints).and_then(|keypoint| skeleton.names().get(keypoint)) {
        bail!("--hint: expected one correction for each point, found two for {name}");
    }
    let heatmaps = heatmaps.into_iter().map(|(keypoint, path)| Ok((skeleton.index(keypoint)?, path)));
    let heatmaps: Vec<_> = heatmaps.collect::<Result<_>>().context("--heatmap")?;

    let source = ImageSource::new(options.images.first().cloned());
    let Radiograph { image, spacing, .. } = source.load_radiograph()?;
    let mut session = match options.reference()? {
        Some(reference) => frame.session(&predictor, &match_histogram(&image, &reference), None)?,
        None => frame.session(&predictor, &image, None)?,
    };
    if !hints.is_empty() {
        session.revise_all(hints).context("--hint")?;
    }
    let result = predictions_file(&session, source.name(), spacing)?;
    let write = |to_streams: bool| -> Result<()> {
        let wanted = |path: &Path| is_stream(path) == to_streams;
        if let Some(path) = options.output.as_deref().filter(|path| wanted(path)) {
            match is_table(path) {
                true => write_table(path, vec![result.clone()])?,
                false => result.write(path)?,
            }
        }
        if let Some(path) = options.overlay.as_deref().filter(|path| wanted(path)) {
            write_overlay(&session, &image, path)?;
        }
        let heatmaps: Vec<_> = heatmaps.iter().copied().filter(|(_, path)| wanted(path)).collect();
        write_heatmaps(&session, &image, &heatmaps)
    };
    // Files first, since printing may fail; what goes into standard output follows what is printed.
    write(false)?;
    print_findings(&session, &result, spacing);
    write(true)
}

/// A keypoint for which there are several hints.
fn hinted_twice(hints: &[Hint]) -> Option<usize> {
    let mut known = BTreeSet::new();
    hints.iter().map(|hint| hint.keypoint).find(|&keypoint| !known.insert(keypoint))
}

fn print_findings(session: &Session, result: &PredictionRecord, spacing: Option<Spacing>) {
    print_keypoints(session);
    if let Some([a, b, c]) = result.cobb {
        say!("Cobb angles (challenge convention): {a:.1}°, {b:.1}°, {c:.1}°");
    }
    if let Some(spacing) = spacing {
        let smaller = spacing.enlarging_plane().map_or("", |_| "; lengths in the patient are smaller");
        say!("Pixel spacing: {spacing}{smaller}");
    }
}

impl Options {
    /// The image whose grey values are matched, if one is given.
    fn reference(&self) -> Result<Option<GrayImage>> {
        let load = |path| load_image(path, &Limits::default()).context("--match");
        self.reference.as_ref().map(load).transpose()
    }

    /// The files that are read, without the images.
    fn files_read(&self) -> FilePlan {
        let mut plan = FilePlan::default();
        self.model.note_files(&mut plan);
        if let Some(path) = &self.reference {
            plan.reads("--match", path);
        }
        plan
    }

    /// Nothing that is read may be written, and what is written is named for what it is.
    fn check_files(&self, heatmaps: &[(&str, &Path)]) -> Result<()> {
        let mut plan = self.files_read();
        if let Some(path) = self.images.first() {
            plan.reads("IMAGE", path);
        }
        if let Some(path) = &self.output {
            plan.writes("--output", path, &["json", "csv"]);
        }
        if let Some(path) = &self.overlay {
            plan.writes("--overlay", path, &["png"]);
        }
        for (_, path) in heatmaps {
            plan.writes("--heatmap", *path, &["png"]);
        }
        Ok(plan.check()?)
    }
}

fn write_heatmaps(session: &Session, image: &GrayImage, wanted: &[(usize, &Path)]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let maps = session.heatmaps()?;
    for (keypoint, path) in wanted {
        let map = maps.map(*keypoint).context("no such heatmap")?;
        heatmap_overlay(image, map, session.prediction().frame())?.write_png(path)?;
    }
    Ok(())
}
