use std::path::PathBuf;

use anyhow::Result;
use ikem_files::FilePlan;
use ikem_models::{Precision, Predictor};

use crate::{ComputeOptions, FrameChoice};

/// The network to use, and the device it runs on.
#[derive(Debug, Clone, clap::Args)]
pub struct ModelOptions {
    /// The network's checkpoint: .safetensors, or PyTorch's .pth [default: the bundled model]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The part of the film that the network sees: auto (found by the locator), whole, X,Y,W,H or X,Y,W,H,DEGREES in pixels, or labels
    /// (around the labels, where there are any) [default: auto; whole for a checkpoint without a locator]
    #[arg(long, value_name = "FRAME", allow_hyphen_values = true)]
    pub frame: Option<FrameChoice>,
    /// Compute in 16 bits: faster on a GPU, slow on a CPU
    #[arg(long, requires = "weights")]
    pub half: bool,
    /// What computes.
    #[command(flatten)]
    pub compute: ComputeOptions,
}

impl ModelOptions {
    /// Notes the files that are read for the network.
    pub fn note_files(&self, plan: &mut FilePlan) {
        if let Some(weights) = &self.weights {
            plan.reads("--weights", weights);
        }
    }

    /// Prepares the process for the computation and loads the network, with a locator if the frame requires one; also returns the frame.
    ///
    /// # Errors
    /// When an option is wrong or the checkpoint can't be loaded; the message names it.
    pub fn predictor(&self) -> Result<(FrameChoice, Predictor)> {
        let device = self.compute.start()?;
        let predictor = match &self.weights {
            Some(path) => {
                let precision = if self.half { Precision::Half } else { Precision::Single };
                Predictor::builder().device(&device).precision(precision).load(path)?
            }
            None => Predictor::builder().device(&device).pretrained()?,
        };
        FrameChoice::prepare(self.frame, predictor)
    }
}
