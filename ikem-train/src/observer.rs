use std::path::Path;

use crate::error::Result;
use crate::log::EpochRow;
use crate::loss::LossParts;
use crate::progress::Progress;

/// The result of an optimiser step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Steps so far over all epochs, including this one.
    pub steps: usize,
    /// Batches of this epoch so far.
    pub batches: usize,
    /// Images in this step.
    pub images: usize,
    /// The loss of its last batch, by term.
    pub loss: LossParts,
    /// The gradient norm before clipping.
    pub gradient_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Duration in seconds, including the wait for its batch.
    pub seconds: f64,
    /// Seconds spent waiting for its batch.
    pub waited: f64,
}

/// A listener to the progress of a training. Every method does nothing by default.
pub trait Observer {
    /// The training starts, or resumes after `progress`.
    ///
    /// # Errors
    /// An error of the observer ends the training; the last checkpoint is kept.
    fn began(&mut self, _progress: &Progress, _batches_per_epoch: usize) -> Result<()> {
        Ok(())
    }

    /// A step was completed.
    ///
    /// # Errors
    /// As [`began`](Self::began).
    fn step(&mut self, _report: &StepReport) -> Result<()> {
        Ok(())
    }

    /// `done` of `of` validation batches are completed.
    fn validating(&mut self, _done: usize, _of: usize) {}

    /// After the last epoch, `done` of `of` batches of the unaugmented training images were predicted, to fit the error
    /// covariance of the checkpoints.
    fn fitting_error_covariance(&mut self, _done: usize, _of: usize) {}

    /// An epoch was completed; `best` is whether it is the best so far.
    ///
    /// # Errors
    /// As [`began`](Self::began).
    fn epoch(&mut self, _row: &EpochRow, _steps: usize, _best: bool) -> Result<()> {
        Ok(())
    }

    /// A checkpoint was written into `folder`.
    fn saved(&mut self, _folder: &Path) {}
}

/// Ignores everything.
impl Observer for () {}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn began(&mut self, progress: &Progress, batches_per_epoch: usize) -> Result<()> {
        (**self).began(progress, batches_per_epoch)
    }

    fn step(&mut self, report: &StepReport) -> Result<()> {
        (**self).step(report)
    }

    fn validating(&mut self, done: usize, total: usize) {
        (**self).validating(done, total);
    }

    fn fitting_error_covariance(&mut self, done: usize, total: usize) {
        (**self).fitting_error_covariance(done, total);
    }

    fn epoch(&mut self, row: &EpochRow, steps: usize, best: bool) -> Result<()> {
        (**self).epoch(row, steps, best)
    }

    fn saved(&mut self, folder: &Path) {
        (**self).saved(folder);
    }
}

/// Forwards to both observers.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn began(&mut self, progress: &Progress, batches_per_epoch: usize) -> Result<()> {
        self.0.began(progress, batches_per_epoch)?;
        self.1.began(progress, batches_per_epoch)
    }

    fn step(&mut self, report: &StepReport) -> Result<()> {
        self.0.step(report)?;
        self.1.step(report)
    }

    fn validating(&mut self, done: usize, total: usize) {
        self.0.validating(done, total);
        self.1.validating(done, total);
    }

    fn fitting_error_covariance(&mut self, done: usize, total: usize) {
        self.0.fitting_error_covariance(done, total);
        self.1.fitting_error_covariance(done, total);
    }

    fn epoch(&mut self, row: &EpochRow, steps: usize, best: bool) -> Result<()> {
        self.0.epoch(row, steps, best)?;
        self.1.epoch(row, steps, best)
    }

    fn saved(&mut self, folder: &Path) {
        self.0.saved(folder);
        self.1.saved(folder);
    }
}
