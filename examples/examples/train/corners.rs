//! The training of the corner detector.

use std::path::Path;

use anyhow::Result;
use ikem_core::Skeleton;
use ikem_examples::{ComputeOptions, say, stop_on_signals};
use ikem_train::{CornerTrainConfig, CornerTrainer, Ending};

use crate::{Options, data, goes_on, lock};

/// Trains as the config at `path` says until it is done or stopped by a signal.
pub(crate) fn train(options: &Options, path: &Path) -> Result<()> {
    let mut config = CornerTrainConfig::read(path)?.into_inner();
    config.threads = options.threads.or(config.threads);
    let config = config.checked()?;
    let mut plan = options.files();
    plan.reads("--config", path);
    plan.check()?;
    let folder = &options.output;
    let resume = goes_on(options)?;
    let device = options.device.clone().unwrap_or_else(|| "cpu".to_owned());
    let device = ComputeOptions { device, threads: config.threads }.start()?;
    let data = data(options, &config, &Skeleton::spine(), &mut plan)?;
    say!("{} training and {} validation images", data.training().images(), data.validation().images());
    let (_lock, stop, epochs) = (lock(folder)?, stop_on_signals()?, config.schedule.epochs);
    let mut trainer = match resume {
        true => CornerTrainer::resume(config, data, folder, &device)?,
        false => CornerTrainer::new(config, data, folder, &device)?,
    };
    let ending = trainer.run(
        |row, best| {
            say!(
                "epoch {}/{epochs}: loss {:.4}, validation {:.4}; corners {:.2} px off, peaks {:.3}{}",
                row.epoch,
                row.train_loss,
                row.validation_loss,
                row.corner_error,
                row.peak,
                if best { ", the best so far" } else { "" }
            );
        },
        &stop,
    )?;
    if ending == Ending::Interrupted {
        say!("interrupted; --resume goes on after the last whole epoch");
    }
    say!("checkpoints and log in {}", folder.display());
    Ok(())
}
