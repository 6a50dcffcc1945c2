use anyhow::{Context, Result, bail};
use ikem_models::{Device, keep_freed_memory};

use crate::at_most;

/// The most threads that can be asked for.
pub const MOST_THREADS: usize = 1024;

/// What computes.
#[derive(Debug, Clone, clap::Args)]
pub struct ComputeOptions {
    /// Where to compute: cpu, or cuda:0 in a build with `--features cuda`
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// CPU threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = at_most::<MOST_THREADS>)]
    pub threads: Option<usize>,
}

impl ComputeOptions {
    /// Keeps freed memory for the next tensor, starts the threads and opens the device. Call it once, first.
    ///
    /// # Errors
    /// When an option is wrong or there is no such device.
    pub fn start(&self) -> Result<Device> {
        keep_freed_memory();
        if let Some(threads) = self.threads {
            if threads == 0 {
                bail!("--threads 0: expected at least 1");
            }
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("--threads")?;
        }
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
