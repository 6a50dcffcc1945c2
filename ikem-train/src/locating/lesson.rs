use candle_core::Tensor;
use ikem_data::LocatingBatch;
use ikem_models::{Device, LocatorCheckpoint, LocatorNetwork, Mode};

use super::config::LocatorTrainConfig;
use super::data::LocatorData;
use super::loss::LocatorLoss;
use super::validation::{LocatorEpoch, films};
use crate::error::Result;
use crate::part_trainer::{EpochResults, Lesson, PartTrainer};

/// A training of the locator.
pub type LocatorTrainer = PartTrainer<LocatorLesson>;

/// What the locator learns from: scenes of films.
#[derive(Debug)]
pub struct LocatorLesson {
    data: LocatorData,
    loss: LocatorLoss,
}

impl Lesson for LocatorLesson {
    type Config = LocatorTrainConfig;
    type Data = LocatorData;
    type Batch = LocatingBatch;
    type Epoch = LocatorEpoch;

    fn new(config: &LocatorTrainConfig, data: LocatorData) -> Self {
        Self { data, loss: LocatorLoss::new(config.loss) }
    }

    fn network(config: &LocatorTrainConfig, device: &Device) -> Result<LocatorNetwork> {
        Ok(match &config.weights {
            Some(file) => {
                LocatorNetwork::trainable(config.locator, LocatorCheckpoint::read(file)?.tensors, device)?
            }
            None => LocatorNetwork::fresh(config.locator, config.seed, device)?,
        })
    }

    fn fingerprint(data: &LocatorData) -> (&str, &str) {
        ("the films or their labels", data.fingerprint())
    }

    fn steps(&self) -> usize {
        self.data.training().steps()
    }

    fn batches(&self, epoch: u64) -> impl Iterator<Item = Result<LocatingBatch>> {
        self.data.training().batches(epoch, 0).map(|batch| Ok(batch?))
    }

    fn names(&self, batch: &LocatingBatch) -> Vec<String> {
        batch.entries.iter().map(|&place| self.data.training().name(place)).collect()
    }

    fn loss(&self, network: &LocatorNetwork, batch: &LocatingBatch) -> Result<Tensor> {
        let logits = network.forward(&films(batch, network)?, Mode::Train { dropout_seed: 0 })?;
        self.loss.evaluate(&logits, &batch.targets)
    }

    fn validate(
        &self,
        network: &LocatorNetwork,
        go_on: impl FnMut() -> bool,
    ) -> Result<Option<LocatorEpoch>> {
        LocatorEpoch::validate(network, self.data.validation(), self.loss, go_on)
    }
}

impl EpochResults for LocatorEpoch {
    fn epoch(&self) -> usize {
        self.epoch
    }

    fn train_loss(&self) -> f64 {
        self.train_loss
    }

    fn validation_loss(&self) -> f64 {
        self.validation_loss
    }

    fn of(self, epoch: usize, train_loss: f64) -> Self {
        Self { epoch, train_loss, ..self }
    }
}
