use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ikem_data::{Batch, Draw};
use ikem_models::{Checkpoint, Device, Network, Precision};

use crate::config::TrainConfig;
use crate::error::{Error, Result};
use crate::learner::Learner;
use crate::log::{EpochRow, curve_files, write_log};
use crate::loss::{Loss, LossParts};
use crate::observer::{Observer, StepReport};
use crate::progress::Progress;
use crate::state::{self, State, Story};
use crate::strategy::{HintStrategy, Interaction};
use crate::training_data::TrainingData;
use crate::typical_errors;
use crate::validation::{Validation, pixels};

/// What tells the random numbers of steps and of validations apart.
const STEP: u64 = 0x5354_4550;
const VALIDATION: u64 = 0x5641_4C49;

/// The files of a training, in its folder.
pub(crate) const STATE: &str = "state.safetensors";
pub(crate) const NEWEST: &str = "newest.safetensors";
pub(crate) const BEST: &str = "best.safetensors";
pub(crate) const LOG: &str = "log.csv";

/// A training with its folder, which holds `best.safetensors` and `newest.safetensors` (checkpoints that every program
/// loads), `log.csv`, and `state.safetensors`, from which it is taken up.
///
/// Every random choice is a function of the seed, the epoch and the batch. So a training that is taken up is, on the same
/// number of threads, the same to the last bit as one that was never interrupted.
#[derive(Debug)]
pub struct Trainer {
    config: TrainConfig,
    data: TrainingData,
    learner: Learner,
    progress: Progress,
    folder: PathBuf,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Finished,
    /// The validation error did not fall any more.
    Stuck,
    /// It was told to stop, and can be taken up.
    Interrupted,
}

impl Trainer {
    /// A training that begins. Makes `folder` where there is none; what stands in it is replaced with the first checkpoint.
    ///
    /// # Errors
    /// A config field out of its range, initial weights that do not fit, a folder that can't be made.
    pub fn new(config: TrainConfig, data: TrainingData, folder: &Path, device: &Device) -> Result<Self> {
        config.check()?;
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

    /// A training that is taken up from its folder. Device, threads, workers and the like may differ from before, all else
    /// may not.
    ///
    /// # Errors
    /// [`Error::File`] when the state can't be read; [`Error::OtherTraining`] when it is that of another config or of
    /// other data.
    pub fn resume(config: TrainConfig, data: TrainingData, folder: &Path, device: &Device) -> Result<Self> {
        config.check()?;
        let path = folder.join(STATE);
        let parameters = Network::fresh(&config.model, 0, &Device::Cpu)?.parameter_count();
        let State::<TrainConfig, Progress> { story, weights, average, optimiser } =
            state::read(&path, parameters)?;
        let other = |field: String| Error::OtherTraining { path: path.clone(), field };
        if let Some(field) = story.config.first_difference(&config) {
            return Err(other(field));
        }
        if story.fingerprint != data.fingerprint() {
            return Err(other("the images or their labels".to_owned()));
        }
        let network = Network::trainable(&config.model, weights, device)?;
        let loss = Self::loss(&config, &data)?;
        let learner = Learner::resume(network, loss, config.optimiser, (&optimiser, average), device)?;
        Self::start(config, data, learner, story.progress, folder)
    }

    /// Whether `folder` holds a training that can be taken up.
    #[must_use]
    pub fn can_resume(folder: &Path) -> bool {
        folder.join(STATE).is_file()
    }

    /// The files that a training, of a network or a locator, writes into `folder`, its curves too. Those that are there are
    /// replaced.
    pub fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
        [STATE, NEWEST, BEST, LOG].into_iter().map(|name| folder.join(name)).chain(curve_files(folder))
    }

    fn loss(config: &TrainConfig, data: &TrainingData) -> Result<Loss> {
        let labels = match config.loss.morphology.weight > 0.0 {
            true => data.training_labels()?,
            false => Vec::new(),
        };
        Loss::new(&config.loss, &config.model, config.loss.morphology.morphology(&labels)?)
    }

