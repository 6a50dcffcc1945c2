//! The training loss.

mod config;
mod morphology;
mod position;
mod seen;
mod terms;

use std::fmt;

use candle_core::{DType, Result as CandleResult, Tensor};
use ikem_core::{Keypoints, Size};
use ikem_models::{Logits, ModelConfig, training};

pub use config::{LossConfig, MorphologyConfig};
pub use morphology::Morphology;
pub(crate) use terms::cross_entropy;

use seen::{seen, seen_maps};
use terms::{mean_magnitude, tensor_of};

use crate::error::Result;

/// What a training minimises: [`Loss`], or one of your own for [`Trainer::with_objective`](crate::Trainer::with_objective).
pub trait Objective: fmt::Debug + Send + Sync {
    /// Evaluates the loss of a batch against the labelled keypoints of each image, in pixels of the grid. Those that are
    /// not seen are [`Point::ABSENT`](ikem_core::Point::ABSENT), and must not count.
    /// [`LossParts::total`] must be the value of [`LossValue::total`].
    ///
    /// # Errors
    /// When the targets do not match the logits' batch size and number of maps, or the device fails.
    fn evaluate(&self, logits: &Logits, targets: &[Keypoints]) -> Result<LossValue>;
}

impl Objective for Loss {
    fn evaluate(&self, logits: &Logits, targets: &[Keypoints]) -> Result<LossValue> {
        self.evaluate(logits, targets)
    }
}

/// The loss of a batch: a weighted sum of terms computed from the network's logits and the labelled keypoints.
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
    /// The weighted sum, a scalar with a gradient.
    pub total: Tensor,
    /// Its terms.
    pub parts: LossParts,
}

/// The weighted terms of a loss, which add up to the total; 0 for a term of weight 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossParts {
    /// The sum.
    pub total: f64,
    /// Cross-entropy of the heatmaps.
    pub cross_entropy: f64,
    /// Coordinate loss.
    pub coordinates: f64,
    /// Position loss.
    pub position: f64,
    /// Morphology-aware loss.
    pub morphology: f64,
    /// Cross-entropy of the auxiliary head.
    pub auxiliary: f64,
}

impl Loss {
    /// The loss of a network of `model`, with the distances and angles from [`MorphologyConfig::morphology`].
    ///
    /// # Errors
    /// A weight out of range, or distances or angles of keypoints that the network lacks.
    pub fn new(config: &LossConfig, model: &ModelConfig, morphology: Option<Morphology>) -> Result<Self> {
        config.check()?;
        if let Some(morphology) = &morphology {
            morphology.check(model.keypoints())?;
        }
        Ok(Self { config: config.clone(), morphology, std: model.std, grid: model.size })
    }

    /// Evaluates the loss against the labelled keypoints `targets`, in pixels of the grid. Keypoints that are not seen
    /// ([`Point::ABSENT`](ikem_core::Point::ABSENT)) are in no mean, nor are distances and angles that contain one.
    ///
    /// # Errors
    /// When the targets do not match the logits' batch size and number of maps, or the device fails.
    pub fn evaluate(&self, logits: &Logits, targets: &[Keypoints]) -> Result<LossValue> {
        let LossConfig { cross_entropy, coordinates, position, auxiliary, ref morphology } = self.config;
        let seen = seen(targets);
        let of_seen =
            |maps: &Tensor, term: fn(&Tensor, &[Keypoints], f32, Size) -> CandleResult<Tensor>| match seen
                .as_deref()
            {
                None => term(maps, targets, self.std, self.grid),
                Some([]) => nothing(maps),
                Some(seen) => {
                    let (maps, targets) = seen_maps(maps, targets, seen)?;
                    term(&maps, &targets, self.std, self.grid)
                }
            };
        let entropy = |maps| of_seen(maps, training::heatmap_cross_entropy);
        let mut sum = Sum::default();
        let mut parts = LossParts {
            cross_entropy: sum.add(cross_entropy, || entropy(&logits.main))?,
            ..LossParts::default()
        };
        if let Some(maps) = &logits.auxiliary {
            parts.auxiliary = sum.add(auxiliary, || entropy(maps))?;
        }
        parts.position = sum.add(position, || of_seen(&logits.main, position::cross_entropy))?;
        let shape = self.morphology.as_ref().filter(|_| morphology.weight > 0.0);
        if coordinates > 0.0 || shape.is_some() {
            let points = training::expected_points(&logits.main, self.grid)?;
            let places = tensor_of(targets, &points)?;
            parts.coordinates = sum.add(coordinates, || {
                let off = (&points - &places)?;
                match seen.as_deref() {
                    None => mean_magnitude(&off),
                    Some([]) => nothing(&off),
                    Some(seen) => {
                        let all = off.flatten_to(1)?;
                        mean_magnitude(&all.index_select(&Tensor::new(seen, off.device())?, 0)?)
                    }
                }
            })?;
            if let Some(shape) = shape {
                let seen = seen.as_ref().map(|_| targets);
                parts.morphology = sum.add(morphology.weight, || shape.loss(&points, &places, seen))?;
            }
        }
        let total = match sum.total {
            Some(total) => total,
            None => nothing(&logits.main)?,
        };
        parts.total = number(&total)?;
        Ok(LossValue { total, parts })
    }
}

/// Accumulates the weighted terms.
#[derive(Default)]
struct Sum {
    total: Option<Tensor>,
}

impl Sum {
    /// Adds `weight` × `term` unless the weight is 0, and returns the value added.
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

/// The loss where no keypoint is seen.
fn nothing(like: &Tensor) -> CandleResult<Tensor> {
    Tensor::zeros((), like.dtype(), like.device())
}

/// The value of a scalar.
fn number(scalar: &Tensor) -> CandleResult<f64> {
    scalar.to_dtype(DType::F64)?.to_scalar()
}
