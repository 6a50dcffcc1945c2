//! Names vertebrae that are marked but not named, by agreement with a network, so that the films can be used for training.
//!
//! `cargo run --example name_films -- --spinal-ai SPINAL_AI --output named.json`
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ikem_core::{Frame, Keypoints, Point, Size, Skeleton};
use ikem_data::{
    Film, Limits, Manifest, ManifestEntry, Subset, load_image, read_spinal_ai, read_whole_films,
};
use ikem_examples::{ModelOptions, say};
use ikem_files::FilePlan;
use ikem_models::Predictor;
use rayon::prelude::*;

/// Names the vertebrae of training films that were marked without names, and writes a manifest of those where a network agrees.
#[derive(Parser)]
struct Options {
    /// The folder of the Spinal-AI2024 data set, with quads.json
    #[arg(long, value_name = "DIR", required_unless_present = "whole_films")]
    spinal_ai: Option<PathBuf>,
    /// The folder of whole films with boxes.json. Boxes are no corners: their names are for a locator (`train --names`)
    #[arg(long, value_name = "DIR")]
    whole_films: Option<PathBuf>,
    /// The manifest to write, with absolute paths
    #[arg(long, value_name = "FILE.json")]
    output: PathBuf,
    /// Add the images of this manifest
    #[arg(long, value_name = "MANIFEST")]
    with: Option<PathBuf>,
    /// The folder that the manifest's image paths are relative to [default: the manifest's folder]
    #[arg(long, value_name = "DIR", requires = "with")]
    root: Option<PathBuf>,
    /// How often to repeat each training image of that manifest in each epoch
    #[arg(long, value_name = "N", default_value_t = 1, requires = "with")]
    times: usize,
    #[command(flatten)]
    model: ModelOptions,
}

/// A film whose vertebrae have names, and how much wider and higher the network sees them than they are marked.
struct Named {
    film: Film,
    size: Size,
    keypoints: Keypoints,
    larger: [f32; 2],
}

/// How films of a kind get names.
type Naming = fn(Film, &Predictor) -> Result<Option<Named>>;

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if options.model.frame.is_some() {
        bail!("--frame: each film is framed around its marks");
    }
    options.check_files(&[])?;
    let (_, predictor) = options.model.predictor()?;
    let skeleton = &predictor.config().skeleton;
    let mut entries = others(&options, skeleton)?;
    options.check_files(&entries)?;
    let mut add = |named: &Named, keypoints: &Keypoints| -> Result<()> {
        let path = absolute(&named.film.path)?;
        entries.push(ManifestEntry::from_keypoints(path, keypoints, named.size, named.film.set, skeleton));
        Ok(())
    };
    if let Some(folder) = &options.spinal_ai {
        let named = all_named(read_spinal_ai(folder)?, &predictor, name_torso)?;
        let mean =
            |axis: usize| named.iter().map(|n| n.larger[axis]).sum::<f32>() / named.len().max(1) as f32;
        let larger = [mean(0), mean(1)];
        named.iter().try_for_each(|named| add(named, &resized(&named.keypoints, larger)))?;
        let [width, height] = larger;
        say!("vertebrae are made {width:.3} times as wide and {height:.3} times as high as marked");
    }
    if let Some(folder) = &options.whole_films {
        let named = all_named(read_whole_films(folder)?, &predictor, name_whole)?;
        named.iter().try_for_each(|named| add(named, &named.keypoints))?;
    }
    Manifest { entries }.write(&options.output)?;
    Ok(())
}

impl Options {
    /// Nothing that is read may be written; `others` are the entries of the other manifest.
    fn check_files(&self, others: &[ManifestEntry]) -> Result<()> {
        let mut plan = FilePlan::default();
        self.model.note_files(&mut plan);
        for (name, folder) in [("--spinal-ai", &self.spinal_ai), ("--whole-films", &self.whole_films)] {
            if let Some(folder) = folder {
                plan.reads_folder(name, folder);
            }
        }
        plan.writes("--output", &self.output, &["json"]);
        if let Some(path) = &self.with {
            plan.reads("--with", path);
        }
        for entry in others {
            plan.reads("an image of --with", &entry.image_path);
        }
        Ok(plan.check()?)
    }
}

