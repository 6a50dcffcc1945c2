//! Sidecars without their film: renamed when another film takes the name, and found again by the film's fingerprint.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use ikem_files::SAVED_WORK;

use super::entry::{Shown, lock};
use super::failure::{Kind, Result};
use super::sidecar::{Sidecar, Summary};

/// The mark in the names of sidecars whose place another film took.
const REPLACED: &str = ".replaced-";

/// The sidecars of films that are not open to the page, by their films' fingerprints.
#[derive(Debug)]
pub(super) struct LostWork {
    /// The sidecars of the films that are open to the page.
    own: Vec<PathBuf>,
    by_film: OnceLock<Mutex<BTreeMap<String, Lost>>>,
}

/// A sidecar whose film is missing.
#[derive(Debug)]
struct Lost {
    sidecar: PathBuf,
    /// The length of the film's file; unknown in sidecars of earlier versions.
    bytes: Option<u64>,
}

/// Work that was saved under an earlier name of its film, and is now saved under the present one.
#[derive(Debug)]
pub(super) struct Found {
    /// The film's earlier name.
    pub name: String,
    /// What the list shows of it.
    pub shown: Shown,
    /// The number of changes to the work.
    pub revision: u64,
}

impl LostWork {
    /// What is in the folders of `own`, the sidecars of the films that are open to the page. They are searched when it is asked
    /// for.
    pub(super) const fn new(own: Vec<PathBuf>) -> Self {
        Self { own, by_film: OnceLock::new() }
    }

    fn by_film(&self) -> &Mutex<BTreeMap<String, Lost>> {
        self.by_film.get_or_init(|| Mutex::new(self.search()))
    }

    /// Looks for other sidecars, whose film is no longer there. Of several for the same film the newest counts.
    fn search(&self) -> BTreeMap<String, Lost> {
        let own: BTreeSet<&Path> = self.own.iter().map(PathBuf::as_path).collect();
        let folders: BTreeSet<&Path> = own.iter().filter_map(|path| path.parent()).collect();
        let files = folders.into_iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
        let mut found: Vec<(std::time::SystemTime, PathBuf)> = files
            .flatten()
            .filter(|file| file.file_name().as_encoded_bytes().ends_with(SAVED_WORK.as_bytes()))
            .filter(|file| !own.contains(file.path().as_path()))
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        found.sort();
        found.into_iter().filter_map(|(_, path)| Self::lost(path)).collect()
    }

    /// A sidecar with its film's fingerprint, unless it has none, or its film is still there. Where one was replaced, another film
    /// is.
    fn lost(sidecar: PathBuf) -> Option<(String, Lost)> {
        let Summary { fingerprint, bytes, film, ahead, .. } = Sidecar::read_summary(&sidecar);
        // Nobody worked on what was predicted ahead.
        let fingerprint = fingerprint.filter(|_| ahead.is_none())?;
        let beside = film_name(&sidecar).map(|name| sidecar.with_file_name(name));
        let replaced = film_name(&sidecar).is_some_and(|name| name.contains(REPLACED));
        let is_lost = replaced || film.or(beside).is_none_or(|film| !film.exists());
        is_lost.then_some((fingerprint, Lost { sidecar, bytes }))
    }

    /// Whether a film whose file has this length may have lost its work.
    pub(super) fn may_hold(&self, bytes: u64) -> bool {
        lock(self.by_film()).values().any(|lost| lost.bytes.is_none_or(|own| own == bytes))
    }

    /// Moves the sidecar that a film has under an earlier name to `sidecar`, where there must be none. It is given to one film
    /// only: a copy of the film finds nothing.
    pub(super) fn adopt(&self, fingerprint: &str, sidecar: &Path) -> Option<Found> {
        let Lost { sidecar: path, .. } = lock(self.by_film()).remove(fingerprint)?;
        let kept = Sidecar::read(&path).ok().flatten()?;
        if sidecar.exists() || move_file(&path, sidecar).is_err() {
            return None;
        }
        let shown = Shown { effort: kept.effort, digest: Some(kept.digest()), ahead: None };
        Some(Found { name: kept.image, shown, revision: kept.revision })
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
        match held {
            Some(sidecar) => {
                sidecar.write(&aside).map_err(failed)?;
                if there {
                    std::fs::rename(path, free_name(path)).map_err(failed)?;
                }
            }
            None => std::fs::rename(path, &aside).map_err(failed)?,
        }
        lock(self.by_film()).extend(Self::lost(aside.clone()));
        Ok(aside)
    }
}

/// The name of the film that a sidecar stands beside.
fn film_name(sidecar: &Path) -> Option<&str> {
    sidecar.file_name()?.to_str()?.strip_suffix(SAVED_WORK)
}

/// Renames a file, or copies it where the new place is on another disk.
fn move_file(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::rename(from, to).or_else(|_| {
        ikem_files::write_synced(to, &std::fs::read(from)?)?;
        std::fs::remove_file(from)
    })
}

/// An unused name in the folder of `path`, such as `film.png.replaced-1.ikem.json` for `film.png.ikem.json`.
fn free_name(path: &Path) -> PathBuf {
    let own = path.file_name().unwrap_or_default();
    let stem = own.to_str().and_then(|own| own.strip_suffix(SAVED_WORK)).map(OsString::from);
    let stem = stem.unwrap_or_else(|| own.to_owned());
    let name = |number: u64| {
        let mut name = stem.clone();
        name.push(format!("{REPLACED}{number}{SAVED_WORK}"));
        path.with_file_name(name)
    };
    (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
}
