use std::io::Read;
use std::path::Path;

use ikem_core::FieldError;
use serde::de::DeserializeOwned;

use super::{Checked, TrainConfig};
use crate::error::{Error, FileFault, Result, TomlError};

/// The size limit of a config file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

impl TrainConfig {
    /// Reads a TOML file and checks every field.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be read; [`Error::ConfigFile`] when its content is invalid, naming the field.
    pub fn read(path: impl AsRef<Path>) -> Result<Checked<Self>> {
        read(path.as_ref(), Self::parse)
    }

    /// Parses TOML and checks every field.
    ///
    /// # Errors
    /// [`Error::Syntax`] for invalid TOML, with line and field; [`Error::Field`] for a field out of range.
    pub fn parse(text: &str) -> Result<Checked<Self>> {
        parse(text, Self::checked)
    }
}

/// Reads a config file and parses it with `parse`; errors name the file.
pub(crate) fn read<C>(path: &Path, parse: impl FnOnce(&str) -> Result<C>) -> Result<C> {
    let (file, found) = ikem_files::open(path).map_err(|error| Error::file(path, error))?;
    if found > MAX_BYTES {
        return Err(Error::file(path, FileFault::TooLarge { found, limit: MAX_BYTES }));
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| Error::file(path, error))?;
    parse(&text).map_err(|error| Error::ConfigFile { path: path.to_owned(), source: Box::new(error) })
}

/// Parses TOML and checks the config with `checked`; an error names the path of the field.
pub(crate) fn parse<C: DeserializeOwned>(
    text: &str,
    checked: impl FnOnce(C) -> Result<Checked<C>, FieldError>,
) -> Result<Checked<C>> {
    let syntax = |error: toml::de::Error, field: Option<String>| {
        let line = error.span().and_then(|span| Some(text.get(..span.start)?.matches('\n').count() + 1));
        Error::Syntax { line, field, source: TomlError(Box::new(error)) }
    };
    let toml = toml::Deserializer::parse(text).map_err(|error| syntax(error, None))?;
    let config = serde_path_to_error::deserialize(toml).map_err(|error| {
        let path = error.path().to_string();
        syntax(error.into_inner(), (path != ".").then_some(path))
    })?;
    Ok(checked(config)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_line_and_name_the_field() {
        let cases = [
            ("[data]\nbatch_sise = 4\n", "`data.batch_sise`: unknown field"),
            ("sead = 4\n", "`sead`: unknown field"),
            ("[model.network.unet]\nwidth = \"wide\"\n", "`model.network.unet.width`: invalid type: string"),
            ("[optimiser]\nkind = \"sgd\"\n", "`optimiser.kind`: unknown variant `sgd`"),
            ("[data]\naugmentation = [{ warp = {} }]\n", "`data.augmentation"),
            ("seed = \n", "line 1"),
            ("[hints.strategy.pre-hint]\nmuch = 3\n", "much"),
            ("[schedule]\nepochs = 0\n", "`schedule.epochs`: expected 1"),
            ("[model.network.unet]\nwidth = 0\n", "`model.network.unet.width`: expected 1 to 512, found 0"),
            ("[data]\naugmentation = [{ flip = { probability = 2 } }]\n", "probability: 0…1"),
        ];
        for (text, expected) in cases {
            let error = TrainConfig::parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = TrainConfig::read("no-such.toml").expect_err("nothing to read").to_string();
        assert!(error.starts_with("no-such.toml: No such file"), "{error}");
    }

    #[test]
    fn a_gate_can_be_left_out() {
        let text = "[model.network.unet]\nhints = false\ngate_width = 0\n";
        TrainConfig::parse(text).expect("the plain network");
    }
}