/// The entries of the other manifest, the training ones as often as told.
fn others(options: &Options, skeleton: &Skeleton) -> Result<Vec<ManifestEntry>> {
    let Some(path) = &options.with else { return Ok(Vec::new()) };
    let manifest = Manifest::read(path, skeleton)?;
    let root = options.root.as_deref().or(path.parent()).unwrap_or(Path::new("."));
    let mut entries = Vec::new();
    for mut entry in manifest.entries {
        entry.image_path = absolute(&root.join(&entry.image_path))?;
        let times = if entry.set == Subset::Train { options.times } else { 1 };
        entries.extend(std::iter::repeat_n(entry, times));
    }
    Ok(entries)
}

fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
    path.into_os_string().into_string().ok().context("a manifest can't hold a path that isn't UTF-8")
}

/// The training films with names, where there is one way to count them.
fn all_named(mut films: Vec<Film>, predictor: &Predictor, name: Naming) -> Result<Vec<Named>> {
    films.retain(|film| film.set == Subset::Train);
    let count = films.len();
    let named: Vec<Option<Named>> =
        films.into_par_iter().map(|film| name(film, predictor)).collect::<Result<_>>()?;
    let named: Vec<Named> = named.into_iter().flatten().collect();
    say!("{} of {count} films named", named.len());
    Ok(named)
}

/// The torso with names, where the network agrees with its marks.
fn name_torso(film: Film, predictor: &Predictor) -> Result<Option<Named>> {
    let image = load_image(&film.path, &Limits::default())?;
    let Some(frame) = frame(&film) else { return Ok(None) };
    let prediction = predictor.predict_from(&image, frame)?;
    let Some(keypoints) = film.named(prediction.keypoints()) else { return Ok(None) };
    let [a, b] = [prediction.keypoints(), &keypoints].map(extent);
    Ok(Some(Named { film, size: image.size(), keypoints, larger: [a[0] / b[0], a[1] / b[1]] }))
}

/// The whole film with names, where the network agrees with its boxes. T1 or L5 have none on most of these films.
fn name_whole(film: Film, predictor: &Predictor) -> Result<Option<Named>> {
    let image = load_image(&film.path, &Limits::default())?;
    let prediction = predictor.predict(&image)?;
    let keypoints = film.named_in_part(prediction.keypoints());
    Ok(keypoints.map(|keypoints| Named { film, size: image.size(), keypoints, larger: [1.0; 2] }))
}

/// The frame around all marks.
fn frame(film: &Film) -> Option<Frame> {
    let ([first, ..], [.., last]) = (film.vertebrae.as_slice(), film.vertebrae.as_slice()) else {
        return None;
    };
    let points: Vec<Point> = film.vertebrae.iter().flatten().copied().collect();
    Frame::around(middle(first[0], first[1]), middle(last[2], last[3]), &points).ok()
}

fn middle(a: Point, b: Point) -> Point {
    (a + b) * 0.5
}

/// The widths and heights of vertebrae, each summed over all; their corners are TL, TR, BL, BR.
fn extent(keypoints: &Keypoints) -> [f32; 2] {
    let mut sums = [0.0; 2];
    for corners in keypoints.chunks_exact(4) {
        sums[0] += middle(corners[0], corners[2]).distance(middle(corners[1], corners[3]));
        sums[1] += middle(corners[0], corners[1]).distance(middle(corners[2], corners[3]));
    }
    sums
}

/// Vertebrae made wider and higher around their centres, along their own axes.
fn resized(keypoints: &Keypoints, [wider, higher]: [f32; 2]) -> Keypoints {
    let resized = |corners: &[Point]| {
        let [tl, tr, bl, br] = [corners[0], corners[1], corners[2], corners[3]];
        let across = (middle(tr, br) - middle(tl, bl)) * (0.5 * (wider - 1.0));
        let along = (middle(bl, br) - middle(tl, tr)) * (0.5 * (higher - 1.0));
        [tl - across - along, tr + across - along, bl - across + along, br + across + along]
    };
    keypoints.chunks_exact(4).flat_map(resized).collect()
}
