//! The plots of reports, each as SVG and PNG.

mod agreement;
mod canvas;
mod clicks;
mod cumulative;
mod lines;
mod spine;

use std::path::{Path, PathBuf};

use agreement::Agreement;
use clicks::{Gain, MreByClick};
use cumulative::CumulativeError;
use spine::KeypointErrors;

pub use lines::{LineChart, NamedLine};

use crate::error::Error;
use crate::report::Report;

impl Report {
    /// Draws all plots into a folder, which is created if it does not exist, each as `NAME.svg` and `NAME.png`, and returns the files: `mre` (by
    /// click, for model and manual revision, with shaded intervals), `gain` (manual minus model), `cumulative-error`,
    /// `keypoint-errors` (bars along a spine; if every vertebra has four corners), `bland-altman-first` and
    /// `bland-altman-last` (the challenge's angles; if there are any).
    ///
    /// # Errors
    /// [`Error::Drawing`] or [`Error::Io`].
    pub fn draw(&self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let mut files = draw_comparison(folder, std::slice::from_ref(self))?;
        files.extend(canvas::save(&CumulativeError(&self.figures.model), folder)?);
        if let Some(errors) = KeypointErrors::new(&self.figures) {
            files.extend(canvas::save(&errors, folder)?);
        }
        for agreement in [Agreement::first(&self.cases), Agreement::last(&self.cases)].into_iter().flatten() {
            files.extend(canvas::save(&agreement, folder)?);
        }
        Ok(files)
    }
}

/// Draws the plots `mre` and `gain` of several reports into a folder, which is created if it does not exist, each as
/// `NAME.svg` and `NAME.png`, and returns the files.
///
/// # Errors
/// [`Error::Drawing`] or [`Error::Io`].
pub fn draw_comparison(folder: &Path, reports: &[Report]) -> Result<Vec<PathBuf>, Error> {
    let mut files = canvas::save(&MreByClick(reports), folder)?;
    files.extend(canvas::save(&Gain(reports), folder)?);
    Ok(files)
}
