//! Converts a published checkpoint to this project's format, or makes a smaller one from an existing checkpoint.
//!
//! `cargo run --example convert -- hrnet.pth hrnet.safetensors --layout miccai`
//! `cargo run --example convert -- runs/compact/best.safetensors small.safetensors --half`
//! `cargo run --example convert -- runs/compact/best.safetensors network.onnx --to onnx`
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use ikem_examples::say;
use ikem_files::FilePlan;
use ikem_models::{
    Checkpoint, CornerCheckpoint, Import, ImportOptions, Layout, LocatorCheckpoint, NetworkKind, Precision,
    RefinerCheckpoint,
};

/// Converts a PyTorch checkpoint (zip or older format), or one of this project's, to .safetensors or ONNX. Nothing in the checkpoint is executed.
#[derive(Parser)]
struct Options {
    /// The checkpoint: a PyTorch state dict, bare or wrapped; or a .safetensors file of this project
    input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The format to write; ONNX has the network alone: one forward pass, without locator, corner detector, corner refiner and error covariance
    #[arg(long, value_name = "FORMAT", default_value = "safetensors")]
    to: Format,
    /// The naming scheme of its tensors [default: one that the programs load directly]
    #[arg(long)]
    layout: Option<LayoutName>,
    /// The network it must contain [default: inferred from the tensors' names]
    #[arg(long, requires = "layout")]
    model: Option<Model>,
    /// Leave out tensors of unknown names instead of refusing them
    #[arg(long, requires = "layout")]
    allow_unknown: bool,
    /// Add the locator from this file: one that `train` wrote with `configs/locator.toml`, or any checkpoint that has one
    #[arg(long, value_name = "FILE.safetensors")]
    locator: Option<PathBuf>,
    /// Add the corner detector from this file: one that `train` wrote with `configs/corners.toml`, or any checkpoint that has one
    #[arg(long, value_name = "FILE.safetensors")]
    corners: Option<PathBuf>,
    /// Add the corner refiner from this file: one that `train` wrote with `configs/refiner.toml`, or any checkpoint that has one
    #[arg(long, value_name = "FILE.safetensors")]
    refiner: Option<PathBuf>,
    /// Average the weights with those of this checkpoint of the same network
    #[arg(long, value_name = "FILE", requires = "share")]
    blend: Option<PathBuf>,
    /// The share of that checkpoint in the average, 0 to 1
    #[arg(long, value_name = "PART", requires = "blend")]
    share: Option<f32>,
    /// Write 16-bit floats, which halves the size
    #[arg(long)]
    half: bool,
    /// The seed for tensors that the checkpoint lacks
    #[arg(long, default_value_t = 0, requires = "layout")]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A checkpoint of this project
    Safetensors,
    /// A model for ONNX Runtime and others, opset 17: image, hints and previous heatmaps in, heatmaps out
    Onnx,
}

#[derive(Clone, Copy, ValueEnum)]
enum LayoutName {
    /// The published IKEM checkpoints, both networks
    Ikem,
    /// HRNetV2-W32 trained on ImageNet: initialises the backbone; the heads are random
    Imagenet,
    /// The model of the MICCAI 2022 paper
    Miccai,
}

#[derive(Clone, Copy, ValueEnum)]
enum Model {
    Unet,
    HrnetOcr,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    options.check_files()?;
    let mut checkpoint = match options.layout {
        Some(layout) => import(&options, layout)?,
        None => Checkpoint::read(&options.input)?,
    };
    if let Some(path) = &options.locator {
        checkpoint.locator = Some(LocatorCheckpoint::read(path)?);
    }
    if let Some(path) = &options.corners {
        checkpoint.corners = Some(CornerCheckpoint::read(path)?);
    }
    if let Some(path) = &options.refiner {
        checkpoint.refiner = Some(RefinerCheckpoint::read(path)?);
    }
    if let (Some(path), Some(share)) = (&options.blend, options.share) {
        checkpoint = checkpoint.blended(&Checkpoint::read(path)?, share)?;
    }
    match options.to {
        Format::Onnx if options.half => bail!("--half is for .safetensors; an ONNX model has 32-bit floats"),
        Format::Onnx => checkpoint.write_onnx(&options.output)?,
        Format::Safetensors if options.half => checkpoint.write(&options.output, Precision::Half)?,
        Format::Safetensors => checkpoint.write(&options.output, Precision::Single)?,
    }
    say!("wrote {}", options.output.display());
    say!("network: {}", serde_json::to_string(&checkpoint.config.network)?);
    Ok(())
}

impl Options {
    /// Nothing that is read may be written.
    fn check_files(&self) -> Result<()> {
        let mut plan = FilePlan::default();
        let endings: &[&str] = match self.to {
            Format::Safetensors => &["safetensors"],
            Format::Onnx => &["onnx"],
        };
        plan.reads("the checkpoint", &self.input).writes("OUT", &self.output, endings);
        let inputs = [
            ("--locator", &self.locator),
            ("--corners", &self.corners),
            ("--refiner", &self.refiner),
            ("--blend", &self.blend),
        ];
        for (what, input) in inputs {
            if let Some(path) = input {
                plan.reads(what, path);
            }
        }
        Ok(plan.check()?)
    }
}

fn import(options: &Options, layout: LayoutName) -> Result<Checkpoint> {
    let layout = match layout {
        LayoutName::Ikem => Layout::Ikem,
        LayoutName::Imagenet => Layout::Imagenet,
        LayoutName::Miccai => Layout::Miccai,
    };
    let network = options.model.map(|model| match model {
        Model::Unet => NetworkKind::Unet,
        Model::HrnetOcr => NetworkKind::HrnetOcr,
    });
    let &Options { allow_unknown, seed, .. } = options;
    let Import { checkpoint, used, unused, fresh, .. } =
        Checkpoint::import(&options.input, &ImportOptions { layout, network, allow_unknown, seed })?;
    report("used", &used);
    report("not used", &unused);
    report("begin anew", &fresh);
    Ok(checkpoint)
}

/// Prints how many tensors each module has.
fn report(what: &str, names: &[String]) {
    say!("{what}: {} tensors", names.len());
    let module = |name: &String| name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    for group in names.chunk_by(|a, b| module(a) == module(b)) {
        say!("  {:>5}  {}", group.len(), module(&group[0]));
    }
}
