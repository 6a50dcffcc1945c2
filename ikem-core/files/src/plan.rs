//! The files that a program reads and writes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::target::{Identity, is_stream};

/// The files that a program reads and those that it writes. No file may be both.
///
/// Files are compared by identity, not by name: symbolic links, hard links, relative paths and, on case-insensitive
/// file systems, different case all resolve to the same file.
#[derive(Debug, Clone, Default)]
pub struct FilePlan {
    inputs: Vec<Named>,
    folders: Vec<Named>,
    outputs: Vec<(Named, &'static [&'static str])>,
}

/// A path and its role, usually an option's name.
#[derive(Debug, Clone)]
struct Named {
    what: String,
    path: PathBuf,
}

/// The ending of the files in which the corrections of a film are saved: `film.png.ikem.json`. A program's outputs cannot end so.
pub const SAVED_WORK: &str = ".ikem.json";

/// Why a program refuses to write a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The output is one of the program's inputs.
    #[error("{what} {} would replace {input} {}, which is read; name another file", path.display(), read.display())]
    Input {
        /// The output's role.
        what: String,
        /// The output.
        path: PathBuf,
        /// The input's role.
        input: String,
        /// The input.
        read: PathBuf,
    },
    /// Two outputs are the same file.
    #[error("{what} {} is the same file as {other}; name another one", path.display())]
    Twice {
        /// The output's role.
        what: String,
        /// The output.
        path: PathBuf,
        /// The other output's role.
        other: String,
    },
    /// The output's name is that of a film's saved corrections.
    #[error("{what} {}: names that end in {SAVED_WORK} are those of saved corrections; choose another", path.display())]
    SavedWork {
        /// The output's role.
        what: String,
        /// The output.
        path: PathBuf,
    },
    /// The output's extension does not match the kind of file that is written.
    #[error("{what} {}: expected a name that ends in {expected}", path.display())]
    Ending {
        /// The output's role.
        what: String,
        /// The output.
        path: PathBuf,
        /// The valid extensions.
        expected: String,
    },
}

impl FilePlan {
    /// Adds an input. `what` names it in errors, usually by its option.
    pub fn reads(&mut self, what: impl Into<String>, path: impl Into<PathBuf>) -> &mut Self {
        self.inputs.push(Named { what: what.into(), path: path.into() });
        self
    }

    /// Adds a folder of inputs: no existing file in it may be written. New files may be added to it.
    pub fn reads_folder(&mut self, what: impl Into<String>, path: impl Into<PathBuf>) -> &mut Self {
        self.folders.push(Named { what: what.into(), path: path.into() });
        self
    }

    /// Adds an output whose extension must be one of `endings` (lower case, without the dot); any extension is valid
    /// when there are none. Devices and pipes need no extension.
    pub fn writes(
        &mut self,
        what: impl Into<String>,
        path: impl Into<PathBuf>,
        endings: &'static [&'static str],
    ) -> &mut Self {
        self.outputs.push((Named { what: what.into(), path: path.into() }, endings));
        self
    }

    /// Checks that no output is an input or another output, and that all outputs have a valid extension.
    ///
    /// # Errors
    /// The first [`Conflict`].
    pub fn check(&self) -> Result<(), Conflict> {
        let read: HashMap<Identity, &Named> =
            self.inputs.iter().filter_map(|input| Some((Identity::of(&input.path)?, input))).collect();
        let folders: Vec<(PathBuf, &Named)> = self
            .folders
            .iter()
            .filter_map(|folder| Some((folder.path.canonicalize().ok()?, folder)))
            .collect();
        let mut written: HashMap<Identity, &Named> = HashMap::new();
        for (output, endings) in &self.outputs {
            let Some(identity) = Identity::of(&output.path) else {
                output.check_ending(endings)?;
                continue;
            };
            let within = || {
                let whole = output.path.canonicalize().ok().filter(|path| path.is_file())?;
                folders.iter().find(|(folder, _)| whole.starts_with(folder)).map(|(_, named)| *named)
            };
            if let Some(input) = read.get(&identity).copied().or_else(within) {
                let (Named { what, path }, Named { what: input, path: read }) =
                    (output.clone(), input.clone());
                return Err(Conflict::Input { what, path, input, read });
            }
            output.check_ending(endings)?;
            if let Some(other) = written.insert(identity, output) {
                let Named { what, path } = output.clone();
                return Err(Conflict::Twice { what, path, other: other.what.clone() });
            }
        }
        Ok(())
    }
}

