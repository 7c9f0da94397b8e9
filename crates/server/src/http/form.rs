//! The parameters of a request: those of the URL and, for a POST, those of a form in the body, as Loki merges them.

use std::fmt;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode, header};

use super::connections::Late;
use super::{HttpError, Note};

/// Parameters in the order they were given; the body's come first, as in Go.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

/// Forms are queries and selectors; nobody needs more.
const MAX_BODY_BYTES: usize = 1 << 20;

impl Form {
    /// The first value of a parameter; an empty one counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter that are not empty.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn add(&mut self, encoded: &[u8]) {
        self.0.extend(form_urlencoded::parse(encoded).into_owned());
    }

    /// The parameters of an encoded query.
    pub(crate) fn of(encoded: &str) -> Self {
        let mut form = Self::default();
        form.add(encoded.as_bytes());
        form
    }
}

/// For the audit trail.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        let mut form = Self::default();
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if parts.method == Method::POST && kind.starts_with("application/x-www-form-urlencoded") {
            form.add(&to_bytes(body, MAX_BODY_BYTES).await.map_err(refused)?);
            if let Some(note) = parts.extensions.get::<Note>() {
                note.say(|| form.to_string());
            }
        }
        form.add(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(form)
    }
}

fn refused(error: axum::Error) -> HttpError {
    let error = error.into_inner();
    let late = std::iter::successors(Some(&*error as &(dyn std::error::Error + 'static)), |error| error.source())
        .find(|error| error.is::<Late>());
    match late {
        Some(late) => HttpError::new(StatusCode::REQUEST_TIMEOUT, late.to_string()),
        None => HttpError::bad_request("the form is broken or larger than 1 MiB"),
    }
}
