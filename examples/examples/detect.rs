//! Marks the keypoints of one radiograph.
//!
//! `cargo run --example detect -- IMAGE --overlay marked.png`
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use ikem_core::Spacing;
use ikem_data::{Limits, PredictionRecord, Radiograph, heatmap_overlay, load_image, match_histogram};
use ikem_examples::{
    ImageSource, ModelOptions, parse_hint, predictions_file, print_keypoints, say, write_overlay,
};
use ikem_files::{FilePlan, is_stream};
use ikem_models::Session;

/// Marks the 68 vertebra corners of a spinal radiograph. Research software, not a medical device.
#[derive(Parser)]
struct Options {
    /// A radiograph: PNG, JPEG, TIFF, BMP or DICOM, of any depth and size [default: a synthetic one]
    image: Option<PathBuf>,
    /// A correction, such as T5-TL:412.5,803 (name or index from 0; repeatable)
    #[arg(long = "hint", value_name = "KEYPOINT:X,Y")]
    hints: Vec<String>,
    /// Match the grey values to those of this image before the network sees the radiograph; overlays show the original
    #[arg(long = "match", value_name = "REFERENCE")]
    reference: Option<PathBuf>,
    /// Write the keypoints as JSON
    #[arg(long, value_name = "FILE.json")]
    output: Option<PathBuf>,
    /// Draw the keypoints over the image
    #[arg(long, value_name = "FILE.png")]
    overlay: Option<PathBuf>,
    /// Draw the heatmap of a keypoint over the image (repeatable)
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
    let hints: Vec<_> = hints.collect::<Result<_>>().context("--hint")?;
    let heatmaps = heatmaps.into_iter().map(|(keypoint, path)| Ok((skeleton.index(keypoint)?, path)));
    let heatmaps: Vec<_> = heatmaps.collect::<Result<_>>().context("--heatmap")?;

    let source = ImageSource::new(options.image.clone());
    let Radiograph { image, spacing, .. } = source.load_radiograph()?;
    let mut session = match &options.reference {
        Some(path) => {
            let reference = load_image(path, &Limits::default()).context("--match")?;
            frame.session(&predictor, &match_histogram(&image, &reference), None)?
        }
        None => frame.session(&predictor, &image, None)?,
    };
    if !hints.is_empty() {
        session.revise_all(hints).context("--hint")?;
    }
    let result = predictions_file(&session, source.name(), spacing);
    let write = |to_streams: bool| -> Result<()> {
        let wanted = |path: &Path| is_stream(path) == to_streams;
        if let Some(path) = options.output.as_deref().filter(|path| wanted(path)) {
            result.write(path)?;
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
    /// Nothing that is read may be written, and what is written is named for what it is.
    fn check_files(&self, heatmaps: &[(&str, &Path)]) -> Result<()> {
        let mut plan = FilePlan::default();
        self.model.note_files(&mut plan);
        for (what, input) in [("IMAGE", &self.image), ("--match", &self.reference)] {
            if let Some(path) = input {
                plan.reads(what, path);
            }
        }
        if let Some(path) = &self.output {
            plan.writes("--output", path, &["json"]);
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

fn write_heatmaps(session: &Session, image: &ikem_core::GrayImage, wanted: &[(usize, &Path)]) -> Result<()> {
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
