//! The label files of one part of the AASCE data set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ikem_core::Size;

use super::{Problem, mat};
use crate::error::Error;
use crate::files;

/// The number of corners per image: 17 vertebrae of four.
const CORNERS: usize = 68;
/// The name of the variable in the `.mat` files.
const VARIABLE: &str = "p2";
/// The largest relative coordinate accepted; anything beyond is in another unit.
const FARTHEST: f64 = 10.0;
/// The largest difference between CSV and `.mat`, in pixels, that rounding the CSV to five digits explains.
const AGREEMENT: f64 = 0.1;

/// The labels of one part, in file order.
#[derive(Default)]
pub(super) struct Labels {
    pub(super) rows: Vec<Label>,
}

/// The labels of one image.
pub(super) struct Label {
    /// The image's file name.
    pub(super) name: String,
    /// The Cobb angles from `angles.csv`, in degrees.
    pub(super) angles: Option<[f64; 3]>,
    /// The corners from `landmarks.csv`, as relative `[y, x]`.
    csv: Option<Vec<[f64; 2]>>,
    /// The path of its `.mat` file.
    mat: Option<PathBuf>,
}

impl Label {
    /// The corners relative to the image's `size`, `[y, x]`: those of the CSV, or else those of the `.mat` file.
    /// Reports a problem if the two differ.
    pub(super) fn corners_yx(&self, size: Size, problems: &mut Vec<Problem>) -> Option<Vec<[f64; 2]>> {
        let Some(path) = &self.mat else { return self.csv.clone() };
        let mat = match read_mat(path, size) {
            Ok(corners) => corners,
            Err(problem) => {
                problems.push(problem);
                return self.csv.clone();
            }
        };
        let Some(csv) = &self.csv else { return Some(mat) };
        let apart = |(a, b): (&[f64; 2], &[f64; 2])| {
            ((a[0] - b[0]) * size.height as f64).abs().max(((a[1] - b[1]) * size.width as f64).abs())
        };
        let farthest = csv.iter().zip(&mat).map(apart).fold(0.0, f64::max);
        if farthest > AGREEMENT {
            let found = format!("up to {farthest:.2} px from landmarks.csv, which takes precedence");
            problems.push(Problem::new(path, found));
        }
        self.csv.clone()
    }
}

impl Labels {
    /// Reads `filenames.csv`, `landmarks.csv` and `angles.csv`, and lists the `.mat` files.
    pub(super) fn read(folder: &Path, problems: &mut Vec<Problem>) -> Result<Self, Error> {
        let mut mats = mat_files(folder)?;
        let names = folder.join("filenames.csv");
        let mut labels = Self::default();
        if names.exists() {
            labels.read_tables(folder, &names, &mut mats, problems)?;
        } else if mats.is_empty() {
            let source = std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "there are no labels, neither CSV nor .mat files",
            );
            return Err(Error::Read { path: folder.to_owned(), source });
        }
        let rest =
            mats.into_iter().map(|(name, path)| Label { name, angles: None, csv: None, mat: Some(path) });
        labels.rows.extend(rest);
        Ok(labels)
    }

    fn read_tables(
        &mut self,
        folder: &Path,
        names: &Path,
        mats: &mut BTreeMap<String, PathBuf>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Error> {
        let all = table(names)?;
        let mut landmarks = Landmarks::read(folder.join("landmarks.csv"), all.len(), !mats.is_empty())?;
        let mut angles = Angles::read(&folder.join("angles.csv"), all.len(), problems)?;
        let mut seen = BTreeSet::new();
        for (line, name) in all.into_iter().enumerate() {
            let name = name.into_iter().next().unwrap_or_default();
            if name.is_empty() || name.contains(['/', '\\']) {
                let found = format!("line {} is {name:?}; expected the name of an image", line + 1);
                problems.push(Problem::new(names, found));
            } else if !seen.insert(name.clone()) {
                let found = format!("line {} names {name:?} again; the first labels are used", line + 1);
                problems.push(Problem::new(names, found));
            } else {
                let csv = landmarks.take(line, &name, problems);
                self.rows.push(Label { angles: angles.take(line), csv, mat: mats.remove(&name), name });
            }
        }
        Ok(())
    }
}

/// The `.mat` files of a folder by the name of their image: `NAME.jpg.mat`.
fn mat_files(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let mut found = BTreeMap::new();
    for item in std::fs::read_dir(folder).map_err(failed)? {
        let item = item.map_err(failed)?;
        if let Some(name) = item.file_name().to_string_lossy().strip_suffix(".mat") {
            found.insert(name.to_owned(), item.path());
        }
    }
    Ok(found)
}

