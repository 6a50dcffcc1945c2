//! The model that ships with the crate.

use crate::checkpoint::Checkpoint;
use crate::error::Result;

/// The bytes of the checkpoint of [`Predictor::pretrained`](crate::Predictor::pretrained), 9.7 MB; reports record their
/// hash.
pub const PRETRAINED: &[u8] = include_bytes!("../weights/unet-ikem-w24.safetensors");

/// UNet-IKEM of width 24, trained on the AASCE 2019 training set; see the model card beside the weights.
pub(crate) fn checkpoint() -> Result<Checkpoint> {
    Checkpoint::from_bytes(PRETRAINED, "the bundled weights")
}
