//! Where work is saved: beside the films or in one folder, and that of each further reader apart.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use ikem_examples::KEPT_IN;

/// The folder of the folders of readers.
const READERS: &str = "readers";
/// The longest name of a reader, in bytes; file systems take 255.
const LONGEST: usize = 100;

/// A person who reads the films without seeing the work of others. The name is that of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reader(String);

impl Reader {
    /// The name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reader {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_' | '.');
        let fits = (1..=LONGEST).contains(&name.len()) && name.chars().all(allowed);
        match fits && name.trim() == name && !name.starts_with('.') && !name.ends_with('.') {
            true => Ok(Self(name.to_owned())),
            false => Err(format!(
                "expected letters, digits, spaces, hyphens and underscores, at most {LONGEST} bytes"
            )),
        }
    }
}

/// Where work is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Beside each film.
    Beside,
    /// In this folder in each film's own folder.
    Below(PathBuf),
    /// In one folder.
    In(PathBuf),
}

impl Keeping {
    /// As the person wants it.
    pub(super) fn new(output: Option<&Path>, reader: Option<&Reader>) -> Self {
        let own = reader.map(|reader| Path::new(READERS).join(reader.name()));
        match (output, own) {
            (None, None) => Self::Beside,
            (None, Some(own)) => Self::Below(Path::new(KEPT_IN).join(own)),
            (Some(output), own) => Self::In(own.map_or_else(|| output.to_owned(), |own| output.join(own))),
        }
    }

    /// The folder of the log, of films added on the page, and of the work on phantoms. It is in the folder of the `first` film, so that
    /// programs that work on several folders have one each; without films, in the working directory.
    pub(super) fn common(&self, first: Option<&Path>) -> PathBuf {
        let folder = first.and_then(Path::parent).unwrap_or_else(|| Path::new(""));
        match self {
            Self::Beside => folder.join(KEPT_IN),
            Self::Below(own) => folder.join(own),
            Self::In(output) => output.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_depends_on_films_output_and_reader() {
        let (bea, out): (Reader, _) = ("Bea".parse().expect("a name"), Path::new("out"));
        for (output, reader, first, expected) in [
            (None, None, None, "ikem-annotations"),
            (None, None, Some("films/a.png"), "films/ikem-annotations"),
            (None, Some(&bea), Some("films/a.png"), "films/ikem-annotations/readers/Bea"),
            (None, Some(&bea), None, "ikem-annotations/readers/Bea"),
            (Some(out), None, Some("films/a.png"), "out"),
            (Some(out), Some(&bea), Some("films/a.png"), "out/readers/Bea"),
        ] {
            let keeping = Keeping::new(output, reader);
            assert_eq!(keeping.common(first.map(Path::new)), Path::new(expected), "{keeping:?}");
        }
    }

    #[test]
    fn a_reader_has_the_name_of_a_folder() {
        for good in ["Bea", "B. Müller-2", "reader_1"] {
            assert_eq!(good.parse::<Reader>().as_ref().map(Reader::name), Ok(good));
        }
        let long = "a".repeat(101);
        for bad in ["", ".", "..", "a/b", "a\\b", "a:b", " a", "a.", "a\n", long.as_str()] {
            assert!(bad.parse::<Reader>().is_err(), "{bad:?}");
        }
    }
}
