//! The trainings of the networks that learn from the images of a keypoint network: the corner detector and the corner refiner.

use std::path::Path;

use anyhow::Result;
use ikem_core::Skeleton;
use ikem_examples::{ComputeOptions, say, stop_on_signals};
use ikem_train::{
    Checked, CornerEpoch, CornerLesson, CornerTrainConfig, DataPlan, Ending, EpochResults, Lesson,
    PartTrainConfig, PartTrainer, RefinerEpoch, RefinerLesson, RefinerTrainConfig, TrainingData,
};

use crate::{Options, data, goes_on, lock};

/// Trains the corner detector as the config at `path` says.
pub(crate) fn corners(options: &Options, path: &Path) -> Result<()> {
    let mut config = CornerTrainConfig::read(path)?.into_inner();
    config.threads = options.threads.or(config.threads);
    let results =
        |row: &CornerEpoch| format!("corners {:.2} px off, peaks {:.3}", row.corner_error, row.peak);
    train::<CornerLesson>(options, path, (config.threads, config.checked()?), results)
}

/// Trains the corner refiner as the config at `path` says.
pub(crate) fn refiner(options: &Options, path: &Path) -> Result<()> {
    let mut config = RefinerTrainConfig::read(path)?.into_inner();
    config.threads = options.threads.or(config.threads);
    let results = |row: &RefinerEpoch| {
        format!("corners {:.2} px of a patch off, end plates {:.2} px", row.corner_error, row.tilt_error)
    };
    train::<RefinerLesson>(options, path, (config.threads, config.checked()?), results)
}

/// Trains until it is done or stopped by a signal; `results` describes those of an epoch beside its losses.
fn train<L: Lesson<Data = TrainingData>>(
    options: &Options,
    path: &Path,
    (threads, config): (Option<usize>, Checked<L::Config>),
    results: impl Fn(&L::Epoch) -> String,
) -> Result<()>
where
    for<'a> DataPlan<'a>: From<&'a Checked<L::Config>>,
{
    let mut plan = options.files();
    plan.reads("--config", path);
    plan.check()?;
    let folder = &options.output;
    let resume = goes_on(options)?;
    let device = options.device.clone().unwrap_or_else(|| "cpu".to_owned());
    let device = ComputeOptions { device, threads }.start()?;
    let data = data(options, &config, &Skeleton::spine(), &mut plan)?;
    say!("{} training and {} validation images", data.training().images(), data.validation().images());
    let (_lock, stop, epochs) = (lock(folder)?, stop_on_signals()?, config.schedule().epochs);
    let mut trainer = match resume {
        true => PartTrainer::<L>::resume(config, data, folder, &device)?,
        false => PartTrainer::<L>::new(config, data, folder, &device)?,
    };
    let ending = trainer.run(
        |row, best| {
            let best = if best { ", the best so far" } else { "" };
            let (train, validation) = (row.train_loss(), row.validation_loss());
            say!(
                "epoch {}/{epochs}: loss {train:.4}, validation {validation:.4}; {}{best}",
                row.epoch(),
                results(row)
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
