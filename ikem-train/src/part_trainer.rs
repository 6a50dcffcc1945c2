//! Training of the networks that a checkpoint may have beside the keypoint network: the locator, the corner detector and the corner
//! refiner.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Tensor;
use ikem_models::{Device, PartCheckpoint, PartNetwork, Precision};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Checked;
use crate::descent::Descent;
use crate::error::Result;
use crate::folder::TrainingFolder;
use crate::log::write_rows;
use crate::part_config::PartTrainConfig;
use crate::state::{self, State, TrainingMetadata};
use crate::trainer::Ending;

/// What the training of one such network consists of: its config, data and loss.
pub trait Lesson: Sized {
    /// The configuration of the training.
    type Config: PartTrainConfig;
    /// The data.
    type Data;
    /// Images or scenes that are learnt from at once.
    type Batch;
    /// The results of an epoch.
    type Epoch: EpochResults;

    /// The lesson of a config on `data`.
    fn new(config: &Self::Config, data: Self::Data) -> Self;

    /// A network to start with: by default one initialised at random, from the config's seed.
    ///
    /// # Errors
    /// Initial weights that do not fit the network, or a device failure.
    fn network(config: &Self::Config, device: &Device) -> Result<NetworkOf<Self>> {
        Ok(PartNetwork::fresh(config.part(), config.seed(), device)?)
    }

    /// A hash of the images and labels, to recognise the same data, and what it is of.
    fn fingerprint(data: &Self::Data) -> (&str, &str);

    /// The number of batches of an epoch.
    fn steps(&self) -> usize;

    /// The batches of an epoch, from 0.
    fn batches(&self, epoch: u64) -> impl Iterator<Item = Result<Self::Batch>>;

    /// The names of a batch's images.
    fn names(&self, batch: &Self::Batch) -> Vec<String>;

    /// The loss of `network` in training on a batch, a scalar.
    ///
    /// # Errors
    /// When the device fails.
    fn loss(&self, network: &NetworkOf<Self>, batch: &Self::Batch) -> Result<Tensor>;

    /// The results of `network` on the validation data; `None` if `go_on` ended it early.
    ///
    /// # Errors
    /// An image that cannot be read, or a device failure.
    fn validate(&self, network: &NetworkOf<Self>, go_on: impl FnMut() -> bool)
    -> Result<Option<Self::Epoch>>;
}

/// The network that a lesson trains.
pub type NetworkOf<L> = PartNetwork<<<L as Lesson>::Config as PartTrainConfig>::Layers>;

/// The results of an epoch, as they are logged.
pub trait EpochResults: Copy + Serialize + DeserializeOwned {
    /// The epoch, from 1.
    fn epoch(&self) -> usize;

    /// The mean loss of the training batches.
    fn train_loss(&self) -> f64;

    /// The mean loss of the validation data, by which the best epoch is chosen.
    fn validation_loss(&self) -> f64;

    /// These results as those of `epoch` (from 1), with the mean loss of the training batches.
    #[must_use]
    fn of(self, epoch: usize, train_loss: f64) -> Self;
}

/// A training. Its folder holds `best.safetensors`, `newest.safetensors`, `log.csv`, and `state.safetensors`, from which the
/// training resumes after any epoch with bitwise identical results.
#[derive(Debug)]
pub struct PartTrainer<L: Lesson> {
    config: Checked<L::Config>,
    lesson: L,
    fingerprint: String,
    descent: Descent<NetworkOf<L>>,
    rows: Vec<L::Epoch>,
    folder: TrainingFolder,
}

/// The progress of a training.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows<R> {
    rows: Vec<R>,
}

impl<L: Lesson> PartTrainer<L> {
    /// Starts a training. Creates `folder` if it does not exist.
    ///
    /// # Errors
    /// Initial weights that do not fit the network, a folder that cannot be created, or a device failure.
    pub fn new(config: Checked<L::Config>, data: L::Data, folder: &Path, device: &Device) -> Result<Self> {
        let network = L::network(&config, device)?;
        let descent = Descent::new(network, config.optimiser(), device)?;
        Self::start(config, data, descent, Vec::new(), folder)
    }

    /// Resumes a training from its folder, after the last completed epoch.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) or [`Error::InvalidState`](crate::Error::InvalidState) when the state cannot
    /// be read; [`Error::OtherTraining`](crate::Error::OtherTraining) when it belongs to another config or to other
    /// images.
    pub fn resume(config: Checked<L::Config>, data: L::Data, folder: &Path, device: &Device) -> Result<Self> {
        let State::<L::Config, Rows<L::Epoch>> { metadata, weights, average, optimiser } =
            state::resume(&TrainingFolder::at(folder).state(), &*config, L::fingerprint(&data))?;
        let network = PartNetwork::trainable(config.part(), weights, device)?;
        let descent = Descent::resume(network, config.optimiser(), (&optimiser, average), device)?;
        Self::start(config, data, descent, metadata.progress.rows, folder)
    }

