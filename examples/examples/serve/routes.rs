//! Which request does what.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use ikem_core::{Hint, Point, Skeleton};
use ikem_data::PredictionRecord;
use ikem_examples::http::failure::Result;
use ikem_examples::http::security::{self, Access, Bodies};
use ikem_examples::http::{Body, Kind};
use ikem_models::{Session, Snapshot};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::sessions::{About, Sessions, State};

type Place = Shared<Arc<Sessions>>;
/// The session in the address.
type Id = Path<String>;

/// The longest name of an image, in characters.
const LONGEST_NAME: usize = 200;

/// All routes, guarded.
pub(crate) fn router(sessions: Arc<Sessions>, access: Access) -> Router {
    let one = Router::new()
        .route("/", get(state).delete(close))
        .route("/correct", post(correct))
        .route("/preview", post(preview))
        .route("/remove", post(remove))
        .route("/undo", post(undo))
        .route("/redo", post(redo))
        .route("/reset", post(reset))
        .route("/snapshot", get(snapshot).put(adopt));
    Router::new()
        .route("/", get(about))
        .route("/sessions", post(open))
        .nest("/sessions/{id}", one)
        .with_state(sessions)
        .fallback(async || Kind::NotFound.because("there is no such address"))
        .method_not_allowed_fallback(async || Kind::Method.because("this method is not allowed here"))
        .layer(DefaultBodyLimit::disable())
        .layer(axum::middleware::from_fn_with_state(Arc::new(access), security::guard))
}

/// What bodies the addresses take.
pub(crate) fn bodies(path: &str) -> Bodies {
    if path == "/sessions" { Bodies::FILE } else { Bodies::JSON }
}

/// A keypoint by its name, or its index from 0.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Value")]
struct Keypoint(String);

impl TryFrom<Value> for Keypoint {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(name) => Ok(Self(name)),
            Value::Number(index) if index.is_u64() => Ok(Self(index.to_string())),
            found => Err(format!("keypoint: found {found}; expected a name or an index from 0")),
        }
    }
}

/// A request that puts points.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Placed {
    points: Vec<PlacedPoint>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacedPoint {
    keypoint: Keypoint,
    x: f32,
    y: f32,
}

/// A request that names a keypoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    keypoint: Keypoint,
}

/// A snapshot of a session as clients keep it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The fingerprint of the image file that it is of.
    image: String,
    snapshot: Snapshot,
}

impl Keypoint {
    fn index(&self, skeleton: &Skeleton) -> Result<usize> {
        skeleton.index(&self.0).map_err(|error| Kind::Invalid.because(error))
    }
}

impl PlacedPoint {
    fn hint(&self, skeleton: &Skeleton) -> Result<Hint> {
        Ok(Hint::new(self.keypoint.index(skeleton)?, Point::new(self.x, self.y)))
    }
}

impl Placed {
    fn hints(&self, skeleton: &Skeleton) -> Result<Vec<Hint>> {
        if self.points.is_empty() {
            return Err(Kind::Invalid.because("no points; expected at least one"));
        }
        self.points.iter().map(|point| point.hint(skeleton)).collect()
    }
}

async fn about(Shared(sessions): Place) -> Json<About> {
    Json(sessions.about())
}

async fn open(Shared(sessions): Place, headers: HeaderMap, file: Bytes) -> Result<impl IntoResponse> {
    let name = headers.get("x-file-name").and_then(|name| name.to_str().ok()).unwrap_or("image");
    let name = percent_decode_str(name).decode_utf8_lossy().chars().take(LONGEST_NAME).collect();
    Ok((StatusCode::CREATED, Json(sessions.open(name, file).await?)))
}

async fn close(Shared(sessions): Place, Path(id): Id) -> Result<Json<Value>> {
    sessions.close(&id).map(|()| Json(json!({})))
}

async fn state(Shared(sessions): Place, Path(id): Id) -> Result<Json<State>> {
    sessions.with(&id, |id, entry, session| entry.state(id, session)).await.map(Json)
}

async fn correct(Shared(sessions): Place, Path(id): Id, Body(placed): Body<Placed>) -> Result<Json<State>> {
    let answer = sessions.predict(&id, false, move |id, entry, session, _| {
        let hints = placed.hints(&session.predictor().config().skeleton)?;
        session.revise_all(hints)?;
        entry.state(id, session)
    });
    answer.await.map(Json)
}

async fn preview(
    Shared(sessions): Place,
    Path(id): Id,
    Body(placed): Body<PlacedPoint>,
) -> Result<Json<PredictionRecord>> {
    let answer = sessions.predict(&id, true, move |_, entry, session, cancel| {
        let hint = placed.hint(&session.predictor().config().skeleton)?;
        let preview = session.cancelled_by(cancel).preview(hint)?;
        entry.preview(session, &preview)
    });
    answer.await.map(Json)
}

async fn remove(Shared(sessions): Place, Path(id): Id, Body(named): Body<Named>) -> Result<Json<State>> {
    let answer = sessions.predict(&id, false, move |id, entry, session, _| {
        let keypoint = named.keypoint.index(&session.predictor().config().skeleton)?;
        if !session.remove(keypoint)? {
            return Err(Kind::Invalid.because(format!("keypoint {keypoint} has no correction")));
        }
        entry.state(id, session)
    });
    answer.await.map(Json)
}

async fn undo(Shared(sessions): Place, Path(id): Id) -> Result<Json<State>> {
    changed(&sessions, &id, Session::undo).await
}

async fn redo(Shared(sessions): Place, Path(id): Id) -> Result<Json<State>> {
    changed(&sessions, &id, Session::redo).await
}

async fn reset(Shared(sessions): Place, Path(id): Id) -> Result<Json<State>> {
    changed(&sessions, &id, Session::reset).await
}

/// The state after a change that needs no prediction.
async fn changed<T>(
    sessions: &Sessions,
    id: &str,
    change: impl FnOnce(&mut Session) -> T + Send + 'static,
) -> Result<Json<State>> {
    let answer = sessions.with(id, |id, entry, session| {
        change(session);
        entry.state(id, session)
    });
    answer.await.map(Json)
}

async fn snapshot(Shared(sessions): Place, Path(id): Id) -> Result<Json<Kept>> {
    let kept = sessions.with(&id, |_, entry, session| {
        let snapshot = session.snapshots().present().clone();
        Ok(Kept { image: entry.fingerprint.clone(), snapshot })
    });
    kept.await.map(Json)
}

async fn adopt(Shared(sessions): Place, Path(id): Id, Body(kept): Body<Kept>) -> Result<Json<State>> {
    let answer = sessions.with(&id, move |id, entry, session| {
        if kept.image != entry.fingerprint {
            return Err(Kind::OtherFilm.because("the snapshot is of another image file"));
        }
        session.adopt(&kept.snapshot)?;
        entry.state(id, session)
    });
    answer.await.map(Json)
}
