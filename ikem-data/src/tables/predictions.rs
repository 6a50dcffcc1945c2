use std::collections::BTreeMap;
use std::path::Path;

use ikem_core::{FieldError, Size, Skeleton, Spacing, SpacingPlane};

use super::cell::{cell_text, spreadsheet_cell};
use super::read::Table;
use super::{IMAGE, KIND, csv_table};
use crate::error::Error;
use crate::files;
use crate::labels::PartlyLabelled;
use crate::names::bare;
use crate::prediction::{PredictedKeypoint, PredictionRecord};
use crate::review::{Review, Verdict};

fn header() -> Vec<String> {
    let names = [
        "image",
        "width",
        "height",
        "keypoint",
        "x",
        "y",
        "confidence",
        "hinted",
        "cobb_1",
        "cobb_2",
        "cobb_3",
        "spacing_x",
        "spacing_y",
        "spacing_plane",
        "verdict",
        "unusable_because",
        "fixed_ends",
    ];
    names.map(str::to_owned).to_vec()
}

/// Writes predictions atomically as CSV with one row per keypoint, which repeats the name, size, Cobb angles, pixel
/// spacing and review of its image (empty if unknown). Keypoints that are not visible come last and have no place.
///
/// # Errors
/// [`Error::Argument`] if a value is not finite, a prediction has no keypoints, or two consecutive predictions have the
/// same image name and would merge; [`Error::Write`].
pub fn write_csv_predictions(path: impl AsRef<Path>, predictions: &[PredictionRecord]) -> Result<(), Error> {
    files::write(path.as_ref(), &csv_predictions(predictions)?)
}

/// Encodes predictions as [`write_csv_predictions`] writes them.
///
/// # Errors
/// Same as [`write_csv_predictions`], except [`Error::Write`].
pub fn csv_predictions(predictions: &[PredictionRecord]) -> Result<Vec<u8>, Error> {
    let argument = |(found, expected): (String, String)| FieldError::new("prediction", expected, found);
    for prediction in predictions {
        prediction.check().map_err(argument)?;
        if prediction.keypoints.is_empty() && prediction.absent.is_empty() {
            let field = format!("keypoints of {}", prediction.image);
            return Err(FieldError::new(field, "at least one", "none").into());
        }
    }
    if let Some(pair) = predictions.windows(2).find(|pair| pair[0].image == pair[1].image) {
        return Err(
            FieldError::new("predictions", "each image once", format!("{} twice", pair[0].image)).into()
        );
    }
    let rows = predictions.iter().flat_map(|prediction| {
        let cobb =
            prediction.cobb.map_or_else(Default::default, |angles| angles.map(|angle| angle.to_string()));
        let spacing = prediction
            .spacing
            .map_or_else(Default::default, |s| [s.x.to_string(), s.y.to_string(), s.plane.name().to_owned()]);
        let review = prediction.review.as_ref().map_or_else(Default::default, |review| {
            let reason = review.verdict.unusable().unwrap_or_default();
            [review.verdict.name(), reason, &review.ends_in_words()]
                .map(|text| spreadsheet_cell(text).into_owned())
        });
        let visible = prediction.keypoints.iter().map(|k| {
            (&k.name, [k.x.to_string(), k.y.to_string(), k.confidence.to_string(), k.hinted.to_string()])
        });
        let absent = prediction.absent.iter().map(|name| (name, Default::default()));
        visible.chain(absent).map(move |(name, values)| {
            let film = [
                spreadsheet_cell(&prediction.image).into_owned(),
                prediction.width.to_string(),
                prediction.height.to_string(),
                spreadsheet_cell(name).into_owned(),
            ];
            film.into_iter()
                .chain(values)
                .chain(cobb.clone())
                .chain(spacing.clone())
                .chain(review.clone())
                .collect()
        })
    });
    csv_table(&header(), rows)
}

