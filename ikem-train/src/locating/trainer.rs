use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ikem_models::{Device, LocatorCheckpoint, LocatorNetwork, Mode, Precision};
use serde::{Deserialize, Serialize};

use super::config::LocatorTrainConfig;
use super::data::LocatorData;
use super::loss::LocatorLoss;
use super::validation::{LocatorEpoch, films};
use crate::config::Checked;
use crate::descent::Descent;
use crate::error::Result;
use crate::folder::TrainingFolder;
use crate::log::write_rows;
use crate::state::{self, State, TrainingMetadata};
use crate::trainer::Ending;

/// A training of the locator. Its folder holds `best.safetensors`, `newest.safetensors`, `log.csv`, and
/// `state.safetensors`, from which the training resumes after any epoch with bitwise identical results.
#[derive(Debug)]
pub struct LocatorTrainer {
    config: Checked<LocatorTrainConfig>,
    data: LocatorData,
    descent: Descent<LocatorNetwork>,
    loss: LocatorLoss,
    rows: Vec<LocatorEpoch>,
    folder: TrainingFolder,
}

/// The progress of a training.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    rows: Vec<LocatorEpoch>,
}

impl LocatorTrainer {
    /// Starts a training. Creates `folder` if it does not exist.
    ///
    /// # Errors
    /// Initial weights that do not fit the network, a folder that cannot be created, or a device failure.
    pub fn new(
        config: Checked<LocatorTrainConfig>,
        data: LocatorData,
        folder: &Path,
        device: &Device,
    ) -> Result<Self> {
        let network = match &config.weights {
            Some(file) => {
                LocatorNetwork::trainable(config.locator, LocatorCheckpoint::read(file)?.tensors, device)?
            }
            None => LocatorNetwork::fresh(config.locator, config.seed, device)?,
        };
        let descent = Descent::new(network, config.optimiser, device)?;
        Self::start(config, data, descent, Vec::new(), folder)
    }

    /// Resumes a training from its folder, after the last completed epoch.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) or [`Error::InvalidState`](crate::Error::InvalidState) when the state cannot
    /// be read; [`Error::OtherTraining`](crate::Error::OtherTraining) when it belongs to another config or to other
    /// films.
    pub fn resume(
        config: Checked<LocatorTrainConfig>,
        data: LocatorData,
        folder: &Path,
        device: &Device,
    ) -> Result<Self> {
        let State::<LocatorTrainConfig, Rows> { metadata, weights, average, optimiser } = state::resume(
            &TrainingFolder::at(folder).state(),
            &*config,
            ("the films or their labels", data.fingerprint()),
        )?;
        let network = LocatorNetwork::trainable(config.locator, weights, device)?;
        let descent = Descent::resume(network, config.optimiser, (&optimiser, average), device)?;
        Self::start(config, data, descent, metadata.progress.rows, folder)
    }

    fn start(
        config: Checked<LocatorTrainConfig>,
        data: LocatorData,
        descent: Descent<LocatorNetwork>,
        rows: Vec<LocatorEpoch>,
        folder: &Path,
    ) -> Result<Self> {
        let folder = TrainingFolder::at(folder);
        folder.create()?;
        let loss = LocatorLoss::new(config.loss);
        Ok(Self { config, data, descent, loss, rows, folder })
    }

    /// Trains until all epochs are completed, early stopping applies, or `stop` is set. After each epoch, `observer`
    /// receives its results and whether it is the best so far.
    ///
    /// # Errors
    /// [`Error::Diverged`](crate::Error::Diverged) when a loss or a gradient norm is infinite or NaN; a film that
    /// cannot be read, or a disk or device failure.
    pub fn run(
        &mut self,
        mut observer: impl FnMut(&LocatorEpoch, bool),
        stop: &AtomicBool,
    ) -> Result<Ending> {
        while self.rows.len() < self.config.schedule.epochs {
            if self.stops_early() {
                return Ok(Ending::EarlyStopped);
            }
            let Some(row) = self.epoch(stop)? else { return Ok(Ending::Interrupted) };
            let best = self.rows.iter().all(|before| row.validation_loss < before.validation_loss);
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
    fn epoch(&mut self, stop: &AtomicBool) -> Result<Option<LocatorEpoch>> {
        let loader = self.data.training().clone();
        let steps = loader.steps();
        let (done, mut sum) = (self.rows.len(), 0.0);
        for batch in loader.batches(done as u64, 0) {
            let batch = batch?;
            let step = done * steps + batch.step;
            let place = (step + 1, done + 1);
            let network = self.descent.network();
            let logits = network.forward(&films(&batch, network)?, Mode::Train { dropout_seed: 0 })?;
            let loss = self.loss.evaluate(&logits, &batch.targets)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            let names = || batch.entries.iter().map(|&place| loader.name(place)).collect();
            self.folder.check_finite("loss", value, place, names)?;
            sum += value;
            self.descent.gather(&loss)?;
            let rate = self.config.optimiser.learning_rate * self.config.schedule.factor(step, steps);
            let norm = self.descent.step(rate)?;
            self.folder.check_finite("gradient", norm, place, names)?;
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        let go_on = || !stop.load(Ordering::Relaxed);
        let validation =
            LocatorEpoch::validate(self.descent.result(), self.data.validation(), self.loss, go_on)?;
        let train_loss = sum / steps.max(1) as f64;
        Ok(validation.map(|row| LocatorEpoch { epoch: done + 1, train_loss, ..row }))
    }

    /// Whether early stopping applies: as many epochs as the configured patience passed since the best one.
    fn stops_early(&self) -> bool {
        let patience = self.config.schedule.patience;
        let best = self.rows.iter().min_by(|a, b| a.validation_loss.total_cmp(&b.validation_loss));
        patience > 0 && best.is_some_and(|best| self.rows.len() >= best.epoch + patience)
    }

    /// Writes the newest checkpoint, the log and the state.
    fn save(&self) -> Result<()> {
        self.write_checkpoint(&self.folder.newest())?;
        write_rows(&self.folder.log(), &self.rows)?;
        let metadata = TrainingMetadata {
            config: self.config.clone().into_inner(),
            fingerprint: self.data.fingerprint().to_owned(),
            progress: Rows { rows: self.rows.clone() },
            optimiser_steps: self.descent.optimiser().steps(),
        };
        state::write(&self.folder.state(), &metadata, &self.descent)
    }

    fn write_checkpoint(&self, path: &Path) -> Result<()> {
        let tensors = self.descent.result().parameters().state_dict();
        let checkpoint = LocatorCheckpoint { config: self.config.locator, tensors };
        Ok(checkpoint.write(path, Precision::Single)?)
    }

    /// The results of the epochs so far.
    #[must_use]
    pub fn epochs(&self) -> &[LocatorEpoch] {
        &self.rows
    }
}
