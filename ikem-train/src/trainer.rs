use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ikem_core::Draw;
use ikem_data::Batch;
use ikem_models::{Checkpoint, Device, Network, Precision};

use crate::config::{Checked, TrainConfig};
use crate::error::Result;
use crate::fit_error_covariance::fit_error_covariance;
use crate::folder::TrainingFolder;
use crate::learner::Learner;
use crate::log::{EpochRow, write_log};
use crate::loss::{Loss, LossParts, Objective};
use crate::observer::{Observer, StepReport};
use crate::progress::Progress;
use crate::state::{self, State, TrainingMetadata};
use crate::strategy::{HintStrategy, Interaction};
use crate::training_data::TrainingData;
use crate::validation::{Validation, pixels};

/// Domain separation of the random numbers of steps and validations.
const STEP: u64 = 0x5354_4550;
const VALIDATION: u64 = 0x5641_4C49;

/// A training of the keypoint network. Its folder holds the checkpoints `best.safetensors` and `newest.safetensors`,
/// which every program loads, the log `log.csv`, and `state.safetensors`, from which the training resumes.
///
/// Every random choice is a function of the seed, the epoch and the batch. On the same number of threads, a resumed
/// training is therefore bitwise identical to an uninterrupted one.
#[derive(Debug)]
pub struct Trainer {
    config: Checked<TrainConfig>,
    data: TrainingData,
    learner: Learner,
    strategy: Box<dyn HintStrategy>,
    progress: Progress,
    folder: TrainingFolder,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are completed.
    Finished,
    /// Stopped early: the validation error no longer decreased.
    EarlyStopped,
    /// Stopped on request; the training can be resumed.
    Interrupted,
}

impl Trainer {
    /// Starts a training. Creates `folder` if it does not exist; files of an earlier training in it are replaced at the
    /// first checkpoint.
    ///
    /// # Errors
    /// Initial weights that do not fit the network, a folder that cannot be created, or a device failure.
    pub fn new(
        config: Checked<TrainConfig>,
        data: TrainingData,
        folder: &Path,
        device: &Device,
    ) -> Result<Self> {
        let network = match &config.weights {
            Some(weights) => weights.network(&config.model, config.seed, device)?,
            None => {
                let network = Network::fresh(&config.model, config.seed, device)?;
                config.fresh.apply(&network)?;
                network
            }
        };
        let loss = Self::loss(&config, &data)?;
        let learner = Learner::new(network, loss, config.optimiser, device)?;
        Self::start(config, data, learner, Progress::default(), folder)
    }

    /// Resumes a training from its folder. Device, threads, workers and the like may differ from before; all other
    /// settings must be the same.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) or [`Error::InvalidState`](crate::Error::InvalidState) when the state cannot
    /// be read; [`Error::OtherTraining`](crate::Error::OtherTraining) when it belongs to another config or to other
    /// data.
    pub fn resume(
        config: Checked<TrainConfig>,
        data: TrainingData,
        folder: &Path,
        device: &Device,
    ) -> Result<Self> {
        let State::<TrainConfig, Progress> { metadata, weights, average, optimiser } = state::resume(
            &TrainingFolder::at(folder).state(),
            &*config,
            ("the images or their labels", data.fingerprint()),
        )?;
        let network = Network::trainable(&config.model, weights, device)?;
        let loss = Self::loss(&config, &data)?;
        let learner = Learner::resume(network, loss, config.optimiser, (&optimiser, average), device)?;
        Self::start(config, data, learner, metadata.progress, folder)
    }

    /// Whether `folder` holds a training that can be resumed.
    #[must_use]
    pub fn can_resume(folder: &Path) -> bool {
        TrainingFolder::at(folder).state().is_file()
    }

    /// The files that a training, of the keypoint network or the locator, writes into `folder`, including its curves;
    /// existing ones are replaced.
    pub fn files(folder: &Path) -> Vec<PathBuf> {
        TrainingFolder::at(folder).files()
    }

    fn loss(config: &TrainConfig, data: &TrainingData) -> Result<Loss> {
        let labels = match config.loss.morphology.weight > 0.0 {
            true => data.training_labels()?,
            false => Vec::new(),
        };
        Loss::new(&config.loss, &config.model, config.loss.morphology.morphology(&labels)?)
    }

