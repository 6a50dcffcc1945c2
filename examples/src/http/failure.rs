//! Why requests are refused.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ikem_models::NoTurn;
use serde_json::json;

/// Why a request was not done: one line for the person, a kind for the page.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
}

/// What is wrong, by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Not a request of this API.
    BadRequest,
    /// The token is missing.
    Unauthorized,
    /// The request's origin or host is not allowed.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The resource exists but does not support this method.
    Method,
    /// The request did not arrive in time.
    Timeout,
    /// It can't be done as things are.
    Conflict,
    /// The image has changed since the client last saw it.
    Stale,
    /// The network is busy.
    Busy,
    /// A newer request took its place.
    Superseded,
    /// Too many bytes.
    TooLarge,
    /// The body is of another type.
    MediaType,
    /// A file of keypoints that is not of this film by name.
    OtherFilm,
    /// An invalid value.
    Invalid,
    /// Device or disk.
    Failed,
}

impl Kind {
    const fn describe(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict"),
            Self::Stale => (StatusCode::CONFLICT, "stale"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Superseded => (StatusCode::CONFLICT, "superseded"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type"),
            Self::OtherFilm => (StatusCode::UNPROCESSABLE_ENTITY, "other_film"),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        }
    }

    /// A failure of this kind.
    pub fn because(self, message: impl ToString) -> Failure {
        Failure { kind: self, message: message.to_string() }
    }
}

impl Failure {
    /// Whether it is of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// The line for the person.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, kind) = self.kind.describe();
        (status, Json(json!({ "error": self.message, "kind": kind }))).into_response()
    }
}

impl From<ikem_models::Error> for Failure {
    fn from(error: ikem_models::Error) -> Self {
        match error {
            ikem_models::Error::Argument(wrong) => Kind::Invalid.because(wrong),
            ikem_models::Error::Cancelled => Kind::Superseded.because(error),
            other => Kind::Failed.because(other),
        }
    }
}

impl From<NoTurn> for Failure {
    fn from(reason: NoTurn) -> Self {
        match reason {
            NoTurn::Superseded => Kind::Superseded.because(reason),
            NoTurn::TimedOut { patience } => {
                let seconds = patience.as_secs_f64();
                Kind::Busy.because(format!("the network has been busy for {seconds:.0} s; try again later"))
            }
            _ => Kind::Busy.because(format!("the network is busy: {reason}; try again later")),
        }
    }
}

impl From<ikem_data::Error> for Failure {
    fn from(error: ikem_data::Error) -> Self {
        let kind = match error {
            ikem_data::Error::Read { .. } => Kind::NotFound,
            ikem_data::Error::Write { .. } => Kind::Failed,
            _ => Kind::Invalid,
        };
        kind.because(error)
    }
}

/// What a request comes to.
pub type Result<T, E = Failure> = std::result::Result<T, E>;
