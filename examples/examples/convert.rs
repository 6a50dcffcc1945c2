//! Makes a checkpoint of ours from one of others, or a smaller one of ours.
//!
//! `cargo run --example convert -- hrnet.pth hrnet.safetensors --layout miccai`
//! `cargo run --example convert -- runs/compact/best.safetensors small.safetensors --half`
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use ikem_files::FilePlan;
use ikem_models::{Checkpoint, Import, ImportOptions, Layout, LocatorCheckpoint, NetworkKind, Precision};

/// Converts a PyTorch checkpoint (zip or older format), or one of ours, to .safetensors. Nothing in it is executed.
#[derive(Parser)]
struct Options {
    /// The checkpoint: a PyTorch state dict, bare or wrapped; or a .safetensors of ours
    input: PathBuf,
    /// What to write
    #[arg(value_name = "OUT.safetensors")]
    output: PathBuf,
    /// How its tensors are named [default: as every program reads them, which needs no import]
    #[arg(long)]
    layout: Option<LayoutName>,
    /// The network that it must be [default: what the names say]
    #[arg(long, requires = "layout")]
    model: Option<Model>,
    /// Leave out tensors of unknown names instead of refusing them
    #[arg(long, requires = "layout")]
    allow_unknown: bool,
    /// Add the locator of this file, which `train` wrote for `configs/locator.toml`, or another checkpoint
    #[arg(long, value_name = "FILE.safetensors")]
    locator: Option<PathBuf>,
    /// Take the mean of its weights and those of this checkpoint of the same network
    #[arg(long, value_name = "FILE", requires = "share")]
    blend: Option<PathBuf>,
    /// How much that one counts in the mean, 0 to 1
    #[arg(long, value_name = "PART", requires = "blend")]
    share: Option<f32>,
    /// Write 16 bit numbers, half the size
    #[arg(long)]
    half: bool,
    /// What the tensors that it lacks are drawn from
    #[arg(long, default_value_t = 0, requires = "layout")]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum LayoutName {
    /// The published IKEM checkpoints, both networks
    Ikem,
    /// HRNetV2-W32 of ImageNet: begins the backbone, the heads begin anew
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
    if let (Some(path), Some(share)) = (&options.blend, options.share) {
        checkpoint = checkpoint.blended(&Checkpoint::read(path)?, share)?;
    }
    checkpoint.write(&options.output, if options.half { Precision::Half } else { Precision::Single })?;
    println!("wrote {}", options.output.display());
    println!("network: {}", serde_json::to_string(&checkpoint.config.network)?);
    Ok(())
}

impl Options {
    /// Nothing that is read may be written.
    fn check_files(&self) -> Result<()> {
        let mut plan = FilePlan::default();
        plan.reads("the checkpoint", &self.input).writes("OUT", &self.output, &["safetensors"]);
        for (what, input) in [("--locator", &self.locator), ("--blend", &self.blend)] {
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
    let Import { checkpoint, used, unused, fresh } =
        Checkpoint::import(&options.input, &ImportOptions { layout, network, allow_unknown, seed })?;
    report("used", &used);
    report("not used", &unused);
    report("begin anew", &fresh);
    Ok(checkpoint)
}

/// Prints how many tensors each module has.
fn report(what: &str, names: &[String]) {
    println!("{what}: {} tensors", names.len());
    let module = |name: &String| name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    for group in names.chunk_by(|a, b| module(a) == module(b)) {
        println!("  {:>5}  {}", group.len(), module(&group[0]));
    }
}
