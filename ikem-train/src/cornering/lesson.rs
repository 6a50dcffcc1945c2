use candle_core::Tensor;
use ikem_core::Point;
use ikem_data::Batch;
use ikem_models::{CORNER_STRIDE, CornerNetwork, Mode};
use serde::{Deserialize, Serialize};

use super::config::CornerTrainConfig;
use super::loss::CornerLoss;
use crate::error::Result;
use crate::part_trainer::{EpochResults, Lesson, PartTrainer};
use crate::training_data::TrainingData;

/// How far from a corner its peak is looked for in validation, in pixels of the maps.
const NEAR: i32 = 4;

/// A training of the corner detector.
pub type CornerTrainer = PartTrainer<CornerLesson>;

/// What the corner detector learns from: labelled images.
#[derive(Debug)]
pub struct CornerLesson {
    data: TrainingData,
    loss: CornerLoss,
}

/// The results of an epoch of the corner detector's training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CornerEpoch {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss of the training batches.
    pub train_loss: f64,
    /// Mean loss of the validation batches.
    pub validation_loss: f64,
    /// Mean distance between the labelled corners of the validation images and the highest pixel within four pixels of the
    /// maps, in pixels of the grid.
    pub corner_error: f64,
    /// Mean probability at that pixel.
    pub peak: f64,
}

impl Lesson for CornerLesson {
    type Config = CornerTrainConfig;
    type Data = TrainingData;
    type Batch = Batch;
    type Epoch = CornerEpoch;

    fn new(config: &CornerTrainConfig, data: TrainingData) -> Self {
        Self { data, loss: CornerLoss { std: config.std as f32, corner_weight: config.corner_weight } }
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

    fn loss(&self, network: &CornerNetwork, batch: &Batch) -> Result<Tensor> {
        let logits = network.forward(&films(batch, network)?, Mode::Train { dropout_seed: 0 })?;
        self.loss.evaluate(&logits, &batch.keypoints)
    }

    fn validate(
        &self,
        network: &CornerNetwork,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Option<CornerEpoch>> {
        let (mut batches, mut loss, mut peaks) = (0, 0.0, Peaks::default());
        for batch in self.data.validation().batches(0, 0) {
            if !go_on() {
                return Ok(None);
            }
            let batch = batch?;
            let logits = network.forward(&films(&batch, network)?, Mode::Eval)?;
            loss += f64::from(self.loss.evaluate(&logits, &batch.keypoints)?.to_scalar::<f32>()?);
            peaks.add(&logits, &batch)?;
            batches += 1;
        }
        let corners = f64::from(peaks.corners.max(1));
        Ok(Some(CornerEpoch {
            epoch: 0,
            train_loss: 0.0,
            validation_loss: loss / f64::from(batches.max(1)),
            corner_error: peaks.distance / corners,
            peak: peaks.probability / corners,
        }))
    }
}

/// The highest pixels near the labelled corners.
#[derive(Debug, Default)]
struct Peaks {
    corners: u32,
    distance: f64,
    probability: f64,
}

impl Peaks {
    fn add(&mut self, logits: &Tensor, batch: &Batch) -> Result<()> {
        let (_, maps, height, width) = logits.dims4()?;
        let values = logits.flatten_all()?.to_vec1::<f32>()?;
        for (keypoints, values) in batch.keypoints.iter().zip(values.chunks_exact(maps * height * width)) {
            for (index, &point) in keypoints.iter().enumerate().filter(|(_, point)| point.is_finite()) {
                let map = &values[index % maps * height * width..][..height * width];
                let near = |value: f32| {
                    let middle = (value / CORNER_STRIDE as f32).round() as i32;
                    middle - NEAR..=middle + NEAR
                };
                let pixels = near(point.y).flat_map(|row| near(point.x).map(move |column| (column, row)));
                let logit = |(column, row): (i32, i32)| {
                    let (column, row) = (usize::try_from(column).ok()?, usize::try_from(row).ok()?);
                    let logit = *map.get(row * width + column).filter(|_| column < width)?;
                    let stride = CORNER_STRIDE as f32;
                    Some((logit, Point::new(stride * column as f32, stride * row as f32)))
                };
                let highest = pixels.filter_map(logit).max_by(|a, b| a.0.total_cmp(&b.0));
                let Some((logit, at)) = highest else { continue };
                self.corners += 1;
                self.distance += f64::from(at.distance(point));
                self.probability += 1.0 / (1.0 + f64::from(-logit).exp());
            }
        }
        Ok(())
    }
}

/// A batch's images as network input, (B, 1, H, W), on the network's device.
fn films(batch: &Batch, network: &CornerNetwork) -> Result<Tensor> {
    let shape = (batch.entries.len(), 1, batch.grid.height, batch.grid.width);
    Ok(Tensor::from_slice(&batch.images, shape, network.device())?)
}

impl EpochResults for CornerEpoch {
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
