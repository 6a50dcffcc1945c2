use ikem_models::{Device, LocatorNetwork, Network, Parameters, StateDict};

use crate::error::Result;

/// A network whose weights are variables.
pub trait Trainable: Sized {
    /// Its variables.
    fn parameters(&self) -> &Parameters;

    /// A network built as this one, with the values of `tensors`.
    ///
    /// # Errors
    /// A tensor missing, left over or of another shape; a device that fails.
    fn with_tensors(&self, tensors: StateDict, device: &Device) -> Result<Self>;
}

impl Trainable for Network {
    fn parameters(&self) -> &Parameters {
        self.parameters()
    }

    fn with_tensors(&self, tensors: StateDict, device: &Device) -> Result<Self> {
        Ok(Self::trainable(self.config(), tensors, device)?)
    }
}

impl Trainable for LocatorNetwork {
    fn parameters(&self) -> &Parameters {
        self.parameters()
    }

    fn with_tensors(&self, tensors: StateDict, device: &Device) -> Result<Self> {
        Ok(Self::trainable(self.config(), tensors, device)?)
    }
}
