//! Measures a network: layers, parameters, time and memory.
//!
//! `cargo run --release --example profile -- --model hrnet-ocr --mode click --threads 2`
#![allow(clippy::print_stdout)]

mod layers;
mod timing;
mod workload;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use ikem_examples::{ComputeOptions, at_most, say};
use ikem_models::Level;
use ikem_models::{Checkpoint, HrnetOcrConfig, ModelConfig, NetworkConfig, UnetConfig};
use serde_json::json;

/// Prints a network's layers with parameters and multiply-adds, then times it.
#[derive(Parser)]
struct Options {
    /// An untrained network of this kind
    #[arg(long, default_value = "unet", conflicts_with = "weights")]
    model: Model,
    /// Its width [default: 64 of unet, 32 of hrnet-ocr]
    #[arg(long, value_name = "CHANNELS", conflicts_with = "weights")]
    width: Option<usize>,
    /// The width of its gate
    #[arg(long, value_name = "CHANNELS", default_value_t = 256, conflicts_with = "weights")]
    gate_width: usize,
    /// Build the network without the gate
    #[arg(long, conflicts_with_all = ["weights", "gate_width"])]
    plain: bool,
    /// Use the network of this checkpoint instead
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// What to time; without it only the layers are printed
    #[arg(long)]
    mode: Option<Mode>,
    /// Batch size, in `forward` and `train`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_most::<1024>)]
    batch: usize,
    /// Number of timed runs, after one warm-up
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = at_most::<100_000>)]
    runs: usize,
    /// In `train`: pass hints and previous heatmaps as dense maps instead of in compact form
    #[arg(long)]
    dense: bool,
    /// The widest vector instructions to use [default: the widest that the processor supports]
    #[arg(long, value_name = "SET")]
    instructions: Option<Instructions>,
    /// Print a JSON object at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: ComputeOptions,
}

#[derive(Clone, Copy, ValueEnum)]
enum Model {
    Unet,
    HrnetOcr,
}

/// Vector instructions of the CPU kernels.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Instructions {
    /// 128-bit vectors, the baseline of the architecture
    Portable,
    Avx2,
    Avx512,
}

impl From<Instructions> for Level {
    fn from(instructions: Instructions) -> Self {
        match instructions {
            Instructions::Portable => Self::Portable,
            Instructions::Avx2 => Self::Avx2,
            Instructions::Avx512 => Self::Avx512,
        }
    }
}

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// The logits of a batch with dense hints and dense previous heatmaps
    Forward,
    /// One correction of a running session: the time that a person waits
    Click,
    /// One training step: forward pass, binary cross-entropy (including the auxiliary loss), backward pass, Adam
    Train,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.runs == 0 || options.batch == 0 {
        bail!("--runs and --batch: expected at least 1");
    }
    if let Some(instructions) = options.instructions {
        let (wanted, best) = (Level::from(instructions), Level::best());
        if wanted > best {
            bail!("--instructions: this processor supports {best:?} at most");
        }
        Level::force(Some(wanted));
    }
    let device = options.compute.start()?;
    let checkpoint = options.weights.as_ref().map(Checkpoint::read).transpose()?;
    let config = match &checkpoint {
        Some(checkpoint) => checkpoint.config.clone(),
        None => ModelConfig::new(options.network()),
    };
    let tensors = checkpoint.map(|checkpoint| checkpoint.tensors);
    let batch = if options.mode == Some(Mode::Click) { 1 } else { options.batch };
    let mut workload =
        workload::Workload::new(options.mode, &config, tensors, batch, options.dense, &device)?;

    let summary = workload.summary()?;
    layers::print(&summary, &config);
    let times = match options.mode {
        Some(_) => Some(timing::time(options.runs, || workload.run(), &device)?),
        None => None,
    };
    let peak = timing::peak_resident_bytes();
    let threads = rayon::current_num_threads();
    if let Some(times) = times {
        say!("median {:.4} s, minimum {:.4} s, {threads} threads", times.median, times.minimum);
        if let Some(peak) = peak {
            say!("peak resident memory {:.0} MiB", peak as f64 / f64::from(1 << 20));
        }
    }
    if options.json {
        let object = json!({
            "who": "ikem",
            "model": config.network.kind().to_string(),
            "mode": options.mode,
            "batch": batch,
            "threads": threads,
            "instructions": format!("{:?}", Level::current()).to_lowercase(),
            "median_s": times.map(|times| times.median),
            "min_s": times.map(|times| times.minimum),
            "peak_rss_bytes": peak,
            "parameters": summary.parameters(),
            "mult_adds": summary.mult_adds(),
        });
        say!("{object}");
    }
    Ok(())
}

impl Options {
    fn network(&self) -> NetworkConfig {
        let gate_width = (!self.plain).then_some(self.gate_width);
        match self.model {
            Model::Unet => {
                let published = UnetConfig::default();
                let width = self.width.unwrap_or(published.width);
                NetworkConfig::Unet(UnetConfig { width, gate_width, ..published })
            }
            Model::HrnetOcr => {
                let published = HrnetOcrConfig::default();
                let width = self.width.unwrap_or(published.width);
                NetworkConfig::HrnetOcr(HrnetOcrConfig { width, gate_width, ..published })
            }
        }
    }
}