/// Reads a file that [`write_csv_predictions`] wrote, or any table with one row per keypoint and the columns image,
/// width, height, keypoint, x and y. A missing confidence is read as 1, a keypoint without x and y as not visible.
///
/// # Errors
/// [`Error::Read`]; [`Error::Broken`] if a column is missing or a keypoint is far outside its image; [`Error::Entry`]
/// for an invalid value.
pub fn read_csv_predictions(path: impl AsRef<Path>) -> Result<Vec<PredictionRecord>, Error> {
    let path = path.as_ref();
    predictions(path, &files::read_text(path, KIND)?)
}

/// Parses the text of a file.
pub(crate) fn predictions(path: &Path, text: &str) -> Result<Vec<PredictionRecord>, Error> {
    let table = Table::parse(path, text)?;
    let columns = Columns::of(&table)?;
    let mut predictions: Vec<PredictionRecord> = Vec::new();
    for row in 0..table.len() {
        let image = cell_text(table.text(row, columns.image));
        if predictions.last().is_none_or(|last| last.image != image) {
            let size = columns.size(&table, row)?;
            predictions.push(PredictionRecord {
                image: image.to_owned(),
                width: size.width,
                height: size.height,
                keypoints: Vec::new(),
                absent: Vec::new(),
                cobb: Columns::all(&table, row, columns.cobb, "an angle")?,
                spacing: columns.spacing(&table, row)?,
                seen: None,
                doubt: None,
                review: columns.review(&table, row)?,
            });
        }
        let Some(film) = predictions.last_mut() else { continue };
        let name = cell_text(table.text(row, columns.keypoint).trim()).to_owned();
        if [columns.x, columns.y].iter().all(|column| table.text(row, *column).trim().is_empty()) {
            film.absent.push(name);
            continue;
        }
        let number = |column| table.value::<f32>(row, column, "a number");
        film.keypoints.push(PredictedKeypoint {
            name,
            x: number(columns.x)?,
            y: number(columns.y)?,
            confidence: table.optional(row, columns.confidence, "a number")?.unwrap_or(1.0),
            hinted: hinted(&table, row, columns.hinted)?,
        });
    }
    for prediction in &predictions {
        prediction.check_read().map_err(|(found, expected)| Error::broken(path, KIND, found, expected))?;
        let points = prediction.keypoints.iter().map(|keypoint| [keypoint.x.into(), keypoint.y.into()]);
        check_pixels(path, &prediction.image, prediction.size(), points)?;
    }
    Ok(predictions)
}

/// Checks that coordinates are pixels: not all of several are within the first pixel of a larger image.
fn check_pixels(
    path: &Path,
    image: &str,
    size: Size,
    points: impl Iterator<Item = [f64; 2]>,
) -> Result<(), Error> {
    let points: Vec<[f64; 2]> = points.collect();
    let within = |point: &[f64; 2]| point.iter().all(|value| (0.0..=1.0).contains(value));
    if points.len() < 2 || size.width.min(size.height) < 4 || !points.iter().all(within) {
        return Ok(());
    }
    let found = format!("all coordinates of {image:?} are within 0…1");
    Err(Error::broken(path, KIND, found, format!("pixels of the image of {size}")))
}

