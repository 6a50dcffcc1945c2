use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::{Failure, Kind, Result};

/// A body of JSON; none is the empty object.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| Kind::BadRequest.because(rejection))?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let json: Value = serde_json::from_slice(text)
            .map_err(|error| Kind::BadRequest.because(format!("not JSON: {error}")))?;
        T::deserialize(json).map(Self).map_err(|error| Kind::Invalid.because(error))
    }
}

/// Runs what takes its time, or waits, where that holds up nobody.
///
/// # Errors
/// Those of `work`, and when it panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Kind::Failed.because(error))?
}
