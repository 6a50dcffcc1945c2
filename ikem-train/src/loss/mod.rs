//! What training makes small.

mod config;
mod morphology;
mod position;
mod terms;

use candle_core::{DType, Result as CandleResult, Tensor};
use ikem_core::{Keypoints, Size};
use ikem_models::{Logits, ModelConfig, ops};

pub use config::{LossConfig, MorphologyConfig};
pub use morphology::Morphology;

use crate::error::Result;
use terms::{mean_magnitude, tensor_of};

/// A weighted sum of terms over a batch, of the logits of a network's last layer and the true keypoints.
#[derive(Debug, Clone)]
pub struct Loss {
    config: LossConfig,
    morphology: Option<Morphology>,
    std: f32,
    grid: Size,
}

/// The loss of a batch.
#[derive(Debug, Clone)]
pub struct LossValue {
    /// The sum, a scalar that has a gradient.
    pub total: Tensor,
    /// What it is the sum of.
    pub parts: LossParts,
}

/// The terms of a loss, each times its weight, so that they add up to the total; 0 where a term has no weight.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossParts {
    /// The sum.
    pub total: f64,
    /// Cross-entropy of the heatmaps.
    pub cross_entropy: f64,
    /// Distance of the coordinates.
    pub coordinates: f64,
    /// Cross-entropy of the places.
    pub position: f64,
    /// Difference of distances and angles.
    pub morphology: f64,
    /// Cross-entropy of the auxiliary head.
    pub auxiliary: f64,
}

impl Loss {
    /// The loss of a network of `model`. `morphology` is what [`MorphologyConfig::morphology`] gave.
    ///
    /// # Errors
    /// A weight out of range; a morphology of keypoints that the network does not have.
    pub fn new(config: &LossConfig, model: &ModelConfig, morphology: Option<Morphology>) -> Result<Self> {
        config.check()?;
        if let Some(morphology) = &morphology {
            morphology.check(model.keypoints())?;
        }
        Ok(Self { config: config.clone(), morphology, std: model.std, grid: model.size })
    }

    /// The loss of a batch whose true keypoints are `targets`, in pixels of the grid.
    ///
    /// # Errors
    /// When there are not as many targets as images and maps, or the device fails.
    pub fn evaluate(&self, logits: &Logits, targets: &[Keypoints]) -> Result<LossValue> {
        let LossConfig { cross_entropy, coordinates, position, auxiliary, ref morphology } = self.config;
        let entropy = |logits| ops::heatmap_cross_entropy(logits, targets, self.std, self.grid);
        let mut sum = Sum::default();
        let mut parts = LossParts {
            cross_entropy: sum.add(cross_entropy, || entropy(&logits.main))?,
            ..LossParts::default()
        };
        if let Some(maps) = &logits.auxiliary {
            parts.auxiliary = sum.add(auxiliary, || entropy(maps))?;
        }
        parts.position =
            sum.add(position, || position::cross_entropy(&logits.main, targets, self.std, self.grid))?;
        let shape = self.morphology.as_ref().filter(|_| morphology.weight > 0.0);
        if coordinates > 0.0 || shape.is_some() {
            let points = ops::expected_points(&logits.main, self.grid)?;
            let targets = tensor_of(targets, &points)?;
            parts.coordinates = sum.add(coordinates, || mean_magnitude(&(&points - &targets)?))?;
            if let Some(shape) = shape {
                parts.morphology = sum.add(morphology.weight, || shape.loss(&points, &targets))?;
            }
        }
        let total = match sum.total {
            Some(total) => total,
            None => Tensor::zeros((), logits.main.dtype(), logits.main.device())?,
        };
        parts.total = number(&total)?;
        Ok(LossValue { total, parts })
    }
}

/// A sum of terms in the making.
#[derive(Default)]
struct Sum {
    total: Option<Tensor>,
}

impl Sum {
    /// Adds `weight` times what `term` computes, if the weight is not 0, and says how much that was.
    fn add(&mut self, weight: f64, term: impl FnOnce() -> CandleResult<Tensor>) -> CandleResult<f64> {
        if weight == 0.0 {
            return Ok(0.0);
        }
        let term = (term()? * weight)?;
        let value = number(&term)?;
        self.total = Some(match self.total.take() {
            Some(total) => (total + term)?,
            None => term,
        });
        Ok(value)
    }
}

/// The value of a scalar.
fn number(scalar: &Tensor) -> CandleResult<f64> {
    scalar.to_dtype(DType::F64)?.to_scalar()
}
