use ikem_core::Keypoints;
use ikem_models::{Device, Inputs, Mode, Network, StateDict};

use crate::config::OptimiserConfig;
use crate::descent::Descent;
use crate::error::Result;
use crate::gradients::Gradients;
use crate::loss::{LossParts, Objective};
use crate::optimiser::{Optimiser, OptimiserState};

/// A keypoint network in training: its weights, the optimiser's state, their moving average, and the loss.
#[derive(Debug)]
pub struct Learner {
    descent: Descent<Network>,
    loss: Box<dyn Objective>,
}

impl Learner {
    /// Starts from `network`, with a fresh optimiser.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(
        network: Network,
        loss: impl Objective + 'static,
        config: OptimiserConfig,
        device: &Device,
    ) -> Result<Self> {
        Ok(Self { descent: Descent::new(network, config, device)?, loss: Box::new(loss) })
    }

    /// Resumes from a saved optimiser state and, where there is one, a saved average.
    ///
    /// # Errors
    /// [`Error::OptimiserState`](crate::Error::OptimiserState) and [`Error::Model`](crate::Error::Model) when they
    /// belong to another network; a device failure.
    pub fn resume(
        network: Network,
        loss: impl Objective + 'static,
        config: OptimiserConfig,
        saved: (&OptimiserState, Option<StateDict>),
        device: &Device,
    ) -> Result<Self> {
        Ok(Self { descent: Descent::resume(network, config, saved, device)?, loss: Box::new(loss) })
    }

    /// Runs a forward pass in training mode, evaluates the loss against the `targets` (pixels of the grid), and adds
    /// its gradients to those accumulated since the last [`step`](Self::step). An infinite or NaN loss adds no
    /// gradients.
    ///
    /// # Errors
    /// A shape mismatch, or a device failure.
    pub fn learn(&mut self, inputs: &Inputs, targets: &[Keypoints], dropout_seed: u64) -> Result<LossParts> {
        let logits = self.network().forward(inputs, Mode::Train { dropout_seed })?;
        let loss = self.loss.evaluate(&logits, targets)?;
        if loss.parts.total.is_finite() {
            self.descent.gather(&loss.total)?;
        }
        Ok(loss.parts)
    }

    /// Updates the weights and their average: [`Descent::step`].
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, learning_rate: f64) -> Result<f64> {
        self.descent.step(learning_rate)
    }

    /// The gradients accumulated since the last step.
    #[must_use]
    pub fn gradients(&self) -> Option<&Gradients> {
        self.descent.gradients()
    }

    /// The network in training.
    #[must_use]
    pub const fn network(&self) -> &Network {
        self.descent.network()
    }

    /// The network for inference: the averaged one, or without averaging the one in training.
    #[must_use]
    pub fn result(&self) -> &Network {
        self.descent.result()
    }

    /// The averaged network, if averaging is enabled.
    #[must_use]
    pub fn average(&self) -> Option<&Network> {
        self.descent.average()
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self) -> &dyn Objective {
        &*self.loss
    }

    /// Replaces the loss.
    pub(crate) fn set_loss(&mut self, loss: impl Objective + 'static) {
        self.loss = Box::new(loss);
    }

    /// The optimiser.
    #[must_use]
    pub fn optimiser(&self) -> &dyn Optimiser {
        self.descent.optimiser()
    }

    /// The part of the state that is saved for resumption.
    pub(crate) const fn descent(&self) -> &Descent<Network> {
        &self.descent
    }
}
