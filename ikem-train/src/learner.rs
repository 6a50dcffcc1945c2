use ikem_core::Keypoints;
use ikem_models::{Device, Inputs, Mode, Network, StateDict};

use crate::adam::{Adam, AdamState};
use crate::average::MovingAverage;
use crate::config::OptimiserConfig;
use crate::error::Result;
use crate::gradients::Gradients;
use crate::loss::{Loss, LossParts};

/// A network that learns: its weights, what the optimiser remembers of them, and their moving average.
#[derive(Debug)]
pub struct Learner {
    network: Network,
    average: Option<MovingAverage>,
    optimiser: Adam,
    loss: Loss,
    config: OptimiserConfig,
    gathered: Option<(Gradients, usize)>,
}

impl Learner {
    /// A network that has learnt nothing yet.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(network: Network, loss: Loss, config: OptimiserConfig, device: &Device) -> Result<Self> {
        let optimiser = Adam::new(network.parameters(), config.adam())?;
        let average = (config.average > 0.0)
            .then(|| MovingAverage::new(&network, config.average, device))
            .transpose()?;
        Ok(Self { network, average, optimiser, loss, config, gathered: None })
    }

    /// A network that goes on as `optimiser` and, where there is one, `average` say.
    ///
    /// # Errors
    /// [`Error::State`](crate::Error::State) and [`Error::Model`](crate::Error::Model) when they are those of another
    /// network; a device that fails.
    pub fn resume(
        network: Network,
        loss: Loss,
        config: OptimiserConfig,
        (optimiser, average): (&AdamState, Option<StateDict>),
        device: &Device,
    ) -> Result<Self> {
        let optimiser = Adam::resume(network.parameters(), config.adam(), optimiser)?;
        let resumed = |tensors| MovingAverage::resume(&network, tensors, config.average, device);
        let average = average.map(resumed).transpose()?;
        Ok(Self { network, average, optimiser, loss, config, gathered: None })
    }

    /// Learns from a batch: a forward pass in training, the loss against the `targets` (pixels of the grid), and its
    /// gradients, which are added to those gathered since the last [`step`](Self::step). Of a loss that is not finite there
    /// are no gradients.
    ///
    /// # Errors
    /// When a shape does not fit, or the device fails.
    pub fn learn(&mut self, inputs: &Inputs, targets: &[Keypoints], dropout_seed: u64) -> Result<LossParts> {
        let logits = self.network.forward(inputs, Mode::Train { dropout_seed })?;
        let loss = self.loss.evaluate(&logits, targets)?;
        if !loss.parts.total.is_finite() {
            return Ok(loss.parts);
        }
        let newest = Gradients::new(self.network.parameters(), &loss.total.backward()?)?;
        self.gathered = Some(match self.gathered.take() {
            Some((mut sum, batches)) => {
                sum.add(newest)?;
                (sum, batches + 1)
            }
            None => (newest, 1),
        });
        Ok(loss.parts)
    }

    /// Moves the weights along the mean of the gathered gradients, shortened to the config's norm, and the average after
    /// them. Gives the norm before it was shortened; along one that is not finite nothing moves.
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
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The network to be used: that of the averages, or where there are none the one in training.
    #[must_use]
    pub const fn result(&self) -> &Network {
        match &self.average {
            Some(average) => average.network(),
            None => &self.network,
        }
    }

    /// The network of the averages, where there is one.
    #[must_use]
    pub fn average(&self) -> Option<&Network> {
        self.average.as_ref().map(MovingAverage::network)
    }

    /// What is made small.
    #[must_use]
    pub const fn loss(&self) -> &Loss {
        &self.loss
    }

    /// The optimiser.
    #[must_use]
    pub const fn optimiser(&self) -> &Adam {
        &self.optimiser
    }
}
