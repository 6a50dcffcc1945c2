use candle_core::Tensor;
use ikem_models::{Device, StateDict};

use crate::adam::{Adam, AdamState};
use crate::average::MovingAverage;
use crate::config::OptimiserConfig;
use crate::error::Result;
use crate::gradients::Gradients;
use crate::trainable::Trainable;

/// Gradient descent on a network: gathers gradients, clips their norm, steps, and keeps the moving average of the weights.
#[derive(Debug)]
pub struct Descent<N> {
    network: N,
    average: Option<MovingAverage<N>>,
    optimiser: Adam,
    config: OptimiserConfig,
    gathered: Option<(Gradients, usize)>,
}

impl<N: Trainable> Descent<N> {
    /// A descent that begins.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(network: N, config: OptimiserConfig, device: &Device) -> Result<Self> {
        let optimiser = Adam::new(network.parameters(), config.adam())?;
        let average = (config.average > 0.0)
            .then(|| MovingAverage::new(&network, config.average, device))
            .transpose()?;
        Ok(Self { network, average, optimiser, config, gathered: None })
    }

    /// A descent that goes on as `optimiser` and, where there is one, `average` say.
    ///
    /// # Errors
    /// [`Error::State`](crate::Error::State) and [`Error::Model`](crate::Error::Model) when they are those of another
    /// network; a device that fails.
    pub fn resume(
        network: N,
        config: OptimiserConfig,
        (optimiser, average): (&AdamState, Option<StateDict>),
        device: &Device,
    ) -> Result<Self> {
        let optimiser = Adam::resume(network.parameters(), config.adam(), optimiser)?;
        let resumed = |tensors| MovingAverage::resume(&network, tensors, config.average, device);
        let average = average.map(resumed).transpose()?;
        Ok(Self { network, average, optimiser, config, gathered: None })
    }

    /// Adds the gradients of a loss to those gathered since the last [`step`](Self::step).
    ///
    /// # Errors
    /// When the device fails.
    pub fn gather(&mut self, loss: &Tensor) -> Result<()> {
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

    /// Moves the weights along the mean of the gathered gradients, its norm clipped to the config's, and the average after them.
    /// Gives the norm before it was clipped; along one that is not finite nothing moves.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, learning_rate: f64) -> Result<f64> {
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
        self.optimiser.step_along(&gradients)?;
        if let Some(average) = &self.average {
            average.update(&self.network, self.optimiser.steps())?;
        }
        Ok(norm)
    }

    /// The gradients gathered since the last step.
    #[must_use]
    pub fn gradients(&self) -> Option<&Gradients> {
        self.gathered.as_ref().map(|(gradients, _)| gradients)
    }

    /// The network in training.
    #[must_use]
    pub const fn network(&self) -> &N {
        &self.network
    }

    /// The network to be used: that of the averages, or where there are none the one in training.
    #[must_use]
    pub fn result(&self) -> &N {
        self.average().unwrap_or(&self.network)
    }

    /// The network of the averages, where there is one.
    #[must_use]
    pub fn average(&self) -> Option<&N> {
        self.average.as_ref().map(MovingAverage::network)
    }

    /// The optimiser.
    #[must_use]
    pub const fn optimiser(&self) -> &Adam {
        &self.optimiser
    }
}