impl Named {
    fn check_ending(&self, endings: &[&str]) -> Result<(), Conflict> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name.ends_with(SAVED_WORK) {
            return Err(Conflict::SavedWork { what: self.what.clone(), path: self.path.clone() });
        }
        if endings.is_empty() || has_ending(&self.path, endings) || is_stream(&self.path) {
            return Ok(());
        }
        let expected = endings.iter().map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(" or ");
        Err(Conflict::Ending { what: self.what.clone(), path: self.path.clone(), expected })
    }
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let found = path.extension().map(|ending| ending.to_ascii_lowercase());
    found.is_some_and(|found| endings.iter().any(|ending| found == *ending))
}

#[cfg(test)]
mod tests {
    // Tests may panic.
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn message(plan: &FilePlan) -> String {
        plan.check().unwrap_err().to_string()
    }

    #[test]
    fn an_output_under_any_name_of_an_input_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join("film.png");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(&film, b"x").unwrap();
        #[allow(unused_mut)]
        let mut names =
            vec![film.clone(), folder.path().join("./film.png"), folder.path().join("sub/../film.png")];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("film.png", folder.path().join("link.png")).unwrap();
            std::os::unix::fs::symlink("..", folder.path().join("sub/up")).unwrap();
            std::fs::hard_link(&film, folder.path().join("hard.png")).unwrap();
            names.extend(["link.png", "sub/up/film.png", "hard.png"].map(|name| folder.path().join(name)));
        }
        for name in names {
            let mut plan = FilePlan::default();
            plan.reads("IMAGE", &film).writes("--overlay", &name, &["png"]);
            let found = message(&plan);
            assert!(found.contains("would replace IMAGE") && found.contains("name another file"), "{found}");
        }
        let mut plan = FilePlan::default();
        plan.reads("IMAGE", &film).writes("--overlay", folder.path().join("sub/film.png"), &["png"]);
        assert_eq!(plan.check(), Ok(()));
    }

    #[test]
    fn two_outputs_must_be_different_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = FilePlan::default();
        plan.writes("--output", folder.path().join("new/a.png"), &["png"]).writes(
            "--overlay",
            folder.path().join("b.png"),
            &["png"],
        );
        assert_eq!(plan.check(), Ok(()));
        plan.writes("--heatmap", folder.path().join("./b.png"), &["png"]);
        assert!(message(&plan).contains("is the same file as --overlay"), "{}", message(&plan));
    }

    #[test]
    fn existing_files_of_an_input_folder_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let films = folder.path().join("films");
        std::fs::create_dir(&films).unwrap();
        std::fs::write(films.join("a.csv"), b"x").unwrap();
        let mut plan = FilePlan::default();
        plan.reads_folder("--root", &films).writes("--csv", films.join("new.csv"), &["csv"]);
        assert_eq!(plan.check(), Ok(()));
        plan.writes("--csv", films.join("a.csv"), &["csv"]);
        assert!(message(&plan).contains("would replace --root"), "{}", message(&plan));
    }

    #[test]
    fn outputs_need_a_valid_extension() {
        for (name, endings, right) in [
            ("a.json", &["json"][..], true),
            ("a.JSON", &["json"], true),
            ("a.png", &["json", "csv"], false),
            ("a", &["json"], false),
            (".json", &["json"], false),
            ("a", &[], true),
        ] {
            let mut plan = FilePlan::default();
            plan.writes("--output", name, endings);
            assert_eq!(plan.check().is_ok(), right, "{name}");
        }
        for name in ["film.png.ikem.json", "film.IKEM.json"] {
            let mut plan = FilePlan::default();
            plan.writes("--output", name, &["json"]);
            assert!(matches!(plan.check(), Err(Conflict::SavedWork { .. })), "{name}");
        }
        let mut plan = FilePlan::default();
        plan.writes("--output", "a.png", &["json", "csv"]);
        assert_eq!(message(&plan), "--output a.png: expected a name that ends in .json or .csv");
    }

    #[cfg(unix)]
    #[test]
    fn streams_need_no_extension_and_may_be_shared() {
        let mut plan = FilePlan::default();
        plan.writes("--output", "/dev/stdout", &["json"]).writes("--overlay", "/dev/null", &["png"]);
        plan.writes("--heatmap", "/dev/null", &["png"]);
        assert_eq!(plan.check(), Ok(()));
    }
}
