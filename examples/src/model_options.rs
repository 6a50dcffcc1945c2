use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ikem_models::{Device, Predictor, ops};

/// Which network answers, and on what.
#[derive(Debug, Clone, clap::Args)]
pub struct ModelOptions {
    /// Checkpoint: .safetensors, or PyTorch's .pth [default: the bundled model]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Where to compute: cpu, or cuda:0 in a build with `--features cuda`
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// CPU threads [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl ModelOptions {
    /// Prepares the process for the computation and loads the network.
    ///
    /// # Errors
    /// When an option is wrong or the checkpoint can't be loaded; the message names it.
    pub fn predictor(&self) -> Result<Predictor> {
        self.start()?;
        let device = self.device()?;
        match &self.weights {
            Some(path) => Ok(Predictor::load(path, &device)?),
            None => Ok(Predictor::pretrained_on(&device)?),
        }
    }

    /// Keeps freed memory for the next tensor, and starts the threads.
    fn start(&self) -> Result<()> {
        ops::keep_freed_memory();
        if let Some(threads) = self.threads {
            if threads == 0 {
                bail!("--threads 0: expected at least 1");
            }
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("--threads")?;
        }
        Ok(())
    }

    fn device(&self) -> Result<Device> {
        let wrong = || format!("--device {:?}: expected cpu or cuda:N", self.device);
        match self.device.split_once(':') {
            None if self.device == "cpu" => Ok(Device::Cpu),
            Some(("cuda", ordinal)) => {
                let ordinal = ordinal.parse().with_context(wrong)?;
                let hint = "no such GPU, or a build without `--features cuda`";
                Device::new_cuda(ordinal).with_context(|| format!("--device {}: {hint}", self.device))
            }
            _ => bail!(wrong()),
        }
    }
}