    fn start(
        config: Checked<L::Config>,
        data: L::Data,
        descent: Descent<NetworkOf<L>>,
        rows: Vec<L::Epoch>,
        folder: &Path,
    ) -> Result<Self> {
        let folder = TrainingFolder::at(folder);
        folder.create()?;
        let fingerprint = L::fingerprint(&data).1.to_owned();
        let lesson = L::new(&config, data);
        Ok(Self { config, lesson, fingerprint, descent, rows, folder })
    }

    /// Trains until all epochs are completed, early stopping applies, or `stop` is set. After each epoch, `observer`
    /// receives its results and whether it is the best so far.
    ///
    /// # Errors
    /// [`Error::Diverged`](crate::Error::Diverged) when a loss or a gradient norm is infinite or NaN; an image that
    /// cannot be read, or a disk or device failure.
    pub fn run(&mut self, mut observer: impl FnMut(&L::Epoch, bool), stop: &AtomicBool) -> Result<Ending> {
        while self.rows.len() < self.config.schedule().epochs {
            if self.stops_early() {
                return Ok(Ending::EarlyStopped);
            }
            let Some(row) = self.epoch(stop)? else { return Ok(Ending::Interrupted) };
            let best = self.rows.iter().all(|before| row.validation_loss() < before.validation_loss());
            self.rows.push(row);
            if best {
                self.write_checkpoint(&self.folder.best())?;
            }
            self.save()?;
            observer(&row, best);
        }
        Ok(Ending::Finished)
    }

    /// Trains on an epoch's batches and validates; `None` when stopped, in which case nothing of the epoch is saved.
    fn epoch(&mut self, stop: &AtomicBool) -> Result<Option<L::Epoch>> {
        let Self { config, lesson, descent, rows, folder, .. } = self;
        let (optimiser, schedule) = (config.optimiser(), config.schedule());
        let accumulate = optimiser.accumulate;
        let (done, steps) = (rows.len(), lesson.steps() / accumulate);
        let mut sum = 0.0;
        for (index, batch) in lesson.batches(done as u64).take(steps * accumulate).enumerate() {
            let batch = batch?;
            let step = done * steps + index / accumulate;
            let place = (step + 1, done + 1);
            let loss = lesson.loss(descent.network(), &batch)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            folder.check_finite("loss", value, place, || lesson.names(&batch))?;
            sum += value;
            descent.gather(&loss)?;
            if (index + 1).is_multiple_of(accumulate) {
                let norm = descent.step(optimiser.learning_rate * schedule.factor(step, steps))?;
                folder.check_finite("gradient", norm, place, || lesson.names(&batch))?;
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        let results = lesson.validate(descent.result(), || !stop.load(Ordering::Relaxed))?;
        Ok(results.map(|results| results.of(done + 1, sum / (steps * accumulate).max(1) as f64)))
    }

    /// Whether early stopping applies: as many epochs as the configured patience passed since the best one.
    fn stops_early(&self) -> bool {
        let patience = self.config.schedule().patience;
        let best = self.rows.iter().min_by(|a, b| a.validation_loss().total_cmp(&b.validation_loss()));
        patience > 0 && best.is_some_and(|best| self.rows.len() >= best.epoch() + patience)
    }

    /// Writes the newest checkpoint, the log and the state.
    fn save(&self) -> Result<()> {
        self.write_checkpoint(&self.folder.newest())?;
        write_rows(&self.folder.log(), &self.rows)?;
        let metadata = TrainingMetadata {
            config: self.config.clone().into_inner(),
            fingerprint: self.fingerprint.clone(),
            progress: Rows { rows: self.rows.clone() },
            optimiser_steps: self.descent.optimiser().steps(),
        };
        state::write(&self.folder.state(), &metadata, &self.descent)
    }

    fn write_checkpoint(&self, path: &Path) -> Result<()> {
        let tensors = self.descent.result().parameters().state_dict();
        let checkpoint = PartCheckpoint { config: self.config.part(), tensors };
        Ok(checkpoint.write(path, Precision::Single)?)
    }

    /// The results of the epochs so far.
    #[must_use]
    pub fn epochs(&self) -> &[L::Epoch] {
        &self.rows
    }
}
