//! What leaves the page as files.

use std::sync::Arc;

use axum::extract::{RawQuery, State as Shared};
use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ikem_core::Skeleton;
use ikem_data::{PredictionRecord, coco_predictions, csv_predictions, csv_table, spreadsheet_cell};
use ikem_examples::left_out_line;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::api::Status;
use super::archive::{self, Packed};
use super::failure::{Kind, Result};
use super::finding::Finding;
use super::marks::About;
use super::routes::{FileName, Id};
use super::sidecar::{Effort, Sidecar};
use super::workplace::{Workplace, blocking};
use super::{drawing, report, study};

/// All exports of all images.
const ARCHIVE: &str = "all.zip";

/// `GET /api/images/{id}/export/{file}`
pub(super) async fn of_image(
    Shared(place): Shared<Arc<Workplace>>,
    Id(id): Id,
    FileName(file): FileName,
) -> Result<Response> {
    let sidecar = place.sidecar(id).await?;
    let name = format!("{}-{file}", film_stem(&sidecar.image));
    Ok(attachment(&name, film_file(&place, id, sidecar, file).await?))
}

/// One export of an image.
async fn film_file(place: &Arc<Workplace>, id: usize, sidecar: Sidecar, file: String) -> Result<Vec<u8>> {
    let skeleton = skeleton(place)?;
    match file.as_str() {
        "overlay.png" => {
            let image = place.pixels(id, false).await?;
            blocking(move || drawing::overlay(&image, &skeleton, &sidecar)).await
        }
        "report.html" => {
            let (state, image) = (place.state(id).await?, place.pixels(id, false).await?);
            blocking(move || report::html(&state, &image, &skeleton)).await
        }
        _ => blocking(move || points(&file, &sidecar, &skeleton)).await,
    }
}

/// The file of a film's points.
fn points(file: &str, sidecar: &Sidecar, skeleton: &Skeleton) -> Result<Vec<u8>> {
    Ok(match file {
        "keypoints.json" => json(&Finding::of(sidecar).prediction()?)?,
        "coco.json" => coco_predictions(&[of_spine(sidecar)?], skeleton)?.into_bytes(),
        "keypoints.csv" => csv_predictions(&[of_spine(sidecar)?])?,
        _ => return Err(missing(file)),
    })
}

/// All exports of an image; without points where they are none of a spine, or the film cannot be used.
pub(super) async fn film_files(place: &Arc<Workplace>, id: usize) -> Result<Vec<Packed>> {
    let sidecar = place.sidecar(id).await?;
    let finding = Finding::of(&sidecar);
    let points = finding.has_spine() && finding.marks.verdict.unusable().is_none();
    let files: &[&str] = match points {
        true => &["overlay.png", "report.html", "keypoints.json", "keypoints.csv", "coco.json"],
        false => &["overlay.png", "report.html"],
    };
    let mut made = Vec::new();
    for file in files {
        made.push(((*file).to_owned(), film_file(place, id, sidecar.clone(), (*file).to_owned()).await?));
    }
    Ok(made)
}

/// The exports of all images together.
pub(super) async fn table_files(place: &Arc<Workplace>, left_out: &mut Vec<String>) -> Result<Vec<Packed>> {
    let mut made = Vec::new();
    for file in ["study.csv", "study.json", "keypoints.csv", "coco.json", "effort.csv"] {
        let place = Arc::clone(place);
        let (content, mut without) = blocking(move || table(&place, file)).await?;
        made.push((file.to_owned(), content));
        without.retain(|line| !left_out.contains(line));
        left_out.append(&mut without);
    }
    Ok(made)
}

/// `GET /api/export/{file}`
///
/// The header `X-Left-Out`, percent-encoded, lists what was left out.
pub(super) async fn of_all(
    Shared(place): Shared<Arc<Workplace>>,
    FileName(file): FileName,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let bom = query.is_some_and(|query| query == "bom=1");
    if file == ARCHIVE {
        let kind =
            [(CONTENT_TYPE, "application/zip"), (CONTENT_DISPOSITION, "attachment; filename=\"ikem.zip\"")];
        return Ok((kind, archive::of_all(&place)).into_response());
    }
    let name = file.clone();
    let (mut content, left_out) = blocking(move || table(&place, &file)).await?;
    if bom && name.ends_with(".csv") {
        // Some spreadsheets take a table without it for one of an older encoding.
        content.splice(0..0, *b"\xef\xbb\xbf");
    }
    let mut response = attachment(&name, content);
    if let Some(line) = left_out_line(&left_out)
        && let Ok(line) = utf8_percent_encode(&line, NON_ALPHANUMERIC).to_string().parse()
    {
        response.headers_mut().insert(HeaderName::from_static("x-left-out"), line);
    }
    Ok(response)
}

