//! The model that ships with the crate.

use candle_core::Device;

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::locator::Locator;

/// The bytes of the checkpoint of [`Predictor::pretrained`](crate::Predictor::pretrained), 10 MB; reports record their
/// hash.
pub const PRETRAINED: &[u8] = include_bytes!("../weights/unet-ikem-w24.safetensors");

/// UNet-IKEM of width 24, trained on the AASCE 2019 training set; see the model card beside the weights.
pub(crate) fn checkpoint() -> Result<Checkpoint> {
    Checkpoint::from_bytes("the bundled weights", PRETRAINED)
}

impl Locator {
    /// The locator that ships with the crate, on the CPU.
    ///
    /// # Errors
    /// When the device fails.
    pub fn pretrained() -> Result<Option<Self>> {
        let checkpoint = checkpoint()?;
        checkpoint.locator.map(|locator| Self::from_checkpoint(locator, &Device::Cpu)).transpose()
    }
}
