//! Which request does what.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, RawQuery, State as Shared};
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ikem_core::{Hint, Point};
use ikem_data::{film_png, heatmap_png};
use ikem_examples::http::{Body, blocking};
use percent_encoding::percent_decode_str;

use super::action::Action;
use super::api::{State, StatusView};
use super::assets::{Assets, INDEX};
use super::exports;
use super::failure::{Failure, Kind, Result};
use super::framing;
use super::imports::{self, Summary};
use super::marks::person;
use super::requests::{
    Acceptance, Chosen, Ends, Named, Placed, PlacedAll, PlacedPoint, Rejection, Said, Seen, Shifted, Step,
    Timed, Wanted,
};
use super::security::{self, Access};
use super::workplace::{Answered, Workplace};

type Place = Shared<Arc<Workplace>>;

/// All routes, guarded.
pub(super) fn router(workplace: Arc<Workplace>, assets: Assets, access: Access) -> Router {
    let acting = Router::new()
        .route("/preview", post(preview))
        .route("/revise", post(revise))
        .route("/place", post(put_all))
        .route("/see", post(see))
        .route("/ends", post(fix_ends))
        .route("/reject", post(reject))
        .route("/say", post(say))
        .route("/remove", post(remove))
        .route("/undo", post(undo))
        .route("/redo", post(redo))
        .route("/goto", post(go_to))
        .route("/reset", post(reset))
        .route("/predict", post(predict))
        .route("/shift", post(shift))
        .route("/accept", post(accept))
        .route("/time", post(time))
        .route("/import", post(import))
        .merge(framing::routes());
    let image = Router::new()
        .route("/image.png", get(picture))
        .route("/matched.png", get(matched_picture))
        .route("/thumbnail.png", get(small_picture))
        .route("/heatmap/{file}", get(heatmap))
        .route("/export/{file}", get(exports::of_image))
        .merge(acting);
    Router::new()
        .route("/api/workplace", get(workplace_view))
        .route("/api/status", get(status))
        .route("/api/model", post(choose))
        .route("/api/matching", post(match_images))
        .route("/api/ahead", post(predict_ahead))
        .route("/api/images", get(images).post(upload))
        .route("/api/import", post(summary))
        .route("/api/images/{id}", get(state))
        .nest("/api/images/{id}", image)
        .route("/api/export/{file}", get(exports::of_all))
        .with_state(workplace)
        .merge(page(assets))
        .fallback(async || Kind::NotFound.because("there is no such address"))
        .method_not_allowed_fallback(async || Kind::Method.because("this method is not allowed here"))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(axum::middleware::from_fn_with_state(Arc::new(access), security::guard))
}

fn page(assets: Assets) -> Router {
    let file = async |Shared(assets): Shared<Assets>, Path(name): Path<String>| assets.get(&name);
    Router::new()
        .route("/", get(async |Shared(assets): Shared<Assets>| assets.get(INDEX)))
        .route("/page/{*name}", get(file))
        .with_state(assets)
}

/// The number of an image, from the address.
pub(super) struct Id(pub usize);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        // Whatever else stands in the address is another extractor's.
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let path = path.map_err(|rejection| Kind::NotFound.because(rejection))?;
        let text = path.iter().find(|(name, _)| name == "id").map(|(_, value)| value.as_str());
        let id = text.and_then(|text| text.parse().ok());
        id.map(Self)
            .ok_or_else(|| Kind::NotFound.because(format!("there is no image {:?}", text.unwrap_or(""))))
    }
}

/// Who asks for a change, and what they saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Caller {
    /// The revision that the change is based on, from the header `If-Match`; without it, the change is always made.
    pub seen: Option<u64>,
    /// The person's name, from the header `X-Annotator`, percent-encoded.
    pub annotator: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let name = parts.headers.get("x-annotator").and_then(|name| name.to_str().ok());
        let annotator = name.and_then(|name| person(&percent_decode_str(name).decode_utf8_lossy()));
        let Some(given) = parts.headers.get(IF_MATCH) else { return Ok(Self { seen: None, annotator }) };
        let revision = given.to_str().ok().and_then(|text| text.trim_matches('"').parse().ok());
        let wrong =
            || Kind::BadRequest.because(format!("If-Match is {given:?}; expected an image's revision"));
        Ok(Self { seen: Some(revision.ok_or_else(wrong)?), annotator })
    }
}