    fn start(
        config: Checked<TrainConfig>,
        data: TrainingData,
        learner: Learner,
        progress: Progress,
        folder: &Path,
    ) -> Result<Self> {
        let folder = TrainingFolder::at(folder);
        folder.create()?;
        let strategy = Box::new(config.hints.strategy);
        Ok(Self { config, data, learner, strategy, progress, folder })
    }

    /// Simulates hints by another rule than the config's. The saved state does not know it: give it again to a resumed
    /// training.
    #[must_use]
    pub fn with_strategy(mut self, strategy: impl HintStrategy + 'static) -> Self {
        self.strategy = Box::new(strategy);
        self
    }

    /// Minimises another loss than the config's. The saved state does not know it: give it again to a resumed training.
    #[must_use]
    pub fn with_objective(mut self, objective: impl Objective + 'static) -> Self {
        self.learner.set_loss(objective);
        self
    }

    /// Trains until all epochs are completed, early stopping applies, or `stop` is set; in the last case the current
    /// step is finished first. A checkpoint is written in any case.
    ///
    /// # Errors
    /// [`Error::Diverged`](crate::Error::Diverged) when a loss or a gradient norm is infinite or NaN, with its step and
    /// images; the last checkpoint is kept. An image that cannot be read, or a disk or device failure.
    pub fn run(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Ending> {
        observer.began(&self.progress, self.batches_per_epoch())?;
        let mut ending = Ending::Finished;
        while self.progress.epochs < self.config.schedule.epochs {
            if self.progress.stops_early(self.config.schedule.patience) {
                ending = Ending::EarlyStopped;
                break;
            }
            let done = self.learn_epoch(observer, stop)? && self.end_epoch(observer, stop)?;
            self.save()?;
            observer.saved(self.folder.path());
            if !done {
                return Ok(Ending::Interrupted);
            }
        }
        let done = self.fit_error_covariance(observer, stop)?;
        Ok(if done { ending } else { Ending::Interrupted })
    }

    /// Fits the error covariance of both checkpoints. Returns whether the fit was completed.
    fn fit_error_covariance(&self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool> {
        let loader = self.data.unchanged();
        let device = self.learner.network().device();
        for path in [self.folder.best(), self.folder.newest()] {
            let go_on = |done| {
                observer.fitting_error_covariance(done, loader.steps());
                !stop.load(Ordering::Relaxed)
            };
            if path.is_file() && !fit_error_covariance(&path, loader, device, go_on)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Trains on the remaining batches of an epoch. Returns whether all were processed.
    fn learn_epoch(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool> {
        let (first, last) = (self.progress.batches, self.batches_per_epoch());
        let loader = self.data.training().clone();
        let mut began = Instant::now();
        let batches = loader.batches(self.progress.epochs as u64, first).take(last - first);
        for batch in batches {
            let batch = batch?;
            let waited = began.elapsed().as_secs_f64();
            if let Some(report) = self.learn(&batch)? {
                let seconds = began.elapsed().as_secs_f64();
                observer.step(&StepReport { seconds, waited, ..report })?;
                began = Instant::now();
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let every = self.config.save_every;
                if every > 0 && self.progress.steps.is_multiple_of(every) && self.progress.batches < last {
                    self.save()?;
                    observer.saved(self.folder.path());
                }
            }
        }
        Ok(true)
    }

    /// Trains on a batch; returns a report if it completes a step.
    fn learn(&mut self, batch: &Batch) -> Result<Option<StepReport>> {
        let Progress { epochs, batches, steps, .. } = self.progress;
        let parts = [STEP, epochs as u64, batches as u64];
        let mut draw = Draw::new(self.config.seed, &parts);
        let dropout_seed = draw.below(u64::MAX);
        let targets = &batch.keypoints;
        let (network, hints) = (self.learner.network(), self.config.hints);
        let mut interaction = Interaction::new(network, pixels(batch, network)?, targets, hints.placing);
        interaction.follow(&self.strategy.plan(epochs, &mut draw), &mut draw)?;
        let before = match interaction.first() {
            Some(logits) => Some(self.learner.loss().evaluate(logits, targets)?.parts.total),
            None => None,
        };
        let inputs = interaction.inputs();
        drop(interaction);
        let loss = self.learner.learn(&inputs, targets, dropout_seed)?;
        self.check(batch, "loss", loss.total)?;
        self.progress.batches += 1;
        self.progress.losses[0] += before.unwrap_or(loss.total);
        self.progress.losses[1] += loss.total;
        let accumulate = self.config.optimiser.accumulate;
        if !self.progress.batches.is_multiple_of(accumulate) {
            return Ok(None);
        }
        let steps_per_epoch = self.batches_per_epoch() / accumulate;
        let learning_rate =
            self.config.optimiser.learning_rate * self.config.schedule.factor(steps, steps_per_epoch);
        let gradient_norm = self.learner.step(learning_rate)?;
        self.check(batch, "gradient", gradient_norm)?;
        self.progress.steps += 1;
        Ok(Some(self.report(batch, loss, gradient_norm, learning_rate)))
    }

    fn report(&self, batch: &Batch, loss: LossParts, gradient_norm: f64, learning_rate: f64) -> StepReport {
        StepReport {
            epoch: self.progress.epochs + 1,
            steps: self.progress.steps,
            batches: self.progress.batches,
            images: batch.entries.len() * self.config.optimiser.accumulate,
            loss,
            gradient_norm,
            learning_rate,
            seconds: 0.0,
            waited: 0.0,
        }
    }

    fn check(&self, batch: &Batch, what: &'static str, found: f64) -> Result<()> {
        let place = (self.progress.steps + 1, self.progress.epochs + 1);
        let training = self.data.training();
        let images = || batch.entries.iter().map(|&entry| training.name(entry)).collect();
        self.folder.check_finite(what, found, place, images)
    }

    /// Validates, and writes the best checkpoint and the log. Returns whether the validation was completed.
    fn end_epoch(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool> {
        let loader = self.data.validation();
        let of = loader.steps();
        let go_on = |done| {
            observer.validating(done, of);
            !stop.load(Ordering::Relaxed)
        };
        let seed = Draw::new(self.config.seed, &[VALIDATION]).below(u64::MAX);
        let result = self.learner.result();
        let Some(validation) = Validation::of(result, loader, self.learner.loss(), seed, go_on)? else {
            return Ok(false);
        };
        let batches = self.progress.batches.max(1) as f64;
        let [train_first_loss, train_second_loss] = self.progress.losses.map(|sum| sum / batches);
        let row = EpochRow {
            epoch: self.progress.epochs + 1,
            train_first_loss,
            train_second_loss,
            validation_first_loss: validation.first_loss,
            validation_second_loss: validation.second_loss,
            validation_first_mre: validation.first_mre,
            validation_second_mre: validation.second_mre,
        };
        let best = self.progress.end_epoch(row);
        if best {
            self.write_checkpoint(&self.folder.best())?;
        }
        write_log(&self.folder.log(), &self.progress.rows)?;
        observer.epoch(&row, self.progress.steps, best)?;
        Ok(true)
    }

    /// Writes the newest checkpoint and the state.
    fn save(&self) -> Result<()> {
        self.write_checkpoint(&self.folder.newest())?;
        let metadata = TrainingMetadata {
            config: self.config.clone().into_inner(),
            fingerprint: self.data.fingerprint().to_owned(),
            progress: self.progress.clone(),
            optimiser_steps: self.learner.optimiser().steps(),
        };
        state::write(&self.folder.state(), &metadata, self.learner.descent())
    }

    fn write_checkpoint(&self, path: &Path) -> Result<()> {
        let (config, tensors) = (self.config.model.clone(), self.learner.result().parameters().state_dict());
        Ok(Checkpoint::new(config, tensors).write(path, Precision::Single)?)
    }

    /// The number of training batches per epoch, a multiple of the accumulation.
    fn batches_per_epoch(&self) -> usize {
        let (batches, accumulate) = (self.data.training().steps(), self.config.optimiser.accumulate);
        batches / accumulate * accumulate
    }

    /// The progress so far.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The network, its optimiser and its moving average.
    #[must_use]
    pub const fn learner(&self) -> &Learner {
        &self.learner
    }
}
