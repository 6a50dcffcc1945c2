use ikem_models::{CornerNetwork, Device, LocatorNetwork, Network, Parameters, RefinerNetwork, StateDict};

use crate::error::Result;

/// A network with trainable parameters.
pub trait Trainable: Sized {
    /// Its parameters and running statistics.
    fn parameters(&self) -> &Parameters;

    /// A network of the same architecture with the values of `tensors`.
    ///
    /// # Errors
    /// When a tensor is missing, unexpected or of another shape, or the device fails.
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

impl Trainable for CornerNetwork {
    fn parameters(&self) -> &Parameters {
        self.parameters()
    }

    fn with_tensors(&self, tensors: StateDict, device: &Device) -> Result<Self> {
        Ok(Self::trainable(self.config(), tensors, device)?)
    }
}

impl Trainable for RefinerNetwork {
    fn parameters(&self) -> &Parameters {
        self.parameters()
    }

    fn with_tensors(&self, tensors: StateDict, device: &Device) -> Result<Self> {
        Ok(Self::trainable(self.config(), tensors, device)?)
    }
}