/// The file that the address asks for.
pub(super) struct FileName(pub String);

impl<S: Send + Sync> FromRequestParts<S> for FileName {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Path(path) = path.map_err(|rejection| Kind::NotFound.because(rejection))?;
        let file = path.into_iter().find(|(name, _)| name == "file");
        file.map(|(_, file)| Self(file)).ok_or_else(|| Kind::NotFound.because("there is no such file"))
    }
}

async fn workplace_view(Shared(place): Place) -> Result<Response> {
    json(blocking(move || Ok(serde_json::to_vec(&place.view()))).await?)
}

async fn images(Shared(place): Place) -> Result<Response> {
    json(blocking(move || Ok(serde_json::to_vec(&place.images()))).await?)
}

/// An answer that was encoded where that holds up nobody.
fn json(encoded: serde_json::Result<Vec<u8>>) -> Result<Response> {
    let bytes = encoded.map_err(|error| Kind::Failed.because(error))?;
    Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}

async fn status(Shared(place): Place) -> Json<StatusView> {
    Json(place.status())
}

async fn choose(Shared(place): Place, Body(Chosen { id }): Body<Chosen>) -> Result<Json<StatusView>> {
    place.choose_network(id).map(Json)
}

async fn match_images(Shared(place): Place, Body(Wanted { on }): Body<Wanted>) -> Result<Json<StatusView>> {
    place.match_images(on).map(Json)
}

async fn predict_ahead(Shared(place): Place, Body(Wanted { on }): Body<Wanted>) -> Json<StatusView> {
    Json(place.predict_ahead(on))
}

async fn upload(Shared(place): Place, headers: HeaderMap, bytes: Bytes) -> Result<Response> {
    let name = headers.get("x-file-name").and_then(|name| name.to_str().ok()).unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy();
    let (view, new) = place.upload(name.into_owned(), bytes).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view)).into_response())
}

async fn summary(Shared(place): Place, file: Bytes) -> Result<Json<Summary>> {
    blocking(move || imports::summary(&place, &file)).await.map(Json)
}

async fn state(Shared(place): Place, Id(id): Id) -> Result<Json<State>> {
    place.state(id).await.map(Json)
}

async fn preview(Shared(place): Place, Id(id): Id, Body(placed): Body<Placed>) -> Result<Response> {
    answer(place.preview(id, hint(placed)).await?)
}

async fn revise(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(placed): Body<Placed>,
) -> Result<Response> {
    answer(place.act(id, Action::Revise(hint(placed)), placed.seconds, caller).await?)
}

async fn put_all(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(PlacedAll { points, seconds }): Body<PlacedAll>,
) -> Result<Response> {
    let hint = |point: PlacedPoint| Hint::new(point.keypoint, Point::new(point.x, point.y));
    let hints = points.into_iter().map(hint).collect();
    answer(place.act(id, Action::Place(hints), seconds, caller).await?)
}

async fn see(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(Seen { keypoints, visible, seconds }): Body<Seen>,
) -> Result<Response> {
    answer(place.act(id, Action::See(keypoints, visible), seconds, caller).await?)
}

async fn fix_ends(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(Ends { ends, seconds }): Body<Ends>,
) -> Result<Response> {
    answer(place.act(id, Action::Fix(ends), seconds, caller).await?)
}

async fn reject(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(Rejection { because, seconds }): Body<Rejection>,
) -> Result<Response> {
    let because = because.filter(|reason| !reason.trim().is_empty());
    answer(place.act(id, Action::Reject(because), seconds, caller).await?)
}

