use std::path::Path;

use crate::error::Result;
use crate::log::EpochRow;
use crate::loss::LossParts;
use crate::progress::Progress;

/// What a step of the optimiser came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Steps so far, this one included, over all epochs.
    pub steps: usize,
    /// Batches of this epoch so far.
    pub batches: usize,
    /// Images that this step learnt from.
    pub images: usize,
    /// The loss of its last batch, by its terms.
    pub loss: LossParts,
    /// The norm of the gradient before it was shortened.
    pub gradient_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Seconds that it took, waiting for its batch included.
    pub seconds: f64,
    /// Of these, those spent waiting for its batch.
    pub waited: f64,
}

/// Who is told how a training goes. Nothing needs to be listened to.
pub trait Observer {
    /// It begins, or goes on, after `progress`, with so many batches an epoch.
    ///
    /// # Errors
    /// What the observer can't do ends the training; the last checkpoint stays.
    fn began(&mut self, _progress: &Progress, _batches_per_epoch: usize) -> Result<()> {
        Ok(())
    }

    /// A step was done.
    ///
    /// # Errors
    /// As [`began`](Self::began).
    fn step(&mut self, _report: &StepReport) -> Result<()> {
        Ok(())
    }

    /// So many batches of a validation are done, of so many.
    fn validating(&mut self, _done: usize, _of: usize) {}

    /// The training is over, and so many batches of the images that it learnt from were looked at once more, of so many: how
    /// their errors vary together goes into the checkpoints.
    fn looking_back(&mut self, _done: usize, _of: usize) {}

    /// An epoch is done; `best` tells whether it is the best so far.
    ///
    /// # Errors
    /// As [`began`](Self::began).
    fn epoch(&mut self, _row: &EpochRow, _steps: usize, _best: bool) -> Result<()> {
        Ok(())
    }

    /// A checkpoint was written into this folder.
    fn saved(&mut self, _folder: &Path) {}
}

/// Listens to nothing.
impl Observer for () {}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn began(&mut self, progress: &Progress, batches_per_epoch: usize) -> Result<()> {
        (**self).began(progress, batches_per_epoch)
    }

    fn step(&mut self, report: &StepReport) -> Result<()> {
        (**self).step(report)
    }

    fn validating(&mut self, done: usize, of: usize) {
        (**self).validating(done, of);
    }

    fn looking_back(&mut self, done: usize, of: usize) {
        (**self).looking_back(done, of);
    }

    fn epoch(&mut self, row: &EpochRow, steps: usize, best: bool) -> Result<()> {
        (**self).epoch(row, steps, best)
    }

    fn saved(&mut self, folder: &Path) {
        (**self).saved(folder);
    }
}

/// Two that both listen.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn began(&mut self, progress: &Progress, batches_per_epoch: usize) -> Result<()> {
        self.0.began(progress, batches_per_epoch)?;
        self.1.began(progress, batches_per_epoch)
    }

    fn step(&mut self, report: &StepReport) -> Result<()> {
        self.0.step(report)?;
        self.1.step(report)
    }

    fn validating(&mut self, done: usize, of: usize) {
        self.0.validating(done, of);
        self.1.validating(done, of);
    }

    fn looking_back(&mut self, done: usize, of: usize) {
        self.0.looking_back(done, of);
        self.1.looking_back(done, of);
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
