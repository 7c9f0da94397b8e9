//! JSON in the body of a request. What cannot be read is told by its place only: a body may hold a password.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::http::{HttpError, Note};

/// What people and programs write about access is small.
const MAX_BODY_BYTES: usize = 256 << 10;

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// The body of a request that has no secret: what it says stands in the audit trail.
#[derive(Debug)]
pub(crate) struct Noted<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        parsed(&bytes(request).await?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Noted<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        let note = request.extensions().get::<Note>().cloned().unwrap_or_default();
        let body = bytes(request).await?;
        let asked = parsed(&body)?;
        note.json(&body);
        Ok(Self(asked))
    }
}

async fn bytes(request: Request) -> Result<Bytes, HttpError> {
    let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
    body.map_err(|_| HttpError::bad_request("the body is broken, late, or larger than 256 KiB"))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        // Names of fields are ours and may be told; values may not.
        let text = error.to_string();
        let told = ["unknown field", "missing field", "unknown variant"].iter().any(|start| text.starts_with(start));
        let what = if told { text } else { format!("at line {line} column {column}") };
        HttpError::bad_request(format!("the body is not the JSON that is wanted here: {what}"))
    })
}
