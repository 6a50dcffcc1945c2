//! Sidecars without their film: renamed when another film takes the name, and found again by the film's fingerprint.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::entry::lock;
use super::failure::{Kind, Result};
use super::sidecar::Sidecar;

/// The ending of sidecar names.
const ENDING: &str = ".ikem.json";

/// The sidecars of films that are not open to the page, by their films' fingerprints.
#[derive(Debug, Default)]
pub(super) struct LostWork {
    by_film: Mutex<BTreeMap<String, PathBuf>>,
}

impl LostWork {
    /// Looks through the folders of `sidecars`, which are those of the films that are open to the page, for others. Of several
    /// for the same film the newest counts.
    pub(super) fn search<'a>(sidecars: impl Iterator<Item = &'a Path>) -> Self {
        let own: BTreeSet<&Path> = sidecars.collect();
        let folders: BTreeSet<&Path> = own.iter().filter_map(|path| path.parent()).collect();
        let files = folders.into_iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
        let mut found: Vec<(std::time::SystemTime, PathBuf)> = files
            .flatten()
            .filter(|file| file.file_name().as_encoded_bytes().ends_with(ENDING.as_bytes()))
            .filter(|file| !own.contains(file.path().as_path()))
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        found.sort();
        let lost = Self::default();
        for (_, path) in found {
            if let Some(fingerprint) = Sidecar::read_summary(&path).fingerprint {
                lost.add(fingerprint, path);
            }
        }
        lost
    }

    /// Adds a sidecar whose film is missing.
    fn add(&self, fingerprint: String, sidecar: PathBuf) {
        lock(&self.by_film).insert(fingerprint, sidecar);
    }

    /// The sidecar that a film has under an earlier name, with its path. The file is not moved.
    pub(super) fn of_film(&self, fingerprint: &str) -> Option<(Sidecar, PathBuf)> {
        let path = lock(&self.by_film).get(fingerprint).cloned()?;
        Some((Sidecar::read(&path).ok().flatten()?, path))
    }

    /// Moves the sidecar at `path` out of the way of another film's; `held` is the work on the film that was there, as far as it
    /// is in memory. Returns where the work is now.
    pub(super) fn set_aside(&self, path: &Path, held: Option<&Sidecar>) -> Result<PathBuf> {
        let aside = free_name(path);
        let failed = |error: std::io::Error| {
            let (path, aside) = (path.display(), aside.display());
            Kind::Failed
                .because(format!("{path} belongs to another film and cannot be moved to {aside}: {error}"))
        };
        let there = path.try_exists().map_err(failed)?;
        let fingerprint = match held {
            Some(sidecar) => {
                sidecar.write(&aside).map_err(failed)?;
                if there {
                    std::fs::rename(path, free_name(path)).map_err(failed)?;
                }
                sidecar.fingerprint.clone()
            }
            None => {
                std::fs::rename(path, &aside).map_err(failed)?;
                Sidecar::read_summary(&aside).fingerprint
            }
        };
        if let Some(fingerprint) = fingerprint {
            self.add(fingerprint, aside.clone());
        }
        Ok(aside)
    }
}

/// An unused name in the folder of `path`, such as `film.png.replaced-1.ikem.json` for `film.png.ikem.json`.
fn free_name(path: &Path) -> PathBuf {
    let own = path.file_name().unwrap_or_default();
    let stem = own.to_str().and_then(|own| own.strip_suffix(ENDING)).map(OsString::from);
    let stem = stem.unwrap_or_else(|| own.to_owned());
    let name = |number: u64| {
        let mut name = stem.clone();
        name.push(format!(".replaced-{number}{ENDING}"));
        path.with_file_name(name)
    };
    (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
}
