use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The largest number of locked folders; each takes an open file.
const MOST: usize = 256;

/// Locks on the folders that a program writes to, so that only one program at a time works in a folder. The operating system
/// releases them when the program ends, even after a crash.
#[derive(Debug, Default)]
pub struct FolderLocks {
    _held: Vec<File>,
}

impl FolderLocks {
    /// Locks each of the existing `folders`. On a file system without locks, nothing is locked.
    ///
    /// # Errors
    /// When another program holds one of them.
    pub fn take(folders: impl Iterator<Item = PathBuf>) -> Result<Self> {
        let folders: BTreeSet<PathBuf> = folders.filter_map(|folder| folder.canonicalize().ok()).collect();
        let mut held = Vec::new();
        for folder in folders.iter().take(MOST) {
            let Ok(file) = to_lock(folder) else { continue };
            match file.try_lock() {
                Ok(()) => held.push(file),
                Err(TryLockError::WouldBlock) => bail!(
                    "{}: another IKEM program is writing into this folder; end it, or let this one write into another folder \
                     with --output DIR",
                    folder.display()
                ),
                Err(TryLockError::Error(_)) => {}
            }
        }
        Ok(Self { _held: held })
    }
}

/// The handle to lock: the folder itself, so that no file is left in it.
#[cfg(unix)]
fn to_lock(folder: &Path) -> std::io::Result<File> {
    File::open(folder)
}

/// The handle to lock: a file in the folder, since folders cannot be opened on other systems.
#[cfg(not(unix))]
fn to_lock(folder: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(folder.join(".ikem-lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_until_its_owner_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let take = || FolderLocks::take([folder.path().to_owned(), folder.path().join("none")].into_iter());
        let first = take().expect("a free folder");
        let error = take().expect_err("a folder in use").to_string();
        assert!(error.contains("another IKEM program") && error.contains("--output DIR"), "{error}");
        drop(first);
        assert!(take().is_ok());
    }
}
