use ikem_models::{Device, Layers, Network, Parameters, PartNetwork, StateDict};

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

impl<L: Layers> Trainable for PartNetwork<L> {
    fn parameters(&self) -> &Parameters {
        self.parameters()
    }

    fn with_tensors(&self, tensors: StateDict, device: &Device) -> Result<Self> {
        Ok(Self::trainable(self.config(), tensors, device)?)
    }
}
