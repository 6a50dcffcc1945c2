//! The networks that a checkpoint may have beside the keypoint network.

use std::path::Path;

use ikem_core::FieldError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Precision, open, safetensors};
use crate::corners::CornerConfig;
use crate::error::{CheckpointFault, Result};
use crate::locator::LocatorConfig;
use crate::params::StateDict;
use crate::refiner::RefinerConfig;

/// The config of a part of a checkpoint.
pub trait Part: Serialize + DeserializeOwned {
    /// The metadata key of the config; the names of the part's tensors begin with it and a dot.
    const KEY: &'static str;

    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    fn check(&self) -> std::result::Result<(), FieldError>;
}

impl Part for LocatorConfig {
    const KEY: &'static str = "ikem.locator";

    fn check(&self) -> std::result::Result<(), FieldError> {
        Self::check(self)
    }
}

impl Part for CornerConfig {
    const KEY: &'static str = "ikem.corners";

    fn check(&self) -> std::result::Result<(), FieldError> {
        Self::check(self)
    }
}

impl Part for RefinerConfig {
    const KEY: &'static str = "ikem.refiner";

    fn check(&self) -> std::result::Result<(), FieldError> {
        Self::check(self)
    }
}

/// The config and tensors of a part of a [`Checkpoint`](super::Checkpoint), or of a `.safetensors` file of its own.
#[derive(Debug, Clone)]
pub struct PartCheckpoint<C> {
    /// The dimensions of its network.
    pub config: C,
    /// Its weights, biases and running statistics by their names, f32 on the CPU.
    pub tensors: StateDict,
}

impl<C: Part> PartCheckpoint<C> {
    /// Reads this part of a `.safetensors` file, with or without a keypoint network.
    ///
    /// # Errors
    /// As [`Checkpoint::read`](super::Checkpoint::read); [`CheckpointFault::NoConfig`] when the file has no such part.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        open(path)
            .and_then(|(file, length)| safetensors::read_part(file, length))
            .map_err(|fault| fault.at(path))
    }

    /// Writes a `.safetensors` file of this part alone. An existing file is replaced as a whole or, when anything
    /// fails, not at all.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&self, path: impl AsRef<Path>, precision: Precision) -> Result<()> {
        let path = path.as_ref();
        let bytes = safetensors::serialize_part(self, precision).map_err(|fault| fault.at(path))?;
        ikem_files::write_synced(path, &bytes).map_err(|error| CheckpointFault::Io(error).at(path))
    }
}
