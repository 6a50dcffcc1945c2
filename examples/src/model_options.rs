use std::path::PathBuf;

use anyhow::Result;
use ikem_files::FilePlan;
use ikem_models::{Precision, Predictor};

use crate::{ComputeOptions, FrameChoice};

/// Which network answers, and on what.
#[derive(Debug, Clone, clap::Args)]
pub struct ModelOptions {
    /// Checkpoint: .safetensors, or PyTorch's .pth [default: the bundled model]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Which part of a film the network sees: auto (the frame around the spine that is found), whole, or X,Y,W,H in pixels,
    /// with ,DEGREES where it is turned; with labels also the frame around them, labels [default: auto, and whole for a checkpoint without a locator]
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

    /// Prepares the process for the computation and loads the network, with a locator where the frame wants one; tells the frame.
    ///
    /// # Errors
    /// When an option is wrong or the checkpoint can't be loaded; the message names it.
    pub fn predictor(&self) -> Result<(FrameChoice, Predictor)> {
        let device = self.compute.start()?;
        let predictor = match &self.weights {
            Some(path) => {
                let precision = if self.half { Precision::Half } else { Precision::Single };
                Predictor::load_in(path, precision, &device)?
            }
            None => Predictor::pretrained_on(&device)?,
        };
        FrameChoice::prepare(self.frame, predictor)
    }
}