/// The films of a table with one row per keypoint, in any order. A keypoint without x and y, or without a row, is not seen.
/// Keypoints of other names are passed over, unless one of the skeleton's has no row: it may be misspelt.
pub(super) fn labelled_films(
    path: &Path,
    table: &Table<'_>,
    skeleton: &Skeleton,
) -> Result<Vec<PartlyLabelled>, Error> {
    let columns = Columns::of(table)?;
    let names: BTreeMap<String, usize> =
        skeleton.names().iter().enumerate().map(|(keypoint, name)| (bare(name), keypoint)).collect();
    let set = table.column(&["set"]);
    let mut films: Vec<PartlyLabelled> = Vec::new();
    let mut listed: Vec<Listed> = Vec::new();
    let mut indices: BTreeMap<String, usize> = BTreeMap::new();
    for row in 0..table.len() {
        let image = cell_text(table.text(row, columns.image));
        let film = *indices.entry(image.to_owned()).or_insert(films.len());
        if film == films.len() {
            let (image, size) = (image.to_owned(), columns.size(table, row)?);
            films.push(PartlyLabelled {
                image,
                size,
                set: set.map(|column| table.subset(row, column)).transpose()?,
                points: vec![None; skeleton.len()],
                exact: None,
            });
            listed.push(Listed { rows: vec![false; skeleton.len()], other: None });
        }
        let (Some(film), Some(listed)) = (films.get_mut(film), listed.get_mut(film)) else { continue };
        let name = table.text(row, columns.keypoint);
        let keypoint = names.get(&bare(name)).copied();
        listed.take(keypoint, row);
        let Some(point) = keypoint.and_then(|keypoint| film.points.get_mut(keypoint)) else { continue };
        let Some(found) = columns.point(table, row)? else { continue };
        if point.replace(found).is_some() {
            let found = format!("{name} a second time");
            return Err(table.wrong(row, "keypoint", found, "each keypoint of an image once".to_owned()));
        }
    }
    for (film, listed) in films.iter().zip(&listed) {
        listed.check(table, columns.keypoint, skeleton)?;
        check_pixels(path, &film.image, film.size, film.points.iter().copied().flatten())?;
    }
    Ok(films)
}

/// Which keypoints have a row for a film.
struct Listed {
    /// Of the skeleton.
    rows: Vec<bool>,
    /// The first row of a keypoint that the skeleton does not have.
    other: Option<usize>,
}

impl Listed {
    fn take(&mut self, keypoint: Option<usize>, row: usize) {
        match keypoint.and_then(|keypoint| self.rows.get_mut(keypoint)) {
            Some(has_row) => *has_row = true,
            None => {
                self.other.get_or_insert(row);
            }
        }
    }

    /// An error if there is a row of another keypoint, but none of one of the skeleton's.
    fn check(&self, table: &Table<'_>, column: usize, skeleton: &Skeleton) -> Result<(), Error> {
        let missing = skeleton.names().iter().zip(&self.rows).find(|(_, has_row)| !**has_row);
        let (Some(row), Some((missing, _))) = (self.other, missing) else { return Ok(()) };
        let found = format!("{:?}, and no row for {missing}", cell_text(table.text(row, column)));
        let expected = format!("a keypoint of the skeleton, such as {missing}, or a row for each of them");
        Err(table.wrong(row, "keypoint", found, expected))
    }
}

/// The column indices of a keypoint's values.
struct Columns {
    image: usize,
    width: usize,
    height: usize,
    keypoint: usize,
    x: usize,
    y: usize,
    confidence: Option<usize>,
    hinted: Option<usize>,
    cobb: [Option<usize>; 3],
    spacing: [Option<usize>; 2],
    plane: Option<usize>,
    verdict: Option<usize>,
    reason: Option<usize>,
    ends: Option<usize>,
}

impl Columns {
    fn of(table: &Table<'_>) -> Result<Self, Error> {
        Ok(Self {
            image: table.required(&IMAGE)?,
            width: table.required(&["width"])?,
            height: table.required(&["height"])?,
            keypoint: table.required(&["keypoint"])?,
            x: table.required(&["x"])?,
            y: table.required(&["y"])?,
            confidence: table.column(&["confidence"]),
            hinted: table.column(&["hinted"]),
            cobb: ["cobb_1", "cobb_2", "cobb_3"].map(|name| table.column(&[name])),
            spacing: ["spacing_x", "spacing_y"].map(|name| table.column(&[name])),
            plane: table.column(&["spacing_plane"]),
            verdict: table.column(&["verdict"]),
            reason: table.column(&["unusable_because"]),
            ends: table.column(&["fixed_ends"]),
        })
    }

