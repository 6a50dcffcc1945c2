//! Many films: as many at a time as there are cores.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use ikem_core::GrayImage;
use ikem_data::{Limits, PredictionRecord, load_radiograph, match_histogram, write_csv_predictions};
use ikem_examples::{FrameChoice, message, predictions_file, recounts_in_words, say, write_overlay};
use ikem_files::FilePlan;
use ikem_models::{Predictor, for_each_film};
use indicatif::ProgressBar;

/// The endings of the files that are written; a folder that is so named was meant to be a file.
const FILES: [&str; 3] = ["json", "png", "csv"];

/// What is done with each film.
pub(crate) struct Many<'a> {
    pub films: Vec<PathBuf>,
    pub output: Option<&'a Path>,
    pub overlay: Option<&'a Path>,
    pub frame: FrameChoice,
    pub predictor: &'a Predictor,
    pub reference: Option<&'a GrayImage>,
}

/// Whether `output` is one table of all films, not a folder with a file for each.
pub(crate) fn is_table(output: &Path) -> bool {
    output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
}

/// The file for a film in a folder: its name with another ending.
fn file_of(film: &Path, folder: &Path, ending: &str) -> PathBuf {
    folder.join(film.file_name().unwrap_or_default()).with_extension(ending)
}

/// Notes the files that are written for `films`: no two films may be written to the same one.
pub(crate) fn note_files(
    plan: &mut FilePlan,
    films: &[PathBuf],
    output: Option<&Path>,
    overlay: Option<&Path>,
) {
    for film in films {
        plan.reads("IMAGE", film);
        let of = |option: &str| format!("{option} of {}", film.display());
        if let Some(folder) = output.filter(|output| !is_table(output)) {
            plan.writes(of("--output"), file_of(film, folder, "json"), &["json"]);
        }
        if let Some(folder) = overlay {
            plan.writes(of("--overlay"), file_of(film, folder, "png"), &["png"]);
        }
    }
    if let Some(table) = output.filter(|output| is_table(output)) {
        plan.writes("--output", table, &["csv"]);
    }
}

/// Checks that what is to be a folder is no file, by its name or on disk.
pub(crate) fn check_folders(output: Option<&Path>, overlay: Option<&Path>) -> Result<()> {
    let output = output.filter(|output| !is_table(output));
    for (option, path) in [("--output", output), ("--overlay", overlay)] {
        let Some(path) = path.filter(|path| !path.is_dir()) else { continue };
        let ending = path.extension().unwrap_or_default();
        if path.exists() || FILES.iter().any(|file| ending.eq_ignore_ascii_case(file)) {
            let what = if path.exists() { "this is a file" } else { "this names a file" };
            let table = if option == "--output" { " or a table, FILE.csv," } else { "" };
            bail!("{option} {}: {what}; expected a folder{table} for several films", path.display());
        }
    }
    Ok(())
}

/// What became of a film.
enum Outcome {
    /// It was marked; with what a person should know of it: how its file was read, and how its vertebrae may be counted.
    Marked(Box<PredictionRecord>, Vec<String>),
    /// Its file cannot be read, or the given frame is beside it.
    Skipped(anyhow::Error),
}

impl Many<'_> {
    /// Marks all films, and prints a line for each. Films that cannot be read are told on standard error.
    ///
    /// # Errors
    /// When a result cannot be written, at once; when films could not be read, at the end.
    pub(crate) fn run(&self) -> Result<()> {
        let bar = ProgressBar::new(self.films.len() as u64);
        let (mut records, mut skipped) = (Vec::new(), 0_usize);
        let take = |outcome: Result<Outcome>| -> Result<()> {
            match outcome? {
                Outcome::Marked(record, notes) => {
                    bar.suspend(|| tell(&record, &notes));
                    if self.output.is_some_and(is_table) {
                        records.push(*record);
                    }
                }
                Outcome::Skipped(error) => {
                    bar.suspend(|| eprintln!("skipped: {}", message(&error)));
                    skipped += 1;
                }
            }
            bar.inc(1);
            Ok(())
        };
        for_each_film(&self.films, |film| self.mark(film), take)?;
        bar.finish_and_clear();
        if let Some(table) = self.output.filter(|output| is_table(output)) {
            write_table(table, records)?;
        }
        match skipped {
            0 => Ok(()),
            _ => bail!("{skipped} of {} films could not be marked and were skipped", self.films.len()),
        }
    }

    /// The folder for a file of each film.
    fn folder(&self) -> Option<&Path> {
        self.output.filter(|output| !is_table(output))
    }

    /// Marks a film and writes its files.
    fn mark(&self, film: &Path) -> Result<Outcome> {
        let radiograph = match load_radiograph(film, &Limits::default()) {
            Ok(radiograph) => radiograph,
            Err(error) => return Ok(Outcome::Skipped(error.into())),
        };
        let (image, spacing) = (&radiograph.image, radiograph.spacing);
        if let Err(error) = self.frame.check(image.size()) {
            return Ok(Outcome::Skipped(error.context(film.display().to_string())));
        }
        let session = match self.reference {
            Some(reference) => {
                self.frame.session(self.predictor, &match_histogram(image, reference), None)?
            }
            None => self.frame.session(self.predictor, image, None)?,
        };
        let record = predictions_file(&session, film.display().to_string(), spacing)?;
        if let Some(folder) = self.folder() {
            record.write(file_of(film, folder, "json"))?;
        }
        if let Some(folder) = self.overlay {
            write_overlay(&session, image, &file_of(film, folder, "png"))?;
        }
        let mut notes: Vec<String> = radiograph.note.into_iter().collect();
        if record.doubt.is_none() {
            notes.extend(recounts_in_words(&session));
        }
        Ok(Outcome::Marked(Box::new(record), notes))
    }
}

/// Writes the table. Its rows are keypoints, so films on which nothing was found have none; these are named on standard error.
pub(crate) fn write_table(table: &Path, mut records: Vec<PredictionRecord>) -> Result<()> {
    let nothing: Vec<String> = records
        .iter()
        .filter(|record| record.keypoints.is_empty())
        .map(|record| record.image.clone())
        .collect();
    records.retain(|record| !record.keypoints.is_empty());
    write_csv_predictions(table, &records)?;
    if !nothing.is_empty() {
        let (table, count) = (table.display(), nothing.len());
        eprintln!("{table}: no rows for {count} films on which no spine was found: {}", nothing.join(", "));
    }
    Ok(())
}

/// Prints a line for a film.
fn tell(record: &PredictionRecord, notes: &[String]) {
    let PredictionRecord { image, keypoints, cobb, doubt, .. } = record;
    let found = match (doubt, cobb) {
        (Some(doubt), _) => doubt.clone(),
        (None, Some([a, b, c])) => {
            format!("{} keypoints; Cobb angles {a:.1}°, {b:.1}°, {c:.1}°", keypoints.len())
        }
        (None, None) => format!("{} keypoints", keypoints.len()),
    };
    let notes: String = notes.iter().map(|note| format!(" ({note})")).collect();
    say!("{image}: {found}{notes}");
}