/// A file of all films, and a line for each that is left out.
fn table(place: &Workplace, file: &str) -> Result<(Vec<u8>, Vec<String>)> {
    Ok(match file {
        "coco.json" => {
            let (predictions, left_out) = predictions(place)?;
            (coco_predictions(&predictions, &skeleton(place)?)?.into_bytes(), left_out)
        }
        "keypoints.csv" => {
            let (predictions, left_out) = predictions(place)?;
            (csv_predictions(&predictions)?, left_out)
        }
        "study.csv" | "study.json" => {
            let (rows, left_out) = place.survey(|entry, sidecar| Ok(study::Row::new(entry, sidecar)))?;
            (if file == "study.csv" { study::csv(&rows)? } else { study::json(&rows)? }, left_out)
        }
        "effort.csv" => (effort(place)?, Vec::new()),
        _ => return Err(missing(file)),
    })
}

/// The points of all films that are in work or accepted, and a line for each that is left out.
fn predictions(place: &Workplace) -> Result<(Vec<PredictionRecord>, Vec<String>)> {
    let (found, mut left_out) = place.survey(|_, sidecar| sidecar.map_or(Ok(None), prediction))?;
    let mut predictions = Vec::new();
    for found in found.into_iter().flatten() {
        match found {
            Ok(prediction) => predictions.push(prediction),
            Err(reason) => left_out.push(reason),
        }
    }
    Ok((predictions, left_out))
}

/// The points of a film, or why it is left out; none where nothing was done.
fn prediction(sidecar: &Sidecar) -> Result<Option<Result<PredictionRecord, String>>> {
    let finding = Finding::of(sidecar);
    let of_points = "has remarks or measurements, but nobody corrected or accepted its points";
    Ok(match (sidecar.effort.status, finding.marks.verdict.unusable()) {
        (Status::Untouched, _) if sidecar.about == About::default() => None,
        (Status::Untouched, _) => Some(Err(format!("{} {of_points}", sidecar.image))),
        (_, Some(reason)) => Some(Err(format!("{} cannot be used: {reason}", sidecar.image))),
        (_, None) if !finding.has_spine() => Some(Err(format!("{}: no spine was found", sidecar.image))),
        (_, None) => Some(Ok(finding.prediction()?)),
    })
}

/// The points of a film, for a format in which a film without points cannot be told.
fn of_spine(sidecar: &Sidecar) -> Result<PredictionRecord> {
    let finding = Finding::of(sidecar);
    if !finding.has_spine() {
        return Err(
            Kind::Conflict.because("no spine was found on this film, so that there are no points to export")
        );
    }
    finding.prediction()
}

/// What each image cost.
fn effort(place: &Workplace) -> Result<Vec<u8>> {
    let header = ["image", "status", "clicks", "seconds"].map(str::to_owned);
    let rows = place.entries().into_iter().map(|entry| {
        place.look(&entry);
        let Effort { status, clicks, seconds } = entry.effort();
        let name = spreadsheet_cell(&entry.name).into_owned();
        vec![name, status.name().to_owned(), clicks.to_string(), format!("{seconds:.1}")]
    });
    Ok(csv_table(&header, rows)?)
}

fn json(prediction: &PredictionRecord) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(prediction).map_err(|error| Kind::Failed.because(error))
}

fn skeleton(place: &Workplace) -> Result<Skeleton> {
    place.networks.skeleton().cloned().ok_or_else(|| Kind::Conflict.because("no network has been loaded yet"))
}

fn missing(file: &str) -> super::failure::Failure {
    Kind::NotFound.because(format!("there is no export {file:?}"))
}

/// A file to download. Its name keeps its script (RFC 6266); browsers that do not know that take the plain one.
fn attachment(name: &str, content: Vec<u8>) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("png") => "image/png",
        _ => "text/html; charset=utf-8",
    };
    let plain: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let mut disposition = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        disposition += &format!("; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    }
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], content).into_response()
}

/// An image's name without its extension, of letters and digits that every file system takes.
pub(super) fn film_stem(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let kept = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let stem: String = stem.chars().map(kept).take(80).collect();
    if stem.is_empty() { "image".to_owned() } else { stem }
}