    /// The place of the keypoint of a row, if it has one.
    fn point(&self, table: &Table<'_>, row: usize) -> Result<Option<[f64; 2]>, Error> {
        let number = |column| table.optional::<f64>(row, Some(column), "a number");
        match (number(self.x)?, number(self.y)?) {
            (Some(x), Some(y)) => Ok(Some([x, y])),
            (None, None) => Ok(None),
            _ => {
                let found = format!("{} without one of them", table.text(row, self.keypoint));
                Err(table.wrong(row, "x and y", found, "numbers in both or in neither".to_owned()))
            }
        }
    }

    /// The size of the image of a row.
    fn size(&self, table: &Table<'_>, row: usize) -> Result<Size, Error> {
        let [width, height] = [table.pixels(row, self.width)?, table.pixels(row, self.height)?];
        if width == 0 || height == 0 {
            let found = format!("{width} x {height} px");
            return Err(table.wrong(row, "width", found, "at least 1 x 1 px".to_owned()));
        }
        Ok(Size::new(width as usize, height as usize))
    }

    /// The pixel spacing of the image of a row. Older tables lack the plane column.
    fn spacing(&self, table: &Table<'_>, row: usize) -> Result<Option<Spacing>, Error> {
        let Some([x, y]) = Self::all(table, row, self.spacing, "millimetres")? else { return Ok(None) };
        let wrong = |column, found, expected: &str| table.wrong(row, column, found, expected.to_owned());
        let spacing = Spacing::new(x, y)
            .ok_or_else(|| wrong("spacing_x", format!("{x} x {y}"), "millimetres above zero"))?;
        let name = self.plane.map(|column| table.text(row, column).trim()).filter(|name| !name.is_empty());
        let plane = name.map_or(Some(SpacingPlane::default()), SpacingPlane::named).ok_or_else(|| {
            let expected = "patient, film, detector or unknown";
            wrong("spacing_plane", format!("{:?}", name.unwrap_or_default()), expected)
        })?;
        Ok(Some(spacing.measured(plane)))
    }

    /// What a person says of the points of the image of a row; `None` if there is no verdict, which may be `open`.
    fn review(&self, table: &Table<'_>, row: usize) -> Result<Option<Review>, Error> {
        let text =
            |column: Option<usize>| column.map(|column| table.text(row, column).trim()).unwrap_or_default();
        let (verdict, ends) = (text(self.verdict), text(self.ends));
        if verdict.is_empty() {
            return Ok(None);
        }
        let wrong = |column, found: &str, expected: &str| {
            table.wrong(row, column, format!("{found:?}"), expected.to_owned())
        };
        let verdict = Verdict::named(verdict, cell_text(text(self.reason)))
            .ok_or_else(|| wrong("verdict", verdict, "open, accepted or unusable"))?;
        let ends = Review::ends_of_words(ends)
            .ok_or_else(|| wrong("fixed_ends", ends, "pairs of vertebrae such as T3-T9; T9-L2"))?;
        Ok(Some(Review { verdict, ends }))
    }

    /// The values of several columns; `None` if all are empty or a column is missing.
    fn all<const N: usize>(
        table: &Table<'_>,
        row: usize,
        columns: [Option<usize>; N],
        expected: &str,
    ) -> Result<Option<[f64; N]>, Error> {
        let there = columns.iter().flatten().any(|column| !table.text(row, *column).trim().is_empty());
        if !there {
            return Ok(None);
        }
        let mut values = [0.0; N];
        for (value, column) in values.iter_mut().zip(columns) {
            *value = match column {
                Some(column) => table.value(row, column, expected)?,
                None => return Ok(None),
            };
        }
        Ok(Some(values))
    }
}

fn hinted(table: &Table<'_>, row: usize, column: Option<usize>) -> Result<bool, Error> {
    let text = column.map(|column| table.text(row, column).trim()).unwrap_or_default();
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(table.wrong(row, "hinted", format!("{text:?}"), "true or false".to_owned())),
    }
}
