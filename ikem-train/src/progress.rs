use serde::{Deserialize, Serialize};

use crate::log::EpochRow;

/// The progress of a training. Together with the seed, it determines all further random choices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Completed epochs, including their validation.
    pub epochs: usize,
    /// Batches of the current epoch that were processed.
    pub batches: usize,
    /// Optimiser steps.
    pub steps: usize,
    /// Sums of the first and the second loss over the batches of the current epoch.
    pub losses: [f64; 2],
    /// The log.
    pub rows: Vec<EpochRow>,
    /// The best epoch so far, from 1, and its validation error after one hint, in pixels of the image.
    pub best: Option<(usize, f64)>,
}

impl Progress {
    /// Ends an epoch and appends its row to the log. Returns whether it is the best so far.
    pub(crate) fn end_epoch(&mut self, row: EpochRow) -> bool {
        let error = row.validation_second_mre;
        let best = error.is_finite() && self.best.is_none_or(|(_, before)| error < before);
        if best {
            self.best = Some((row.epoch, error));
        }
        self.rows.push(row);
        (self.epochs, self.batches, self.losses) = (self.epochs + 1, 0, [0.0; 2]);
        best
    }

    /// Whether early stopping applies: the last `patience` epochs were no better than the best one. Never with a
    /// patience of 0.
    pub(crate) fn stops_early(&self, patience: usize) -> bool {
        let best = self.best.map_or(0, |(epoch, _)| epoch);
        patience > 0 && self.epochs >= best + patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_epoch_is_kept_and_patience_runs_out() {
        let mut progress = Progress::default();
        let mut epoch = |error: f64| {
            let [loss, epoch] = [0.1, progress.epochs as f64 + 1.0];
            let best = progress.end_epoch(EpochRow {
                epoch: epoch as usize,
                train_first_loss: loss,
                train_second_loss: loss,
                validation_first_loss: loss,
                validation_second_loss: loss,
                validation_first_mre: 50.0,
                validation_second_mre: error,
            });
            (best, progress.stops_early(2), progress.stops_early(0))
        };
        assert_eq!(epoch(f64::NAN), (false, false, false));
        assert_eq!(epoch(30.0), (true, false, false));
        assert_eq!(epoch(30.0), (false, false, false));
        assert_eq!(epoch(29.0), (true, false, false));
        assert_eq!(epoch(31.0), (false, false, false));
        assert_eq!(epoch(29.5), (false, true, false));
        assert_eq!(progress.best, Some((4, 29.0)));
    }
}
