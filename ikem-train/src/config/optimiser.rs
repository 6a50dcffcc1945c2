use ikem_models::ConfigError;
use serde::{Deserialize, Serialize};

use super::within;
use crate::adam::AdamConfig;

/// How weights change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserConfig {
    /// `adam`; `adamw`: with weight decay apart from the gradient; or `muon`. Default: `adam`.
    pub kind: OptimiserKind,
    /// The largest learning rate. Default: 0.001.
    pub learning_rate: f64,
    /// How much of the mean gradient a step keeps. Default: 0.9.
    pub beta1: f64,
    /// How much of the mean squared gradient a step keeps. Default: 0.999.
    pub beta2: f64,
    /// What is added to the root of the mean squared gradient. Default: 1e-8.
    pub epsilon: f64,
    /// AdamW's and Muon's: the part of each weight that a step of learning rate 1 takes away. Default: 0.
    pub weight_decay: f64,
    /// Gradients whose norm over all weights is larger are shortened to it; 0 is never. Default: 0.
    pub clip_norm: f64,
    /// Batches whose mean gradient makes one step. Default: 1.
    pub accumulate: usize,
    /// Of weights and running statistics a moving average is kept, which keeps this part of itself at each step (less in
    /// the first ones); validation and the checkpoints to be used are of the average. 0 is no average. Default: 0.
    pub average: f64,
}

/// The kinds of optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserKind {
    /// Kingma and Ba 2015.
    #[default]
    Adam,
    /// Loshchilov and Hutter 2019.
    AdamW,
    /// Muon for convolutions (Jordan et al. 2024; see [`AdamConfig::muon`]), AdamW for all else. Each learns a good deal more
    /// from a step than by AdamW; the rate is AdamW's.
    Muon,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        let AdamConfig { learning_rate, beta1, beta2, epsilon, weight_decay, .. } = AdamConfig::default();
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
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let below_one = 1.0 - f64::EPSILON;
        let decay = match self.kind {
            OptimiserKind::Adam => 0.0,
            OptimiserKind::AdamW | OptimiserKind::Muon => 10.0,
        };
        within("optimiser.learning_rate", self.learning_rate, f64::MIN_POSITIVE, 10.0)?;
        within("optimiser.beta1", self.beta1, 0.0, below_one)?;
        within("optimiser.beta2", self.beta2, 0.0, below_one)?;
        within("optimiser.epsilon", self.epsilon, f64::MIN_POSITIVE, 1.0)?;
        within("optimiser.weight_decay", self.weight_decay, 0.0, decay)?;
        within("optimiser.clip_norm", self.clip_norm, 0.0, f64::MAX)?;
        within("optimiser.accumulate", self.accumulate as f64, 1.0, 65536.0)?;
        within("optimiser.average", self.average, 0.0, below_one)
    }

    /// Adam's own settings.
    pub(crate) const fn adam(&self) -> AdamConfig {
        let Self { learning_rate, beta1, beta2, epsilon, weight_decay, .. } = *self;
        let muon = matches!(self.kind, OptimiserKind::Muon);
        AdamConfig { learning_rate, beta1, beta2, epsilon, weight_decay, muon }
    }
}
