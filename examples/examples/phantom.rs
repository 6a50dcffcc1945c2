//! Draws synthetic radiographs with exact landmarks, and the manifest that goes with them.
//!
//! `cargo run --example phantom -- --count 100 --output phantoms`
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use ikem_core::Skeleton;
use ikem_data::{Manifest, ManifestEntry, Phantom, PhantomConfig, Subset, overlay, write_gray_png};
use ikem_examples::{at_most, say};
use rayon::prelude::*;

/// The most that are drawn at a time.
const MOST: usize = 100_000;

/// The parts of all images that are shared out among the sets.
const TENTHS: u64 = 10;

/// Draws synthetic spinal radiographs; the same seeds give the same files everywhere.
#[derive(Parser)]
struct Options {
    /// How many to draw
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_most::<MOST>)]
    count: usize,
    /// The seed of the first image; each next image has the next seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder for the images and manifest.json
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Also draw each image with its landmarks marked
    #[arg(long)]
    overlays: bool,
    /// How many of every ten images are for validation; those that are neither for validation nor for testing are for training
    #[arg(long, default_value_t = 1)]
    validation: u64,
    /// How many of every ten images are for testing
    #[arg(long, default_value_t = 1)]
    test: u64,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if options.count == 0 {
        bail!("--count: expected at least 1");
    }
    let held_out = options.validation.saturating_add(options.test);
    if held_out > TENTHS {
        bail!("--validation and --test: expected at most {TENTHS} together, found {held_out}");
    }
    std::fs::create_dir_all(&options.output)
        .with_context(|| format!("--output {}", options.output.display()))?;
    let skeleton = Skeleton::spine();
    let path = options.output.join("manifest.json");
    check_replaced(&path, &skeleton)?;
    let numbers: Vec<u64> = (0..options.count as u64).collect();
    let entries: Vec<ManifestEntry> =
        numbers.into_par_iter().map(|number| draw(&options, number, &skeleton)).collect::<Result<_>>()?;
    Manifest { entries }.write(&path)?;
    say!("{} phantoms and their labels: {}", options.count, path.display());
    Ok(())
}

/// A manifest of phantoms may be drawn anew; any other file of that name stays.
fn check_replaced(path: &Path, skeleton: &Skeleton) -> Result<()> {
    if !path.try_exists()? {
        return Ok(());
    }
    let drawn = |entry: &ManifestEntry| {
        let number = entry.image_path.strip_prefix("phantom-").and_then(|name| name.strip_suffix(".png"));
        number.is_some_and(|number| number.parse::<u64>().is_ok())
    };
    let other = match Manifest::read(path, skeleton) {
        Ok(Manifest { entries }) => match entries.into_iter().find(|entry| !drawn(entry)) {
            Some(entry) => format!("it lists {}", entry.image_path),
            None => return Ok(()),
        },
        Err(error) => error.to_string(),
    };
    bail!(
        "--output: {} is no manifest of phantoms and would be replaced; name another folder ({other})",
        path.display()
    )
}

fn draw(options: &Options, number: u64, skeleton: &Skeleton) -> Result<ManifestEntry> {
    let phantom = Phantom::generate(&PhantomConfig::default(), options.seed.wrapping_add(number))?;
    let name = format!("phantom-{number:05}.png");
    write_gray_png(options.output.join(&name), &phantom.image)?;
    if options.overlays {
        let picture = overlay(&phantom.image, skeleton, &phantom.keypoints, &[])?;
        picture.write_png(options.output.join("overlays").join(&name))?;
    }
    let set = match number % TENTHS {
        n if n < options.validation => Subset::Val,
        n if n < options.validation + options.test => Subset::Test,
        _ => Subset::Train,
    };
    Ok(ManifestEntry::from_keypoints(name, &phantom.keypoints, phantom.image.size(), set, skeleton))
}