async fn say(Shared(place): Place, Id(id): Id, caller: Caller, Body(said): Body<Said>) -> Result<Response> {
    let seconds = said.seconds;
    answer(place.act(id, Action::Say(said), seconds, caller).await?)
}

async fn remove(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(named): Body<Named>,
) -> Result<Response> {
    answer(place.act(id, Action::Remove(named.keypoint), named.seconds, caller).await?)
}

async fn undo(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(timed): Body<Timed>,
) -> Result<Response> {
    answer(place.act(id, Action::Undo, timed.seconds, caller).await?)
}

async fn redo(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(timed): Body<Timed>,
) -> Result<Response> {
    answer(place.act(id, Action::Redo, timed.seconds, caller).await?)
}

async fn go_to(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(Step { step, seconds }): Body<Step>,
) -> Result<Response> {
    answer(place.act(id, Action::GoTo(step), seconds, caller).await?)
}

async fn reset(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(timed): Body<Timed>,
) -> Result<Response> {
    answer(place.act(id, Action::Reset, timed.seconds, caller).await?)
}

async fn predict(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(timed): Body<Timed>,
) -> Result<Response> {
    answer(place.act(id, Action::Predict, timed.seconds, caller).await?)
}

async fn shift(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(shifted): Body<Shifted>,
) -> Result<Response> {
    answer(place.act(id, Action::Shift(shifted.by), shifted.seconds, caller).await?)
}

async fn accept(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(said): Body<Acceptance>,
) -> Result<Response> {
    answer(place.act(id, Action::Accept(said.accepted), said.seconds, caller).await?)
}

async fn time(Shared(place): Place, Id(id): Id, Body(timed): Body<Timed>) -> Result<Response> {
    answer(place.act(id, Action::Time, timed.seconds, Caller::default()).await?)
}

async fn import(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    RawQuery(query): RawQuery,
    file: Bytes,
) -> Result<Response> {
    let sure = query.is_some_and(|query| query == "any_film=1");
    let films = Arc::clone(&place);
    let exported = blocking(move || imports::of_film(&films, id, &file, sure)).await?;
    answer(place.act(id, Action::Import(Box::new(exported)), 0.0, caller).await?)
}

async fn picture(Shared(place): Place, Id(id): Id) -> Result<Response> {
    let image = place.pixels(id, false).await?;
    png(blocking(move || Ok(film_png(&image)?)).await?)
}

async fn matched_picture(Shared(place): Place, Id(id): Id) -> Result<Response> {
    let image = place.pixels(id, true).await?;
    png(blocking(move || Ok(film_png(&image)?)).await?)
}

async fn small_picture(Shared(place): Place, Id(id): Id) -> Result<Response> {
    png(place.thumbnail(id).await?.to_vec())
}

async fn heatmap(Shared(place): Place, Id(id): Id, FileName(file): FileName) -> Result<Response> {
    let keypoint = file.strip_suffix(".png").and_then(|number| number.parse().ok());
    let missing = || Kind::NotFound.because(format!("there is no heatmap {file:?}"));
    let maps = place.heatmap(id, keypoint.ok_or_else(missing)?).await?;
    let drawn = blocking(move || Ok(maps.map(0).map(heatmap_png).transpose()?)).await?;
    png(drawn.ok_or_else(missing)?)
}

fn hint(Placed { keypoint, x, y, .. }: Placed) -> Hint {
    Hint::new(keypoint, Point::new(x, y))
}

fn png(bytes: Vec<u8>) -> Result<Response> {
    Ok(([(CONTENT_TYPE, "image/png")], bytes).into_response())
}

/// The answer, with the time that the network took in the header `Server-Timing`.
pub(super) fn answer<T: serde::Serialize>((answer, took): Answered<T>) -> Result<Response> {
    let timing = format!("network;dur={:.1}", 1000.0 * took.as_secs_f64());
    Ok(([(HeaderName::from_static("server-timing"), timing)], Json(answer)).into_response())
}