/// Reads a `.mat` file, 68 × 2 of x and y in pixels, as relative `[y, x]`.
fn read_mat(path: &Path, size: Size) -> Result<Vec<[f64; 2]>, Problem> {
    let matrix = mat::read(path, VARIABLE).map_err(|error| match error {
        Error::Broken { found, expected, .. } => Problem::new(path, format!("{found}; expected {expected}")),
        other => Problem::new(path, other.to_string()),
    })?;
    if (matrix.rows, matrix.columns) != (CORNERS, 2) {
        let found = format!("{VARIABLE} is {} x {}; expected {CORNERS} x 2", matrix.rows, matrix.columns);
        return Err(Problem::new(path, found));
    }
    let (xs, ys) = matrix.values.split_at(CORNERS);
    let corners: Vec<[f64; 2]> =
        xs.iter().zip(ys).map(|(x, y)| [y / size.height as f64, x / size.width as f64]).collect();
    match corners.iter().flatten().all(|value| value.abs() <= FARTHEST) {
        true => Ok(corners),
        false => Err(Problem::new(path, format!("points far outside the image; expected pixels on {size}"))),
    }
}

/// The rows of `landmarks.csv`.
struct Landmarks {
    path: PathBuf,
    rows: Vec<Vec<String>>,
}

impl Landmarks {
    /// With `optional`, a missing file gives no rows; other labels exist then.
    fn read(path: PathBuf, count: usize, optional: bool) -> Result<Self, Error> {
        if optional && !path.exists() {
            return Ok(Self { path, rows: Vec::new() });
        }
        let rows = table(&path)?;
        if rows.len() != count {
            let found = format!("it has {} rows", rows.len());
            let expected = format!("{count}, one for each name in filenames.csv");
            return Err(Error::broken(&path, "label file", found, expected));
        }
        Ok(Self { path, rows })
    }

    fn take(&mut self, line: usize, name: &str, problems: &mut Vec<Problem>) -> Option<Vec<[f64; 2]>> {
        corners(self.rows.get(line)?)
            .map_err(|found| {
                problems.push(Problem::new(&self.path, format!("line {} ({name}): {found}", line + 1)));
            })
            .ok()
    }
}

/// Parses a row of x1…x68, y1…y68 into `[y, x]`.
fn corners(row: &[String]) -> Result<Vec<[f64; 2]>, String> {
    if row.len() != 2 * CORNERS {
        return Err(format!("{} columns; expected {}", row.len(), 2 * CORNERS));
    }
    let number = |text: &String| match text.trim().parse::<f64>() {
        Ok(value) if value.abs() <= FARTHEST => Ok(value),
        _ => Err(format!("{text:?}; expected a coordinate relative to the image's size")),
    };
    let (xs, ys) = row.split_at(CORNERS);
    xs.iter().zip(ys).map(|(x, y)| Ok([number(y)?, number(x)?])).collect()
}

/// The rows of `angles.csv`; `None` for a row that could not be parsed.
#[derive(Default)]
struct Angles(Vec<Option<[f64; 3]>>);

impl Angles {
    fn read(path: &Path, count: usize, problems: &mut Vec<Problem>) -> Result<Self, Error> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let rows = table(path)?;
        if rows.len() != count {
            let found = format!(
                "it has {} rows; expected {count}, one for each name; the angles are ignored",
                rows.len()
            );
            problems.push(Problem::new(path, found));
            return Ok(Self::default());
        }
        let mut angles = Vec::with_capacity(rows.len());
        for (line, row) in rows.iter().enumerate() {
            let values: Option<Vec<f64>> = row.iter().map(|text| text.trim().parse().ok()).collect();
            let three = values.and_then(|values| <[f64; 3]>::try_from(values).ok());
            let sound = three.filter(|angles| angles.iter().all(|angle| angle.is_finite()));
            if sound.is_none() {
                let found = format!("line {} is {:?}; expected three angles", line + 1, row.join(","));
                problems.push(Problem::new(path, found));
            }
            angles.push(sound);
        }
        Ok(Self(angles))
    }

    fn take(&mut self, line: usize) -> Option<[f64; 3]> {
        self.0.get_mut(line)?.take()
    }
}

/// The rows of a CSV file without a header; their lengths may differ.
fn table(path: &Path) -> Result<Vec<Vec<String>>, Error> {
    let text = files::read_text(path, "label file")?;
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .records()
        .map(|row| match row {
            Ok(row) => Ok(row.iter().map(str::to_owned).collect()),
            Err(error) => Err(Error::broken(path, "label file", error, "comma-separated values")),
        })
        .collect()
}
