use std::path::Path;

use super::Table;
use crate::{Error, PredictedKeypoint, Prediction, Spacing, SpacingPlane, files};

/// The columns that files had before they told the spacing of pixels.
const REQUIRED: usize = 11;

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
    ];
    names.map(str::to_owned).to_vec()
}

/// Writes predictions as CSV: one row a keypoint, with its image's name, size, Cobb angles and mm per pixel (empty
/// where there are none). A temporary file first, which then takes the name `path`.
///
/// # Errors
/// [`Error::Argument`] when a value is not finite, a prediction has no keypoints, or two predictions in a row are of
/// the same image, which could not be told apart; [`Error::Write`].
pub fn write_csv_predictions(path: impl AsRef<Path>, predictions: &[Prediction]) -> Result<(), Error> {
    files::write(path.as_ref(), &csv_predictions(predictions)?)
}

/// The bytes of the file that [`write_csv_predictions`] writes.
///
/// # Errors
/// [`Error::Argument`] as there.
pub fn csv_predictions(predictions: &[Prediction]) -> Result<Vec<u8>, Error> {
    let argument =
        |(found, expected): (String, String)| Error::Argument { argument: "prediction", found, expected };
    for prediction in predictions {
        prediction.check().map_err(argument)?;
        if prediction.keypoints.is_empty() {
            return Err(argument((
                format!("{} has no keypoints", prediction.image),
                "at least one".to_owned(),
            )));
        }
    }
    if let Some(pair) = predictions.windows(2).find(|pair| pair[0].image == pair[1].image) {
        return Err(argument((format!("{} twice", pair[0].image), "each image once".to_owned())));
    }
    let rows = predictions.iter().flat_map(|prediction| {
        let cobb =
            prediction.cobb.map_or_else(Default::default, |angles| angles.map(|angle| angle.to_string()));
        let spacing = prediction
            .spacing
            .map_or_else(Default::default, |s| [s.x.to_string(), s.y.to_string(), s.plane.name().to_owned()]);
        prediction.keypoints.iter().map(move |keypoint| {
            let own = [
                prediction.image.clone(),
                prediction.width.to_string(),
                prediction.height.to_string(),
                keypoint.name.clone(),
                keypoint.x.to_string(),
                keypoint.y.to_string(),
                keypoint.confidence.to_string(),
                keypoint.hinted.to_string(),
            ];
            own.into_iter().chain(cobb.clone()).chain(spacing.clone()).collect()
        })
    });
    super::bytes(&header(), rows)
}

/// Reads what [`write_csv_predictions`] wrote.
///
/// # Errors
/// [`Error::Read`]; [`Error::Broken`] when the columns are others; [`Error::Entry`] when a value can't be.
pub fn read_csv_predictions(path: impl AsRef<Path>) -> Result<Vec<Prediction>, Error> {
    let path = path.as_ref();
    let table = Table::read(path, header(), REQUIRED)?;
    let mut predictions: Vec<Prediction> = Vec::new();
    for row in 0..table.rows.len() {
        let number = |column| table.value::<f32>(row, column, "a number");
        let keypoint = PredictedKeypoint {
            name: table.text(row, 3).to_owned(),
            x: number(4)?,
            y: number(5)?,
            confidence: number(6)?,
            hinted: table.value(row, 7, "true or false")?,
        };
        match predictions.last_mut().filter(|last| last.image == table.text(row, 0)) {
            Some(last) => last.keypoints.push(keypoint),
            None => predictions.push(Prediction {
                image: table.text(row, 0).to_owned(),
                width: table.value(row, 1, "pixels")?,
                height: table.value(row, 2, "pixels")?,
                keypoints: vec![keypoint],
                cobb: cobb(&table, row)?,
                spacing: spacing(&table, row)?,
                seen: None,
                doubt: None,
            }),
        }
    }
    for prediction in &predictions {
        prediction.check().map_err(|(found, expected)| Error::broken(path, super::KIND, found, expected))?;
    }
    Ok(predictions)
}

fn spacing(table: &Table<'_>, row: usize) -> Result<Option<Spacing>, Error> {
    if (11..13).all(|column| table.text(row, column).is_empty()) {
        return Ok(None);
    }
    let side = |column| table.value::<f64>(row, column, "millimetres");
    let (x, y) = (side(11)?, side(12)?);
    let wrong = |column, found: String, expected: &str| {
        table.wrong(row, table.name(column), found, expected.to_owned())
    };
    // Tables had no column of the plane once.
    let name = Some(table.text(row, 13)).filter(|name| !name.is_empty());
    let plane = name.map_or(Some(SpacingPlane::default()), SpacingPlane::named).ok_or_else(|| {
        wrong(13, format!("{:?}", table.text(row, 13)), "patient, film, detector or unknown")
    })?;
    let spacing =
        Spacing::new(x, y).ok_or_else(|| wrong(11, format!("{x} x {y}"), "millimetres above zero"))?;
    Ok(Some(spacing.measured(plane)))
}

fn cobb(table: &Table<'_>, row: usize) -> Result<Option<[f64; 3]>, Error> {
    if (8..11).all(|column| table.text(row, column).is_empty()) {
        return Ok(None);
    }
    let angle = |column| table.value::<f64>(row, column, "an angle");
    Ok(Some([angle(8)?, angle(9)?, angle(10)?]))
}
