use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::TrainConfig;
use crate::error::{Error, Result};

/// The longest config that is read, in bytes.
const LONGEST: u64 = 1 << 20;

impl TrainConfig {
    /// Reads a TOML file and checks it.
    ///
    /// # Errors
    /// [`Error::ConfigFile`] names the file and, where a field is at fault, the field.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        read(path.as_ref(), Self::parse)
    }

    /// Parses TOML and checks it.
    ///
    /// # Errors
    /// [`Error::Syntax`] for what is no such TOML, with line and field; [`Error::Setting`] for a field out of its range.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = parse(text)?;
        config.check()?;
        Ok(config)
    }
}

/// Reads a file that holds a config, which `parse` parses and checks; errors name the file.
pub(crate) fn read<C>(path: &Path, parse: impl FnOnce(&str) -> Result<C>) -> Result<C> {
    let at = |fault: String| Error::ConfigFile { path: path.to_owned(), fault };
    let (file, length) = ikem_files::open(path).map_err(|error| at(error.to_string()))?;
    if length > LONGEST {
        return Err(at(format!("it has {length} bytes; expected at most {LONGEST}")));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| at(error.to_string()))?;
    parse(&text).map_err(|error| at(error.to_string()))
}

/// Parses TOML; a field of the wrong type or name is named by its path.
pub(crate) fn parse<C: DeserializeOwned>(text: &str) -> Result<C> {
    let syntax = |error: &toml::de::Error, field: Option<String>| {
        let line = error.span().and_then(|span| Some(text.get(..span.start)?.matches('\n').count() + 1));
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let field = field.map(|field| format!("`{field}`: ")).unwrap_or_default();
        Error::Syntax(format!("{place}{field}{}", error.message()))
    };
    let toml = toml::Deserializer::parse(text).map_err(|error| syntax(&error, None))?;
    serde_path_to_error::deserialize(toml).map_err(|error| {
        let path = error.path().to_string();
        syntax(error.inner(), (path != ".").then_some(path))
    })
}

/// The path of the first value in which `a` and `b` differ.
pub(crate) fn first_difference(a: &Value, b: &Value) -> Option<String> {
    if let (Value::Object(a), Value::Object(b)) = (a, b) {
        let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
        for key in keys {
            let (null, below) = (Value::Null, |rest: String| match rest.is_empty() {
                true => key.clone(),
                false => format!("{key}.{rest}"),
            });
            let found = first_difference(a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
            if let Some(rest) = found {
                return Some(below(rest));
            }
        }
        return None;
    }
    (a != b).then(String::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_a_file_is_told_on_one_line_with_its_field() {
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
    fn a_file_that_is_not_there_is_named() {
        let error = TrainConfig::read("no-such.toml").expect_err("nothing to read").to_string();
        assert!(error.starts_with("no-such.toml: No such file"), "{error}");
    }

    #[test]
    fn a_gate_can_be_left_out() {
        let text = "[model.network.unet]\nhints = false\ngate_width = 0\n";
        TrainConfig::parse(text).expect("the plain network");
    }
}
