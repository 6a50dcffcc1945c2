use candle_core::Tensor;
use ikem_data::{End, LocatingBatch, LocatingLoader, LocatingTarget};
use ikem_models::{LOCATOR_STRIDE, LocatorLogits, LocatorNetwork, Mode};
use serde::{Deserialize, Serialize};

use super::loss::LocatorLoss;
use crate::error::Result;

/// The results of an epoch of the locator's training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LocatorEpoch {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss of the training batches.
    pub train_loss: f64,
    /// Mean loss of the validation scenes.
    pub validation_loss: f64,
    /// Intersection over union of the spine's map, pooled over all scenes with a spine.
    pub column_iou: f64,
    /// Mean distance of the peaks of the ends' maps from the labelled ends, in pixels of the grid.
    pub end_error: f64,
    /// Accuracy of the quarter turns.
    pub turns: f64,
    /// Accuracy of the classification as negative or not.
    pub negative: f64,
    /// Accuracy of the presence of a spine.
    pub spine: f64,
}

/// The number of correct classifications among the labelled ones.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    right: usize,
    all: usize,
}

impl Share {
    fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.all += 1;
    }

    fn part(self) -> f64 {
        self.right as f64 / self.all.max(1) as f64
    }
}

#[derive(Debug, Default)]
struct Sums {
    batches: usize,
    loss: f64,
    overlap: f64,
    union: f64,
    end_error: f64,
    ends: usize,
    turns: Share,
    negative: Share,
    spine: Share,
}

impl LocatorEpoch {
    /// Validates a network on all scenes of `loader`; `None` if `go_on` ended it early.
    pub(super) fn validate(
        network: &LocatorNetwork,
        loader: &LocatingLoader,
        loss: LocatorLoss,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Option<Self>> {
        let mut sums = Sums::default();
        for batch in loader.batches(0, 0) {
            if !go_on() {
                return Ok(None);
            }
            let batch = batch?;
            let logits = network.forward(&films(&batch, network)?, Mode::Eval)?;
            sums.loss += f64::from(loss.evaluate(&logits, &batch.targets)?.to_scalar::<f32>()?);
            sums.add(&logits, &batch.targets)?;
        }
        let mean = |sum: f64, count: usize| sum / count.max(1) as f64;
        Ok(Some(Self {
            epoch: 0,
            train_loss: 0.0,
            validation_loss: mean(sums.loss, sums.batches),
            column_iou: sums.overlap / sums.union.max(1.0),
            end_error: mean(sums.end_error, sums.ends),
            turns: sums.turns.part(),
            negative: sums.negative.part(),
            spine: sums.spine.part(),
        }))
    }
}

impl Sums {
    fn add(&mut self, logits: &LocatorLogits, targets: &[LocatingTarget]) -> Result<()> {
        self.batches += 1;
        let (_, maps, side, _) = logits.maps.dims4()?;
        let values = logits.maps.flatten_all()?.to_vec1::<f32>()?;
        let answers = logits.answers.to_vec2::<f32>()?;
        for ((target, answers), values) in
            targets.iter().zip(&answers).zip(values.chunks_exact(maps * side * side))
        {
            let mut planes = values.chunks_exact(side * side);
            let column = planes.next().unwrap_or_default().iter().zip(&target.column).zip(&target.weight);
            for ((&logit, &covered), _) in column.filter(|(_, weight)| **weight > 0.0) {
                let (found, there) = (logit > 0.0, covered > 0.5);
                self.overlap += f64::from(u8::from(found && there));
                self.union += f64::from(u8::from(found || there));
            }
            for (map, end) in planes.zip(target.ends) {
                if let (End::At(point), Some(peak)) = (end, peak(map)) {
                    let place = |i: usize| LOCATOR_STRIDE as f32 * (i as f32 + 0.5) - 0.5;
                    let (x, y) = (place(peak % side), place(peak / side));
                    self.end_error += f64::from((x - point.x).hypot(y - point.y));
                    self.ends += 1;
                }
            }
            let [turns @ .., negative, spine] = answers.as_slice() else { continue };
            if let Some(expected) = target.turns {
                self.turns.add(peak(turns) == Some(usize::from(expected)));
            }
            if let Some(expected) = target.negative {
                self.negative.add((*negative > 0.0) == expected);
            }
            self.spine.add((*spine > 0.0) == target.spine);
        }
        Ok(())
    }
}

fn peak(values: &[f32]) -> Option<usize> {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]))
}

/// A batch's scenes as network input, of shape (B, 1, S, S), on the network's device.
pub(super) fn films(batch: &LocatingBatch, network: &LocatorNetwork) -> Result<Tensor> {
    let size = network.config().size;
    Ok(Tensor::from_slice(&batch.images, (batch.targets.len(), 1, size, size), network.device())?)
}
