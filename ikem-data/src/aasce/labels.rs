//! The label files of one half of the download.

use std::collections::BTreeSet;
use std::path::Path;

use ikem_core::Size;

use super::Problem;
use crate::{Error, files};

/// Corners of one image: 17 vertebrae of four.
const CORNERS: usize = 68;

/// The labels of one half.
#[derive(Default)]
pub(super) struct Labels {
    /// Every image that labels speak of, sound or not.
    pub(super) names: BTreeSet<String>,
    /// The sound ones, in the files' order.
    pub(super) rows: Vec<Label>,
}

/// The labels of one image.
pub(super) struct Label {
    pub(super) name: String,
    pub(super) points: Points,
    pub(super) angles: Option<[f64; 3]>,
}

/// 68 points as a label file gives them.
pub(super) enum Points {
    /// Over the image's size, `[y, x]`.
    Relative(Vec<[f64; 2]>),
}

impl Points {
    /// The points over the `size` of the image, `[y, x]`.
    pub(super) fn corners_yx(self, _size: Size) -> Vec<[f64; 2]> {
        match self {
            Self::Relative(corners) => corners,
        }
    }
}

impl Labels {
    /// Reads `filenames.csv`, `landmarks.csv` and, where there is one, `angles.csv`.
    pub(super) fn read(
        folder: &Path,
        _images: &BTreeSet<String>,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Error> {
        let (names, landmarks) = (folder.join("filenames.csv"), folder.join("landmarks.csv"));
        let rows = table(&landmarks)?;
        let all = table(&names)?;
        if all.len() != rows.len() {
            let found = format!("it has {} rows", rows.len());
            let expected = format!("{}, one for each name in filenames.csv", all.len());
            return Err(Error::broken(&landmarks, "label file", found, expected));
        }
        let mut angles = Angles::read(&folder.join("angles.csv"), all.len(), problems)?;
        let mut labels = Self::default();
        for (line, (name, row)) in all.into_iter().zip(rows).enumerate() {
            let name = name.into_iter().next().unwrap_or_default();
            if name.is_empty() || name.contains(['/', '\\']) {
                let found = format!("line {} is {name:?}; expected the name of an image", line + 1);
                problems.push(Problem::new(&names, found));
                continue;
            }
            if !labels.names.insert(name.clone()) {
                let found = format!("line {} names {name:?} again; the first labels stand", line + 1);
                problems.push(Problem::new(&names, found));
                continue;
            }
            match corners(&row) {
                Ok(corners) => {
                    let angles = angles.take(line);
                    labels.rows.push(Label { name, points: Points::Relative(corners), angles });
                }
                Err(found) => {
                    problems.push(Problem::new(&landmarks, format!("line {} ({name}): {found}", line + 1)));
                }
            }
        }
        Ok(labels)
    }
}

/// The `[y, x]` of a row of x1…x68, y1…y68.
fn corners(row: &[String]) -> Result<Vec<[f64; 2]>, String> {
    /// A coordinate this far off the image is in another unit.
    const FARTHEST: f64 = 10.0;
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

/// The rows of `angles.csv`; `None` for one that could not be read.
#[derive(Default)]
struct Angles(Vec<Option<[f64; 3]>>);

impl Angles {
    fn read(path: &Path, count: usize, problems: &mut Vec<Problem>) -> Result<Self, Error> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let rows = table(path)?;
        if rows.len() != count {
            let found =
                format!("it has {} rows; expected {count}, one for each name; none is used", rows.len());
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

/// The rows of a CSV file without a header, each with as many fields as it has.
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
