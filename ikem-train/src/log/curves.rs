use std::path::{Path, PathBuf};

use ikem_eval::{LineChart, NamedLine};

use super::EpochRow;
use crate::error::Result;

/// The names of the plots of [`draw_curves`].
const PLOTS: [&str; 3] = ["losses", "errors", "gain"];

/// The files that [`draw_curves`] writes into a folder.
pub fn curve_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    PLOTS.iter().flat_map(move |plot| ["svg", "png"].map(|ending| folder.join(format!("{plot}.{ending}"))))
}

/// A training to be plotted.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its name in the legend.
    pub name: String,
    /// Its log.
    pub rows: Vec<EpochRow>,
}

/// Plots the curves of one or more trainings into an existing folder, each as SVG and PNG, and returns the files:
/// `losses`, `errors` and `gain`, the relative reduction of the validation error by one hint.
///
/// # Errors
/// [`Error::Plot`](crate::Error::Plot).
pub fn draw_curves(runs: &[Run], folder: &Path) -> Result<Vec<PathBuf>> {
    type Column = (&'static str, fn(&EpochRow) -> f64);
    const LOSSES: [Column; 3] = [
        ("training", |row| row.train_second_loss),
        ("validation, no hint", |row| row.validation_first_loss),
        ("validation, one hint", |row| row.validation_second_loss),
    ];
    const ERRORS: [Column; 2] =
        [("no hint", |row| row.validation_first_mre), ("one hint", |row| row.validation_second_mre)];
    const GAIN: [Column; 1] = [("gain", EpochRow::gain)];
    let lines = |columns: &[Column]| {
        let line = |run: &Run, (what, value): &Column| NamedLine {
            name: match (runs.len(), columns.len()) {
                (1, _) => (*what).to_owned(),
                (_, 1) => run.name.clone(),
                _ => format!("{}, {what}", run.name),
            },
            points: run.rows.iter().map(|row| (row.epoch as f64, value(row))).collect(),
        };
        runs.iter().flat_map(|run| columns.iter().map(move |column| line(run, column))).collect()
    };
    let chart = |name, title, y, lines| LineChart { name, title, x: "epoch", y, lines };
    let [losses, errors, gain] = PLOTS;
    let charts = [
        chart(losses, "Losses", "loss", lines(&LOSSES)),
        chart(errors, "Validation error", "mean radial error (px of the image)", lines(&ERRORS)),
        chart(gain, "What one hint takes away", "(MRE without - MRE with) / MRE without", lines(&GAIN)),
    ];
    let mut files = Vec::new();
    for chart in &charts {
        files.extend(chart.draw(folder)?);
    }
    Ok(files)
}