    fn start(
        config: TrainConfig,
        data: TrainingData,
        learner: Learner,
        progress: Progress,
        folder: &Path,
    ) -> Result<Self> {
        let failed = |error| Error::file(folder, error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        ikem_files::remove_unfinished(folder).map_err(failed)?;
        Ok(Self { config, data, learner, progress, folder: folder.to_owned() })
    }

    /// Trains until the config's epochs are done, the validation error falls no more, or `stop` is set; then after the
    /// step that is being done. A checkpoint is written in any case.
    ///
    /// # Errors
    /// [`Error::Diverged`] when a loss or a gradient is not finite, with its step and images; the last checkpoint stays.
    /// An image that can't be read, a disk that fails; a device that fails.
    pub fn run(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Ending> {
        observer.began(&self.progress, self.batches_per_epoch())?;
        let mut ending = Ending::Finished;
        while self.progress.epochs < self.config.schedule.epochs {
            if self.progress.is_stuck(self.config.schedule.patience) {
                ending = Ending::Stuck;
                break;
            }
            let done = self.learn_epoch(observer, stop)? && self.end_epoch(observer, stop)?;
            self.save()?;
            observer.saved(&self.folder);
            if !done {
                return Ok(Ending::Interrupted);
            }
        }
        let done = self.look_back(observer, stop)?;
        Ok(if done { ending } else { Ending::Interrupted })
    }

    /// Writes into both checkpoints how their errors vary together. Tells whether it came to an end.
    fn look_back(&self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool> {
        let loader = self.data.unchanged();
        let device = self.learner.network().device();
        for name in [BEST, NEWEST] {
            let go_on = |done| {
                observer.looking_back(done, loader.steps());
                !stop.load(Ordering::Relaxed)
            };
            let path = self.folder.join(name);
            if path.is_file() && !typical_errors::add_to(&path, loader, device, go_on)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Learns from the rest of an epoch's batches. Tells whether it came to their end.
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
                    observer.saved(&self.folder);
                }
            }
        }
        Ok(true)
    }

    /// Learns from a batch; where it completes a step, tells of it.
    fn learn(&mut self, batch: &Batch) -> Result<Option<StepReport>> {
        let Progress { epochs, batches, steps, .. } = self.progress;
        let parts = [STEP, epochs as u64, batches as u64];
        let mut draw = Draw::new(self.config.seed, &parts);
        let dropout_seed = draw.below(u64::MAX);
        let targets = &batch.keypoints;
        let (network, hints) = (self.learner.network(), self.config.hints);
        let mut interaction = Interaction::new(network, pixels(batch, network)?, targets, hints.placing);
        interaction.follow(&hints.strategy.plan(epochs, &mut draw), &mut draw)?;
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

    /// Stops a training whose numbers have run away.
    fn check(&self, batch: &Batch, what: &'static str, found: f64) -> Result<()> {
        if found.is_finite() {
            return Ok(());
        }
        let images = batch.entries.iter().map(|&place| self.data.training().name(place)).collect();
        let checkpoint = self.folder.join(STATE);
        Err(Error::Diverged {
            what,
            found,
            step: self.progress.steps + 1,
            epoch: self.progress.epochs + 1,
            images,
            checkpoint: checkpoint.is_file().then_some(checkpoint),
        })
    }

    /// Validates, and writes best checkpoint and log. Tells whether it came to an end.
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
            self.write_checkpoint(BEST)?;
        }
        write_log(&self.folder.join(LOG), &self.progress.rows)?;
        observer.epoch(&row, self.progress.steps, best)?;
        Ok(true)
    }

    /// Writes the newest checkpoint and the state.
    fn save(&self) -> Result<()> {
        self.write_checkpoint(NEWEST)?;
        let story = Story {
            config: self.config.clone(),
            fingerprint: self.data.fingerprint().to_owned(),
            progress: self.progress.clone(),
            optimiser_steps: self.learner.optimiser().steps(),
        };
        state::write(&self.folder.join(STATE), &story, self.learner.descent())
    }

    fn write_checkpoint(&self, name: &str) -> Result<()> {
        let (config, tensors) = (self.config.model.clone(), self.learner.result().parameters().state_dict());
        Ok(Checkpoint::new(config, tensors).write(self.folder.join(name), Precision::Single)?)
    }

    /// The batches of an epoch that are learnt from: whole steps.
    fn batches_per_epoch(&self) -> usize {
        let (batches, accumulate) = (self.data.training().steps(), self.config.optimiser.accumulate);
        batches / accumulate * accumulate
    }

    /// How far it has come.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The network, its optimiser and its average.
    #[must_use]
    pub const fn learner(&self) -> &Learner {
        &self.learner
    }
}
