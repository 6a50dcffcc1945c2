use std::path::PathBuf;

use anyhow::Result;
use ikem_models::Predictor;

use crate::ComputeOptions;

/// Which network answers, and on what.
#[derive(Debug, Clone, clap::Args)]
pub struct ModelOptions {
    /// Checkpoint: .safetensors, or PyTorch's .pth [default: the bundled model]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
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
            Some(path) => Ok(Predictor::load(path, &device)?),
            None => Ok(Predictor::pretrained_on(&device)?),
        }
    }
}
