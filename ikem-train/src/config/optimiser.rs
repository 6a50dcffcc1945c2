use std::ops::Bound;

use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

use crate::adam::AdamConfig;

/// The optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserConfig {
    /// `adam`; `adamw`, with decoupled weight decay; or `muon`. Default: `adam`.
    pub kind: OptimiserKind,
    /// The peak learning rate, above 0 and at most 10. Default: 0.001.
    pub learning_rate: f64,
    /// Decay rate of the first moment (the running mean of the gradient), at least 0 and below 1. Default: 0.9.
    pub beta1: f64,
    /// Decay rate of the second moment (the running mean of the squared gradient), at least 0 and below 1. Default:
    /// 0.999.
    pub beta2: f64,
    /// Constant added to the square root of the second moment, above 0 and at most 1. Default: 1e-8.
    pub epsilon: f64,
    /// Decoupled weight decay of AdamW and Muon, 0 to 10: a step multiplies each weight by 1 − learning rate × weight
    /// decay. Default: 0.
    pub weight_decay: f64,
    /// Gradient-norm clipping: a larger norm over all weights is scaled down to this value; 0 disables it. Default: 0.
    pub clip_norm: f64,
    /// Gradient accumulation: batches whose mean gradient makes one step, 1 to 65536. Default: 1.
    pub accumulate: usize,
    /// Decay of the exponential moving average (EMA) of weights and running statistics, at least 0 and below 1; it is
    /// lower in the first steps. Validation and the exported checkpoints use the average. 0 disables it. Default: 0.
    pub average: f64,
}

/// The kinds of optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OptimiserKind {
    /// Kingma and Ba 2015.
    #[default]
    Adam,
    /// Loshchilov and Hutter 2019.
    AdamW,
    /// Muon for convolution kernels (Jordan et al. 2024; see [`Muon`](crate::Muon)) and AdamW for all other parameters,
    /// at the same learning rate. It learns considerably more per step than AdamW.
    Muon,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        let AdamConfig { learning_rate, beta1, beta2, epsilon, weight_decay } = AdamConfig::default();
        Self {
            kind: OptimiserKind::Adam,
            learning_rate,
            beta1,
            beta2,
            epsilon,
            weight_decay,
            clip_norm: 0.0,
            accumulate: 1,
            average: 0.0,
        }
    }
}

impl OptimiserConfig {
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        let up_to = |most| (Bound::Excluded(0.0), Bound::Included(most));
        let most_decay = match self.kind {
            OptimiserKind::Adam => 0.0,
            OptimiserKind::AdamW | OptimiserKind::Muon => 10.0,
        };
        FieldError::check_range("optimiser.learning_rate", self.learning_rate, up_to(10.0))?;
        FieldError::check_range("optimiser.beta1", self.beta1, 0.0..1.0)?;
        FieldError::check_range("optimiser.beta2", self.beta2, 0.0..1.0)?;
        FieldError::check_range("optimiser.epsilon", self.epsilon, up_to(1.0))?;
        FieldError::check_range("optimiser.weight_decay", self.weight_decay, 0.0..=most_decay)?;
        FieldError::check_not_negative("optimiser.clip_norm", self.clip_norm)?;
        FieldError::check_range("optimiser.accumulate", self.accumulate, 1..=65536)?;
        FieldError::check_range("optimiser.average", self.average, 0.0..1.0)
    }

    /// The hyperparameters of Adam, which Muon shares.
    pub(crate) const fn adam(&self) -> AdamConfig {
        let Self { learning_rate, beta1, beta2, epsilon, weight_decay, .. } = *self;
        AdamConfig { learning_rate, beta1, beta2, epsilon, weight_decay }
    }
}
