//! The log of a training, one row per epoch: as CSV, as curves and as TensorBoard events.

mod csv;
mod curves;
mod tensorboard;

use serde::{Deserialize, Serialize};

pub use self::csv::read_log;
pub(crate) use self::csv::{write_log, write_rows};
pub use self::curves::{Run, curve_files, draw_curves};
pub use self::tensorboard::EventWriter;

/// The results of an epoch, with the column names of the published logs. Losses are weighted sums as configured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochRow {
    /// The epoch, from 1.
    #[serde(rename = "Epoch")]
    pub epoch: usize,
    /// Mean loss of the first prediction of each training batch: in evaluation mode with the initial hints or, when the
    /// strategy predicts nothing before the training pass, that of the training pass.
    #[serde(rename = "Train 1stPred. Loss")]
    pub train_first_loss: f64,
    /// Mean loss of the training passes.
    #[serde(rename = "Train 2ndPred. Loss")]
    pub train_second_loss: f64,
    /// Mean loss on the validation images without hints.
    #[serde(rename = "Val 1stPred. Loss")]
    pub validation_first_loss: f64,
    /// Mean loss on the validation images with one hint per image.
    #[serde(rename = "Val 2ndPred. Loss")]
    pub validation_second_loss: f64,
    /// Mean radial error on the validation images without hints, in pixels of the original images.
    #[serde(rename = "Val 1stPred. MRE")]
    pub validation_first_mre: f64,
    /// Mean radial error with one hint per image; the hinted keypoint counts as exact.
    #[serde(rename = "Val 2ndPred. MRE")]
    pub validation_second_mre: f64,
}

impl EpochRow {
    /// The relative reduction of the validation error by one hint: (MRE₁ − MRE₂) / MRE₁.
    #[must_use]
    pub fn gain(&self) -> f64 {
        (self.validation_first_mre - self.validation_second_mre) / self.validation_first_mre
    }
}
