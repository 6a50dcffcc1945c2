use candle_core::{Result, Tensor, Var};

use crate::error::BuildResult;
use crate::ops::{self, Activation, NormalizedBatch};
use crate::params::{Builder, Init};

/// PyTorch's defaults: the summand of the variance, and the weight of the newest batch in the running statistics.
const EPSILON: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

/// Batch normalisation: by the batch's own statistics in training, by the running ones otherwise.
#[derive(Debug)]
pub(crate) struct BatchNorm {
    gamma: Tensor,
    beta: Tensor,
    running_mean: Var,
    running_variance: Var,
}

impl BatchNorm {
    pub(crate) fn new(builder: &Builder, channels: usize) -> BuildResult<Self> {
        Ok(Self {
            gamma: builder.parameter("weight", &[channels], Init::Constant(1.0))?,
            beta: builder.parameter("bias", &[channels], Init::Constant(0.0))?,
            running_mean: builder.statistic("running_mean", channels, 0.0)?,
            running_variance: builder.statistic("running_var", channels, 1.0)?,
        })
    }

    /// The number of trainable parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.gamma.elem_count() + self.beta.elem_count()
    }

    /// Normalises a batch by its own statistics and updates the running ones with them.
    pub(crate) fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let NormalizedBatch { y, mean, variance } =
            ops::batch_norm(x, &self.gamma, &self.beta, EPSILON, activation)?;
        let count = (x.elem_count() / x.dim(1)?) as f64;
        // As in PyTorch the running variance is the unbiased one.
        let variance = (variance * (count / (count - 1.0)))?;
        for (running, newest) in [(&self.running_mean, &mean), (&self.running_variance, &variance)] {
            running.set(&((running.as_detached_tensor() * (1.0 - MOMENTUM))? + (newest * MOMENTUM)?)?)?;
        }
        Ok(y)
    }

    /// Weight and bias of the convolution that is equivalent to a convolution with `weight` and `bias` followed by this
    /// norm in evaluation.
    pub(crate) fn fold(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<(Tensor, Tensor)> {
        let deviation = (self.running_variance.as_detached_tensor() + EPSILON)?.sqrt()?;
        let scale = self.gamma.detach().div(&deviation)?;
        let mean = self.running_mean.as_detached_tensor();
        let centre = match bias {
            Some(bias) => (bias.detach() - mean)?,
            None => mean.neg()?,
        };
        let weight = weight.detach().broadcast_mul(&scale.reshape(((), 1, 1, 1))?)?;
        Ok((weight, ((centre * scale)? + self.beta.detach())?))
    }
}
