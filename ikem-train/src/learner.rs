use ikem_core::Keypoints;
use ikem_models::{Device, Inputs, Mode, Network, StateDict};

use crate::adam::{Adam, AdamState};
use crate::config::OptimiserConfig;
use crate::descent::Descent;
use crate::error::Result;
use crate::gradients::Gradients;
use crate::loss::{Loss, LossParts};

/// A network that learns: its weights, what the optimiser remembers of them, and their moving average.
#[derive(Debug)]
pub struct Learner {
    descent: Descent<Network>,
    loss: Loss,
}

impl Learner {
    /// A network that has learnt nothing yet.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(network: Network, loss: Loss, config: OptimiserConfig, device: &Device) -> Result<Self> {
        Ok(Self { descent: Descent::new(network, config, device)?, loss })
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
        saved: (&AdamState, Option<StateDict>),
        device: &Device,
    ) -> Result<Self> {
        Ok(Self { descent: Descent::resume(network, config, saved, device)?, loss })
    }

    /// Learns from a batch: a forward pass in training, the loss against the `targets` (pixels of the grid), and its
    /// gradients, which are added to those gathered since the last [`step`](Self::step). Of a loss that is not finite there
    /// are no gradients.
    ///
    /// # Errors
    /// When a shape does not fit, or the device fails.
    pub fn learn(&mut self, inputs: &Inputs, targets: &[Keypoints], dropout_seed: u64) -> Result<LossParts> {
        let logits = self.network().forward(inputs, Mode::Train { dropout_seed })?;
        let loss = self.loss.evaluate(&logits, targets)?;
        if loss.parts.total.is_finite() {
            self.descent.gather(&loss.total)?;
        }
        Ok(loss.parts)
    }

    /// Moves the weights and their average: [`Descent::step`].
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, learning_rate: f64) -> Result<f64> {
        self.descent.step(learning_rate)
    }

    /// The gradients gathered since the last step.
    #[must_use]
    pub fn gradients(&self) -> Option<&Gradients> {
        self.descent.gradients()
    }

    /// The network in training.
    #[must_use]
    pub const fn network(&self) -> &Network {
        self.descent.network()
    }

    /// The network to be used: that of the averages, or where there are none the one in training.
    #[must_use]
    pub fn result(&self) -> &Network {
        self.descent.result()
    }

    /// The network of the averages, where there is one.
    #[must_use]
    pub fn average(&self) -> Option<&Network> {
        self.descent.average()
    }

    /// What is made small.
    #[must_use]
    pub const fn loss(&self) -> &Loss {
        &self.loss
    }

    /// The optimiser.
    #[must_use]
    pub const fn optimiser(&self) -> &Adam {
        self.descent.optimiser()
    }

    /// What has to be saved to go on.
    pub(crate) const fn descent(&self) -> &Descent<Network> {
        &self.descent
    }
}
