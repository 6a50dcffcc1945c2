use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::log::curve_files;

/// The files of a training, in its folder.
const STATE: &str = "state.safetensors";
const NEWEST: &str = "newest.safetensors";
const BEST: &str = "best.safetensors";
const LOG: &str = "log.csv";

/// The folder of a training.
#[derive(Debug)]
pub(crate) struct TrainingFolder(PathBuf);

impl TrainingFolder {
    /// The folder at `path`, which need not exist yet.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Creates the folder if it does not exist, and removes unfinished files of a killed process.
    pub(crate) fn create(&self) -> Result<()> {
        let failed = |error| Error::file(&self.0, error);
        std::fs::create_dir_all(&self.0).map_err(failed)?;
        ikem_files::remove_unfinished(&self.0).map_err(failed)
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the state, from which the training resumes.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.join(STATE)
    }

    /// The newest checkpoint.
    pub(crate) fn newest(&self) -> PathBuf {
        self.0.join(NEWEST)
    }

    /// The checkpoint of the best epoch.
    pub(crate) fn best(&self) -> PathBuf {
        self.0.join(BEST)
    }

    /// The log.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join(LOG)
    }

    /// All files of a training, including its curves.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let own = [self.state(), self.newest(), self.best(), self.log()];
        own.into_iter().chain(curve_files(&self.0)).collect()
    }

    /// Fails with [`Error::Diverged`] when the loss or gradient norm `found` is infinite or NaN; `step` and `epoch`
    /// count from 1.
    pub(crate) fn check_finite(
        &self,
        what: &'static str,
        found: f64,
        (step, epoch): (usize, usize),
        images: impl FnOnce() -> Vec<String>,
    ) -> Result<()> {
        if found.is_finite() {
            return Ok(());
        }
        let checkpoint = Some(self.state()).filter(|path| path.is_file());
        Err(Error::Diverged { what, found, step, epoch, images: images(), checkpoint })
    }
}
