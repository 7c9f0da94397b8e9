//! JSON in the body of a request. What cannot be read is told by its place only: a body may hold a password.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::http::HttpError;

/// What people and programs write about access is small.
const MAX_BODY_BYTES: usize = 256 << 10;

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
        let body = body.map_err(|_| HttpError::bad_request("the body is broken, late, or larger than 256 KiB"))?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            // Names of fields are ours and may be told; values may not.
            let text = error.to_string();
            let told =
                ["unknown field", "missing field", "unknown variant"].iter().any(|start| text.starts_with(start));
            let what = if told { text } else { format!("at line {line} column {column}") };
            HttpError::bad_request(format!("the body is not the JSON that is wanted here: {what}"))
        })
    }
}
