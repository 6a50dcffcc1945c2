use candle_core::Tensor;
use ikem_models::{Device, Parameters, StateDict};

use crate::adam::Adam;
use crate::average::MovingAverage;
use crate::config::{OptimiserConfig, OptimiserKind};
use crate::error::Result;
use crate::gradients::Gradients;
use crate::muon::Muon;
use crate::optimiser::{Optimiser, OptimiserState};
use crate::trainable::Trainable;

/// Gradient descent on a network: accumulates gradients, clips their norm, steps the optimiser and updates the moving
/// average of the weights.
#[derive(Debug)]
pub(crate) struct Descent<N> {
    network: N,
    average: Option<MovingAverage<N>>,
    optimiser: Box<dyn Optimiser>,
    config: OptimiserConfig,
    gathered: Option<(Gradients, usize)>,
}

/// The optimiser of a config for the trainable `parameters`.
fn optimiser(config: &OptimiserConfig, parameters: &Parameters) -> Result<Box<dyn Optimiser>> {
    Ok(match config.kind {
        OptimiserKind::Adam | OptimiserKind::AdamW => Box::new(Adam::new(parameters, config.adam())?),
        OptimiserKind::Muon => Box::new(Muon::new(parameters, config.adam())?),
    })
}

impl<N: Trainable> Descent<N> {
    /// Starts from `network`, with a fresh optimiser.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn new(network: N, config: OptimiserConfig, device: &Device) -> Result<Self> {
        let optimiser = optimiser(&config, network.parameters())?;
        let average = (config.average > 0.0)
            .then(|| MovingAverage::new(&network, config.average, device))
            .transpose()?;
        Ok(Self { network, average, optimiser, config, gathered: None })
    }

    /// Resumes from a saved optimiser state and, where there is one, a saved average.
    ///
    /// # Errors
    /// [`Error::OptimiserState`](crate::Error::OptimiserState) and [`Error::Model`](crate::Error::Model) when they
    /// belong to another network; a device failure.
    pub(crate) fn resume(
        network: N,
        config: OptimiserConfig,
        (state, average): (&OptimiserState, Option<StateDict>),
        device: &Device,
    ) -> Result<Self> {
        let mut optimiser = optimiser(&config, network.parameters())?;
        optimiser.restore(state)?;
        let resumed = |tensors| MovingAverage::resume(&network, tensors, config.average, device);
        let average = average.map(resumed).transpose()?;
        Ok(Self { network, average, optimiser, config, gathered: None })
    }

    /// Adds the gradients of a loss to those accumulated since the last [`step`](Self::step).
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn gather(&mut self, loss: &Tensor) -> Result<()> {
        let newest = Gradients::new(self.network.parameters(), &loss.backward()?)?;
        self.gathered = Some(match self.gathered.take() {
            Some((mut sum, batches)) => {
                sum.add(newest)?;
                (sum, batches + 1)
            }
            None => (newest, 1),
        });
        Ok(())
    }

    /// Updates the weights by the mean of the accumulated gradients, clipped to the configured norm, and then their
    /// average. Returns the norm before clipping; nothing is updated when it is infinite or NaN.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn step(&mut self, learning_rate: f64) -> Result<f64> {
        let Some((mut gradients, batches)) = self.gathered.take() else { return Ok(0.0) };
        if batches > 1 {
            gradients.scale(1.0 / batches as f64)?;
        }
        let norm = gradients.norm()?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        let most = self.config.clip_norm;
        if most > 0.0 && norm > most {
            gradients.scale(most / norm)?;
        }
        self.optimiser.set_learning_rate(learning_rate);
        self.optimiser.step(&gradients)?;
        if let Some(average) = &self.average {
            average.update(&self.network, self.optimiser.steps())?;
        }
        Ok(norm)
    }

    /// The gradients accumulated since the last step.
    #[must_use]
    pub(crate) fn gradients(&self) -> Option<&Gradients> {
        self.gathered.as_ref().map(|(gradients, _)| gradients)
    }

    /// The network in training.
    #[must_use]
    pub(crate) const fn network(&self) -> &N {
        &self.network
    }

    /// The network for inference: the averaged one, or without averaging the one in training.
    #[must_use]
    pub(crate) fn result(&self) -> &N {
        self.average().unwrap_or(&self.network)
    }

    /// The averaged network, if averaging is enabled.
    #[must_use]
    pub(crate) fn average(&self) -> Option<&N> {
        self.average.as_ref().map(MovingAverage::network)
    }

    /// The optimiser.
    #[must_use]
    pub(crate) fn optimiser(&self) -> &dyn Optimiser {
        &*self.optimiser
    }
}
