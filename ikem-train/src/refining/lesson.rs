use candle_core::Tensor;
use ikem_core::{Draw, Skeleton};
use ikem_data::Batch;
use ikem_models::{Mode, RefinerNetwork};
use serde::{Deserialize, Serialize};

use super::config::RefinerTrainConfig;
use super::loss::{RefinerLoss, tilts};
use super::patches::Cut;
use crate::error::Result;
use crate::part_trainer::{EpochResults, Lesson, PartTrainer};
use crate::training_data::TrainingData;

/// Domain separation of the random numbers of validation patches.
const VALIDATION: u64 = 1;

/// A training of the corner refiner.
pub type RefinerTrainer = PartTrainer<RefinerLesson>;

/// What the corner refiner learns from: patches of labelled images.
#[derive(Debug)]
pub struct RefinerLesson {
    data: TrainingData,
    loss: RefinerLoss,
    learn: Cut,
    watch: Cut,
}

/// The results of an epoch of the corner refiner's training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefinerEpoch {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss of the training batches.
    pub train_loss: f64,
    /// Mean loss of the validation patches, the same in each epoch.
    pub validation_loss: f64,
    /// Mean absolute error of the corners on each axis, in pixels of the patch.
    pub corner_error: f64,
    /// Mean absolute error of the tilt of an end plate: of the height of its right corner relative to its left one, in pixels
    /// of the patch.
    pub tilt_error: f64,
}

impl Lesson for RefinerLesson {
    type Config = RefinerTrainConfig;
    type Data = TrainingData;
    type Batch = Batch;
    type Epoch = RefinerEpoch;

    fn new(config: &RefinerTrainConfig, data: TrainingData) -> Self {
        let &RefinerTrainConfig { refiner, jitter, seed, tilt_weight, .. } = config;
        let cut = |seed| Cut { skeleton: Skeleton::spine(), refiner, jitter, seed };
        let watch = cut(Draw::new(seed, &[VALIDATION]).below(u64::MAX));
        Self { data, loss: RefinerLoss { tilt_weight }, learn: cut(seed), watch }
    }

    fn fingerprint(data: &TrainingData) -> (&str, &str) {
        ("the images or their labels", data.fingerprint())
    }

    fn steps(&self) -> usize {
        self.data.training().steps()
    }

    fn batches(&self, epoch: u64) -> impl Iterator<Item = Result<Batch>> {
        self.data.training().batches(epoch, 0).map(|batch| Ok(batch?))
    }

    fn names(&self, batch: &Batch) -> Vec<String> {
        batch.entries.iter().map(|&place| self.data.training().name(place)).collect()
    }

    fn loss(&self, network: &RefinerNetwork, batch: &Batch) -> Result<Tensor> {
        let (patches, offsets) = self.learn.patches(batch)?.tensors(network.config(), network.device())?;
        self.loss.evaluate(&network.forward(&patches, Mode::Train { dropout_seed: 0 })?, &offsets)
    }

    fn validate(
        &self,
        network: &RefinerNetwork,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Option<RefinerEpoch>> {
        let half = 0.5 * network.config().size as f64;
        let (mut count, mut sums) = (0.0, [0.0; 3]);
        for batch in self.data.validation().batches(0, 0) {
            if !go_on() {
                return Ok(None);
            }
            let patches = self.watch.patches(&batch?)?;
            if patches.len() == 0 {
                continue;
            }
            let (pixels, offsets) = patches.tensors(network.config(), network.device())?;
            let output = network.forward(&pixels, Mode::Eval)?;
            let mean = |errors: Tensor| {
                Ok::<f64, crate::Error>(errors.abs()?.mean_all()?.to_scalar::<f32>()?.into())
            };
            let loss = self.loss.evaluate(&output, &offsets)?.to_scalar::<f32>()?;
            let corners = mean((&output.offsets - &offsets)?)?;
            let tilt = mean((tilts(&output.offsets)? - tilts(&offsets)?)?)?;
            for (sum, value) in sums.iter_mut().zip([f64::from(loss), half * corners, half * tilt]) {
                *sum += patches.len() as f64 * value;
            }
            count += patches.len() as f64;
        }
        let [validation_loss, corner_error, tilt_error] = sums.map(|sum| sum / f64::max(count, 1.0));
        Ok(Some(RefinerEpoch { epoch: 0, train_loss: 0.0, validation_loss, corner_error, tilt_error }))
    }
}

impl EpochResults for RefinerEpoch {
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
