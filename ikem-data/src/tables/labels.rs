use std::path::Path;

use ikem_core::Skeleton;

use super::Table;
use crate::{Error, Manifest, ManifestEntry, Set, files};

/// Columns before the coordinates.
const FIRST: [&str; 4] = ["image_path", "set", "height", "width"];

fn header(skeleton: &Skeleton) -> Vec<String> {
    let vertebrae = skeleton.vertebrae().iter().map(|vertebra| &vertebra.name);
    let coordinates =
        skeleton.names().iter().chain(vertebrae).flat_map(|name| [format!("{name} y"), format!("{name} x")]);
    FIRST.iter().map(|name| (*name).to_owned()).chain(coordinates).collect()
}

impl Manifest {
    /// Writes the labels as CSV: one row an image, with its path, set, height and width, then y and x of every keypoint
    /// and of every vertebra's centre, relative to the image's size. A temporary file first, which then takes the name
    /// `path`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_csv(&self, path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<(), Error> {
        let rows = self.entries.iter().map(|entry| {
            let [height, width] = entry.y_x_size.map(|pixels| pixels.to_string());
            let coordinates =
                entry.corners_yx.iter().chain(&entry.centers_yx).flatten().map(ToString::to_string);
            [entry.image_path.clone(), entry.set.name().to_owned(), height, width]
                .into_iter()
                .chain(coordinates)
                .collect()
        });
        files::write(path.as_ref(), &super::bytes(&header(skeleton), rows)?)
    }

    /// Reads what [`write_csv`](Self::write_csv) wrote.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Broken`] when the columns are not those of `skeleton`; [`Error::Entry`] when a value
    /// can't be.
    pub fn read_csv(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let header = header(skeleton);
        let columns = header.len();
        let table = Table::read(path.as_ref(), header, columns)?;
        let entries =
            (0..table.rows.len()).map(|row| entry(&table, row, skeleton)).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }
}

fn entry(table: &Table<'_>, row: usize, skeleton: &Skeleton) -> Result<ManifestEntry, Error> {
    let points = |first: usize, count: usize| {
        let coordinate = |column: usize| table.value::<f64>(row, column, "a relative coordinate");
        (0..count)
            .map(|i| Ok([coordinate(first + 2 * i)?, coordinate(first + 2 * i + 1)?]))
            .collect::<Result<_, Error>>()
    };
    let (corners, centers) = (skeleton.len(), skeleton.vertebrae().len());
    let set = [Set::Train, Set::Val, Set::Test].into_iter().find(|set| set.name() == table.text(row, 1));
    let entry = ManifestEntry {
        image_path: table.text(row, 0).to_owned(),
        corners_yx: points(FIRST.len(), corners)?,
        centers_yx: points(FIRST.len() + 2 * corners, centers)?,
        y_x_size: [table.value(row, 2, "pixels")?, table.value(row, 3, "pixels")?],
        set: set.ok_or_else(|| {
            table.wrong(row, "set", format!("{:?}", table.text(row, 1)), "train, val or test".to_owned())
        })?,
    };
    match entry.check(skeleton) {
        Ok(()) => Ok(entry),
        Err(wrong) => Err(table.wrong(row, &wrong.field, wrong.found, wrong.expected)),
    }
}
