//! Annotates radiographs: the network predicts, you correct a point, the network moves the others.
//!
//! `cargo run --example interactive -- --terminal IMAGE`
#![allow(clippy::print_stdout)]

mod played;
mod terminal;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use ikem_data::Set;
use ikem_examples::{ImageSource, Labelled, ModelOptions};

/// Annotates spinal radiographs. Research software, not a medical device.
#[derive(Parser)]
struct Options {
    /// A radiograph [default: a synthetic one]
    image: Option<PathBuf>,
    /// Work in the terminal
    #[arg(long)]
    terminal: bool,
    /// Play the person: correct the worst point not yet corrected, by these labels (a manifest, as `preprocess` writes it)
    #[arg(long, value_name = "MANIFEST", requires = "terminal")]
    labels: Option<PathBuf>,
    /// The folder that the manifest's image paths begin in [default: the manifest's own]
    #[arg(long, value_name = "DIR", requires = "labels")]
    root: Option<PathBuf>,
    /// Without IMAGE: play on all images of this set
    #[arg(long, value_name = "SET", default_value = "val", requires = "labels")]
    split: Set,
    /// How many points the played person corrects
    #[arg(long, value_name = "N", default_value_t = 10)]
    clicks: usize,
    #[command(flatten)]
    model: ModelOptions,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if !options.terminal {
        bail!("the page is not there yet; add --terminal to work in the terminal");
    }
    let predictor = options.model.predictor()?;
    let Some(labels) = &options.labels else {
        return terminal::annotate(&predictor, &ImageSource::new(options.image));
    };
    let labelled = Labelled::read(labels, options.root.as_deref(), &predictor.config().skeleton)?;
    let labelled = match &options.image {
        Some(image) => labelled.of_image(image)?,
        None => labelled.of_set(options.split)?,
    };
    played::play(&predictor, &labelled, options.clicks)
}
