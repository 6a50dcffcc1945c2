//! What leaves the page as files.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ikem_core::{Keypoints, Point, Skeleton};
use ikem_data::{PredictionRecord, coco_predictions, csv_predictions, overlay};
use ikem_models::Doubt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::failure::{Kind, Result};
use super::folder::told;
use super::report;
use super::routes::{FileName, Id};
use super::sidecar::Sidecar;
use super::workplace::{Workplace, blocking};

/// `GET /api/images/{id}/export/{file}`
pub(super) async fn of_image(
    Shared(place): Shared<Arc<Workplace>>,
    Id(id): Id,
    FileName(file): FileName,
) -> Result<Response> {
    let sidecar = place.sidecar(id).await?;
    let stem = plain(&sidecar.image);
    let skeleton = skeleton(&place)?;
    let content = match file.as_str() {
        "keypoints.json" => json(&sidecar.prediction())?,
        "coco.json" => coco_predictions(&[sidecar.prediction()], &skeleton)?.into_bytes(),
        "keypoints.csv" => csv_predictions(&[sidecar.prediction()])?,
        "overlay.png" => {
            let image = place.pixels(id, false).await?;
            blocking(move || picture(&image, &skeleton, &sidecar)).await?
        }
        "report.html" => {
            let (state, image) = (place.state(id).await?, place.pixels(id, false).await?);
            blocking(move || report::html(&state, &image, &skeleton)).await?
        }
        _ => return Err(missing(&file)),
    };
    Ok(attachment(&format!("{stem}-{file}"), content))
}

/// `GET /api/export/{file}`
///
/// The header `X-Left-Out`, percent-encoded, lists what was left out.
pub(super) async fn of_all(
    Shared(place): Shared<Arc<Workplace>>,
    FileName(file): FileName,
) -> Result<Response> {
    let mut left_out = Vec::new();
    let content = match file.as_str() {
        "coco.json" => {
            let predictions = predictions(&place, &mut left_out).await?;
            coco_predictions(&predictions, &skeleton(&place)?)?.into_bytes()
        }
        "keypoints.csv" => csv_predictions(&predictions(&place, &mut left_out).await?)?,
        "effort.csv" => effort(&place).into_bytes(),
        _ => return Err(missing(&file)),
    };
    let mut response = attachment(&file, content);
    if let Some(line) = told(&left_out)
        && let Ok(line) = utf8_percent_encode(&line, NON_ALPHANUMERIC).to_string().parse()
    {
        response.headers_mut().insert(HeaderName::from_static("x-left-out"), line);
    }
    Ok(response)
}

async fn predictions(place: &Arc<Workplace>, left_out: &mut Vec<String>) -> Result<Vec<PredictionRecord>> {
    let (sidecars, broken) = place.sidecars().await?;
    left_out.extend(broken);
    Ok(sidecars.iter().map(Sidecar::prediction).collect())
}

/// What each image cost.
fn effort(place: &Workplace) -> String {
    let mut text = "image,status,clicks,seconds\n".to_owned();
    for entry in place.entries() {
        let effort = entry.effort();
        let name = entry.name.replace('"', "\"\"");
        let status = serde_json::to_string(&effort.status).unwrap_or_default();
        text += &format!("\"{name}\",{},{},{:.1}\n", status.trim_matches('"'), effort.clicks, effort.seconds);
    }
    text
}

fn picture(image: &ikem_core::GrayImage, skeleton: &Skeleton, sidecar: &Sidecar) -> Result<Vec<u8>> {
    let prediction = sidecar.prediction();
    let hinted = prediction.keypoints.iter().enumerate().filter(|(_, keypoint)| keypoint.hinted);
    let hinted: Vec<usize> = hinted.map(|(k, _)| k).collect();
    let nothing = matches!(sidecar.states.present().doubt(), Some(Doubt::NothingFound { .. }));
    let points = if nothing { nowhere(skeleton) } else { prediction.points() };
    Ok(overlay(image, skeleton, &points, &hinted)?.to_png()?)
}

/// Points that an overlay leaves out.
pub(super) fn nowhere(skeleton: &Skeleton) -> Keypoints {
    vec![Point::new(f32::NAN, f32::NAN); skeleton.len()].into_iter().collect()
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

fn attachment(name: &str, content: Vec<u8>) -> Response {
    let kind = match name.rsplit('.').next() {
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("png") => "image/png",
        _ => "text/html; charset=utf-8",
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], content).into_response()
}

/// An image's name without its extension, of letters that every header and file system takes.
fn plain(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let plain: String = stem.chars().map(kept).take(80).collect();
    if plain.is_empty() { "image".to_owned() } else { plain }
}
