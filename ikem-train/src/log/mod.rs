//! What a training says of itself: a row an epoch, as CSV, as curves and as TensorBoard's events.

mod csv;
mod curves;
mod tensorboard;

use serde::{Deserialize, Serialize};

pub(crate) use self::csv::write_rows;
pub use self::csv::{read_log, write_log};
pub use self::curves::{Run, curve_files, draw_curves};
pub use self::tensorboard::EventWriter;

/// What an epoch came to, under the headings of the published logs. Losses are the weighted sums of the config.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// The epoch, from 1.
    #[serde(rename = "Epoch")]
    pub epoch: usize,
    /// Mean loss of the first prediction of each training batch: in evaluation and with the first hints, or, where the
    /// strategy made no prediction before the pass that learns, of that pass.
    #[serde(rename = "Train 1stPred. Loss")]
    pub train_first_loss: f64,
    /// Mean loss of the passes that learn.
    #[serde(rename = "Train 2ndPred. Loss")]
    pub train_second_loss: f64,
    /// Mean loss on the validation images without hints.
    #[serde(rename = "Val 1stPred. Loss")]
    pub validation_first_loss: f64,
    /// The same with one hint an image.
    #[serde(rename = "Val 2ndPred. Loss")]
    pub validation_second_loss: f64,
    /// Mean radial error on the validation images without hints, in pixels of the original images.
    #[serde(rename = "Val 1stPred. MRE")]
    pub validation_first_mre: f64,
    /// The same with one hint an image, which counts as exact.
    #[serde(rename = "Val 2ndPred. MRE")]
    pub validation_second_mre: f64,
}

impl EpochRow {
    /// The part of the validation error that one hint takes away: (MRE₁ − MRE₂) / MRE₁.
    #[must_use]
    pub fn gain(&self) -> f64 {
        (self.validation_first_mre - self.validation_second_mre) / self.validation_first_mre
    }
}
