use std::fmt::Debug;
use std::path::Path;

use ikem_core::FieldError;
use ikem_models::{Layers, Part};

use crate::config::{Checked, OptimiserConfig, Resumable, ScheduleConfig, file};
use crate::error::Result;

/// The configuration of a training of a network beside the keypoint network, as a TOML file states it. What it must have is a
/// field with the network's dimensions, whose name tells it from other configs.
///
/// ```
/// use ikem_train::{CornerTrainConfig, LocatorTrainConfig, PartTrainConfig};
/// let text = "[corners]\nwidth = 4\n[schedule]\nepochs = 30";
/// assert!(CornerTrainConfig::is_meant_by(text) && !LocatorTrainConfig::is_meant_by(text));
/// let config = CornerTrainConfig::parse(text)?;
/// assert_eq!((config.part().width, config.schedule().epochs), (4, 30));
/// # Ok::<(), ikem_train::Error>(())
/// ```
pub trait PartTrainConfig: Resumable {
    /// The layers of the network.
    type Layers: Layers<Config = Self::Part>;
    /// The dimensions of the network.
    type Part: Part + Copy + Debug;
    /// The field that holds them.
    const FIELD: &'static str;

    /// The dimensions of the network.
    fn part(&self) -> Self::Part;

    /// The optimiser.
    fn optimiser(&self) -> OptimiserConfig;

    /// The number of epochs and the learning-rate schedule.
    fn schedule(&self) -> ScheduleConfig;

    /// The seed of all random choices.
    fn seed(&self) -> u64;

    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range.
    fn check(&self) -> Result<(), FieldError>;

    /// The config, after [`check`](Self::check).
    ///
    /// # Errors
    /// The first field that is out of range.
    fn checked(self) -> Result<Checked<Self>, FieldError> {
        self.check()?;
        Ok(Checked::new(self))
    }

    /// Reads a TOML file and checks every field.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) when the file cannot be read;
    /// [`Error::ConfigFile`](crate::Error::ConfigFile) when its content is invalid, naming the field.
    fn read(path: impl AsRef<Path>) -> Result<Checked<Self>> {
        file::read(path.as_ref(), Self::parse)
    }

    /// Parses TOML and checks every field.
    ///
    /// # Errors
    /// [`Error::Syntax`](crate::Error::Syntax) for invalid TOML, with line and field;
    /// [`Error::Field`](crate::Error::Field) for a field out of range.
    fn parse(text: &str) -> Result<Checked<Self>> {
        file::parse(text, Self::checked)
    }

    /// Whether a TOML text configures such a training: it has the field [`FIELD`](Self::FIELD).
    #[must_use]
    fn is_meant_by(text: &str) -> bool {
        text.parse::<toml::Table>().is_ok_and(|table| table.contains_key(Self::FIELD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CornerTrainConfig, LocatorTrainConfig, RefinerTrainConfig};

    #[test]
    fn configs_are_recognised_by_their_field() {
        let meant = |text: &str| {
            [
                LocatorTrainConfig::is_meant_by(text),
                CornerTrainConfig::is_meant_by(text),
                RefinerTrainConfig::is_meant_by(text),
            ]
        };
        assert_eq!(meant("[locator]\nwidth = 8"), [true, false, false]);
        assert_eq!(meant("[corners]\nwidth = 8"), [false, true, false]);
        assert_eq!(meant("[refiner]\nwidth = 8"), [false, false, true]);
        assert_eq!(meant("[model]\nstd = 3.0"), [false; 3]);
        assert_eq!(meant("[["), [false; 3]);
    }
}
