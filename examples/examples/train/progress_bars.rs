use std::time::Duration;

use ikem_examples::say;
use ikem_train::{EpochRow, Observer, Progress, Result, StepReport};
use indicatif::{ProgressBar, ProgressStyle};

/// Shows a training on the terminal: a bar for the epoch, a line an epoch.
pub(crate) struct ProgressBars {
    bar: ProgressBar,
    epochs: usize,
    batches: usize,
    /// Steps, images and seconds since the program began.
    images: usize,
    seconds: f64,
    waited: f64,
    /// Of the whole training.
    batches_left: usize,
    batches_seen: usize,
}

impl ProgressBars {
    pub(crate) fn new(epochs: usize) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_style(style("{prefix} {wide_bar} {pos}/{len} {msg}"));
        Self {
            bar,
            epochs,
            batches: 0,
            images: 0,
            seconds: 0.0,
            waited: 0.0,
            batches_left: 0,
            batches_seen: 0,
        }
    }

    /// A line that stays, on a terminal or in a file.
    fn say(&self, line: String) {
        self.bar.suspend(|| say!("{line}"));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for ProgressBars {
    fn began(&mut self, progress: &Progress, batches_per_epoch: usize) -> Result<()> {
        self.batches = batches_per_epoch;
        let left = self.epochs.saturating_sub(progress.epochs) * batches_per_epoch;
        self.batches_left = left.saturating_sub(progress.batches);
        if progress.steps > 0 {
            self.say(format!("goes on after epoch {}, step {}", progress.epochs, progress.steps));
        }
        Ok(())
    }

    fn step(&mut self, report: &StepReport) -> Result<()> {
        self.bar.set_prefix(format!("epoch {}/{}", report.epoch, self.epochs));
        self.bar.set_length(self.batches as u64);
        let done = (report.batches as u64).saturating_sub(self.bar.position());
        self.batches_seen += done as usize;
        self.batches_left = self.batches_left.saturating_sub(done as usize);
        self.bar.set_position(report.batches as u64);
        self.images += report.images;
        self.seconds += report.seconds;
        self.waited += report.waited;
        let rate = self.images as f64 / self.seconds;
        let left = self.seconds / self.batches_seen.max(1) as f64 * self.batches_left as f64;
        let left = indicatif::HumanDuration(Duration::from_secs_f64(left));
        self.bar.set_message(format!(
            "loss {:.5}, rate {:.2e}, {rate:.1} images/s ({:.0} % waiting), {left:#} left",
            report.loss.total,
            report.learning_rate,
            100.0 * self.waited / self.seconds,
        ));
        Ok(())
    }

    fn validating(&mut self, done: usize, total: usize) {
        if done == 0 {
            self.bar.set_message("validating");
            self.bar.set_length(total as u64);
        }
        self.bar.set_position(done as u64);
    }

    fn fitting_error_covariance(&mut self, done: usize, total: usize) {
        if done == 0 {
            self.bar.set_message("fitting the error covariance");
            self.bar.set_length(total as u64);
        }
        self.bar.set_position(done as u64);
    }

    fn epoch(&mut self, row: &EpochRow, _: usize, best: bool) -> Result<()> {
        self.say(format!(
            "epoch {}/{}: loss {:.5}, validation {:.5} and {:.5} after one hint, error {:.2} and {:.2} px{}",
            row.epoch,
            self.epochs,
            row.train_second_loss,
            row.validation_first_loss,
            row.validation_second_loss,
            row.validation_first_mre,
            row.validation_second_mre,
            if best { ", the best so far" } else { "" },
        ));
        self.bar.set_position(0);
        Ok(())
    }
}

/// A style, plain where the template is refused.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
