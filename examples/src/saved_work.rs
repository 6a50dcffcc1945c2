//! The work that the page saves, for other programs to read.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ikem_core::{History, Size, Skeleton, Spacing};
use ikem_data::{PredictionRecord, Review, Verdict};
use ikem_files::SAVED_WORK;
use ikem_models::Snapshot;
use serde::Deserialize;

use crate::folder::{KEPT_IN, UPLOADS, file_name, left_out_line};
use crate::{say, seen};

/// The most that is read of a file, in bytes.
const LIMIT: u64 = 64 << 20;
/// The mark in the names of files whose film's place another film took.
const REPLACED: &str = ".replaced-";

/// What is read of a file; the rest is for going on with the work.
#[derive(Deserialize)]
struct Saved {
    image: String,
    width: usize,
    height: usize,
    spacing: Option<Spacing>,
    names: Vec<String>,
    effort: Effort,
    states: History<Snapshot>,
    marks: Option<History<Marks>>,
}

#[derive(Deserialize)]
struct Effort {
    status: String,
}

/// What the person says of the points.
#[derive(Deserialize, Default, Clone)]
struct Marks {
    #[serde(default)]
    absent: BTreeSet<usize>,
    #[serde(default)]
    ends: Vec<[usize; 2]>,
    #[serde(default)]
    verdict: Verdict,
}

/// The keypoints of all films of a folder on which work was saved, also of films that were added on the page. Files that cannot
/// be read are told.
///
/// # Errors
/// When the folder cannot be read, or has no such file.
pub fn saved_work(folder: &Path) -> Result<Vec<PredictionRecord>> {
    let mut paths = files_in(folder)?;
    for added in [folder.join(UPLOADS), folder.join(KEPT_IN).join(UPLOADS)] {
        if added.is_dir() {
            paths.extend(files_in(&added)?);
        }
    }
    anyhow::ensure!(
        !paths.is_empty(),
        "{}: no saved work of the page in there (*{SAVED_WORK}); expected that, or a file of keypoints such as a table of detect",
        folder.display()
    );
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    for path in paths {
        match read(&path) {
            Ok(record) => found.extend(record),
            Err(error) => broken.push(format!("{error:#}")),
        }
    }
    if let Some(line) = left_out_line(&broken) {
        say!("{line}");
    }
    Ok(found)
}

/// The files of saved work directly in a folder, by name.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let named = || folder.display().to_string();
    let mut paths = Vec::new();
    for file in std::fs::read_dir(folder).with_context(named)? {
        let path = file.with_context(named)?.path();
        let name = file_name(&path);
        if name.ends_with(SAVED_WORK) && !name.contains(REPLACED) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The work on a film; none where only something was said of the film.
fn read(path: &Path) -> Result<Option<PredictionRecord>> {
    let named = || path.display().to_string();
    let mut text = String::new();
    ikem_files::open(path)
        .with_context(named)?
        .0
        .take(LIMIT)
        .read_to_string(&mut text)
        .with_context(named)?;
    let Saved { image, width, height, spacing, names, effort, states, marks } =
        serde_json::from_str(&text).with_context(named)?;
    if effort.status == "untouched" {
        return Ok(None);
    }
    let (state, marks) = (states.present(), marks.map(|marks| marks.present().clone()).unwrap_or_default());
    let (size, points) = (Size::new(width, height), state.hints.applied_to(&state.keypoints));
    let mut record = PredictionRecord::new(image, size, &names, &points, &state.confidences, &state.hints)
        .with_context(named)?;
    record.absent = marks.absent.iter().filter_map(|k| names.get(*k)).cloned().collect();
    record.keypoints.retain(|keypoint| !record.absent.contains(&keypoint.name));
    record.spacing = spacing;
    record.seen = state.view.and_then(|view| seen(&view, size));
    record.review = Some(Review::new(marks.verdict, &marks.ends, &Skeleton::spine()));
    Ok(Some(record))
}
