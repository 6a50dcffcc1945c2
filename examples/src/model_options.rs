use std::path::PathBuf;

use anyhow::Result;
use ikem_models::{Precision, Predictor};

use crate::ComputeOptions;

/// Which network answers, and on what.
#[derive(Debug, Clone, clap::Args)]
pub struct ModelOptions {
    /// Checkpoint: .safetensors, or PyTorch's .pth [default: the bundled model]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Compute in 16 bits: faster on a GPU, slow on a CPU
    #[arg(long, requires = "weights")]
    pub half: bool,
    /// What computes.
    #[command(flatten)]
    pub compute: ComputeOptions,
}

impl ModelOptions {
    /// Prepares the process for the computation and loads the network.
    ///
    /// # Errors
    /// When an option is wrong or the checkpoint can't be loaded; the message names it.
    pub fn predictor(&self) -> Result<Predictor> {
        let device = self.compute.start()?;
        match &self.weights {
            Some(path) => {
                let precision = if self.half { Precision::Half } else { Precision::Single };
                Ok(Predictor::load_in(path, precision, &device)?)
            }
            None => Ok(Predictor::pretrained_on(&device)?),
        }
    }
}
