use std::path::Path;

use ikem_core::{Size, Skeleton};

use super::cell::{cell_text, spreadsheet_cell};
use super::read::Table;
use super::{IMAGE, KIND, csv_table, predictions};
use crate::error::Error;
use crate::files;
use crate::labels::LabelFile;
use crate::manifest::{ABSENT_YX, Manifest, ManifestEntry, Subset, is_seen};

/// What coordinates are expected to be; others are most likely pixels.
const RELATIVE: &str = "a coordinate relative to the image's height or width, within −1…2; pixels are read from a table with \
                        a row per keypoint and the columns image, width, height, keypoint, x and y";

/// The columns before the coordinates.
const FIRST: [&str; 4] = ["image_path", "set", "height", "width"];

fn header(skeleton: &Skeleton) -> Vec<String> {
    let vertebrae = skeleton.vertebrae().iter().map(|vertebra| &vertebra.name);
    let coordinates =
        skeleton.names().iter().chain(vertebrae).flat_map(|name| [format!("{name} y"), format!("{name} x")]);
    FIRST.iter().map(|name| (*name).to_owned()).chain(coordinates).collect()
}

impl Manifest {
    /// Writes the labels atomically as CSV with one row per image: path, set, height and width in pixels, then y and x
    /// of all keypoints and all vertebra centres, relative to the image size; empty for those that are not seen.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_csv(&self, path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<(), Error> {
        let rows = self.entries.iter().map(|entry| {
            let [height, width] = entry.y_x_size.map(|pixels| pixels.to_string());
            let cells = |place: &[f64; 2]| match is_seen(place) {
                true => place.map(|value| value.to_string()),
                false => Default::default(),
            };
            let coordinates = entry.corners_yx.iter().chain(&entry.centers_yx).flat_map(cells);
            [spreadsheet_cell(&entry.image_path).into_owned(), entry.set.name().to_owned(), height, width]
                .into_iter()
                .chain(coordinates)
                .collect()
        });
        files::write(path.as_ref(), &csv_table(&header(skeleton), rows)?)
    }

    /// Reads a file that [`write_csv`](Self::write_csv) wrote, or a table with one row per keypoint as
    /// [`write_csv_predictions`](crate::write_csv_predictions) writes it. Columns are found by name in any order;
    /// others are ignored. They may be separated by commas, semicolons or tabs, and numbers may have decimal commas.
    /// Keypoints with empty fields are not seen; rows without any label are skipped.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Broken`] if a column is missing; [`Error::Entry`] for an invalid value;
    /// [`Error::Unusable`] if labels are far outside their images.
    pub fn read_csv(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let path = path.as_ref();
        labels(path, &files::read_text(path, KIND)?, skeleton)?.complete(path)
    }
}

/// Parses the text of a file.
pub(crate) fn labels(path: &Path, text: &str, skeleton: &Skeleton) -> Result<LabelFile, Error> {
    let table = Table::parse(path, text)?;
    if table.column(&["keypoint"]).is_some() {
        return LabelFile::collect(path, predictions::labelled_films(path, &table, skeleton)?, skeleton);
    }
    let columns = Columns::of(&table, skeleton)?;
    let rows = 0..table.len();
    let labelled =
        |row: &usize| columns.corners_yx.iter().flatten().any(|column| !table.is_empty(*row, *column));
    let entries = rows.clone().filter(labelled).map(|row| entry(&table, row, &columns, skeleton));
    let entries: Vec<ManifestEntry> = entries.collect::<Result<_, _>>()?;
    let unlabelled = rows.len() - entries.len();
    if entries.is_empty() && unlabelled > 0 {
        return Err(Error::Unlabelled { path: path.to_owned(), images: unlabelled });
    }
    let has_sets = columns.set.is_some();
    Ok(LabelFile { manifest: Manifest { entries }, has_sets, unlabelled, ..LabelFile::default() })
}

/// The column indices of an entry's values.
struct Columns {
    image: usize,
    set: Option<usize>,
    height: usize,
    width: usize,
    corners_yx: Vec<[usize; 2]>,
    centers_yx: Option<Vec<[usize; 2]>>,
}

impl Columns {
    fn of(table: &Table<'_>, skeleton: &Skeleton) -> Result<Self, Error> {
        let corner = |name: &String| {
            let column = |axis: &str| table.required(&[&format!("{name} {axis}")]);
            Ok([column("y")?, column("x")?])
        };
        let center = |name: &str| {
            let column = |axis: &str| table.column(&[&format!("{name} {axis}")]);
            Some([column("y")?, column("x")?])
        };
        Ok(Self {
            image: table.required(&IMAGE)?,
            set: table.column(&["set"]),
            height: table.required(&["height"])?,
            width: table.required(&["width"])?,
            corners_yx: skeleton.names().iter().map(corner).collect::<Result<_, Error>>()?,
            centers_yx: skeleton.vertebrae().iter().map(|vertebra| center(&vertebra.name)).collect(),
        })
    }
}

fn entry(
    table: &Table<'_>,
    row: usize,
    columns: &Columns,
    skeleton: &Skeleton,
) -> Result<ManifestEntry, Error> {
    let points = |columns: &[[usize; 2]]| {
        let coordinate = |column: usize| {
            let value: f64 = table.value(row, column, "a relative coordinate")?;
            if !Size::new(1, 1).is_near([value, 0.0]) {
                return Err(table.wrong(row, table.name(column), value.to_string(), RELATIVE.to_owned()));
            }
            Ok(value)
        };
        let place = |&[y, x]: &[usize; 2]| match table.is_empty(row, y) && table.is_empty(row, x) {
            true => Ok(ABSENT_YX),
            false => Ok([coordinate(y)?, coordinate(x)?]),
        };
        columns.iter().map(place).collect::<Result<_, Error>>()
    };
    let set = columns.set.map(|column| table.subset(row, column)).transpose()?.unwrap_or(Subset::Train);
    let mut entry = ManifestEntry {
        image_path: cell_text(table.text(row, columns.image)).to_owned(),
        corners_yx: points(&columns.corners_yx)?,
        centers_yx: Vec::new(),
        y_x_size: [table.pixels(row, columns.height)?, table.pixels(row, columns.width)?],
        set,
    };
    match &columns.centers_yx {
        Some(columns) => entry.centers_yx = points(columns)?,
        None => entry.compute_centers(skeleton),
    }
    match entry.check(skeleton) {
        Ok(()) => Ok(entry),
        Err(wrong) => Err(table.wrong(row, &wrong.field, wrong.found, wrong.expected)),
    }
}
