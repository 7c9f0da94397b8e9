//! The one place that turns an error into a status code. The client reads `text`; the log gets `detail`.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// An answer other than success, in Loki's shape: plain text, message only.
#[derive(Debug)]
pub(crate) struct HttpError {
    status: StatusCode,
    text: String,
    detail: Option<String>,
    retry_after: Option<Duration>,
}

impl HttpError {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), detail: None, retry_after: None }
    }

    fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// What the client is told.
    pub(crate) fn message(&self) -> &str {
        &self.text
    }

    /// Our fault: the client learns nothing of it, the log everything.
    pub(crate) fn internal(detail: &dyn std::fmt::Display) -> Self {
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
        Self { detail: Some(detail.to_string()), ..error }
    }

    pub(crate) fn busy(text: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, text).retry_after(retry_after)
    }

    pub(crate) fn unavailable(detail: &dyn std::fmt::Display) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "storage is unavailable, try again");
        Self { detail: Some(detail.to_string()), retry_after: Some(Duration::from_secs(1)), ..error }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        if let Some(detail) = &self.detail {
            tracing::error!(status = self.status.as_u16(), detail, "request failed");
        }
        let shape = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut response = (self.status, shape, self.text + "\n").into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<auth::Denied> for HttpError {
    fn from(denied: auth::Denied) -> Self {
        let status = match &denied {
            auth::Denied::Unauthenticated => StatusCode::UNAUTHORIZED,
            auth::Denied::Forbidden { .. }
            | auth::Denied::Tenant { .. }
            | auth::Denied::PasswordChange { .. }
            | auth::Denied::Stranger { .. } => StatusCode::FORBIDDEN,
            auth::Denied::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            auth::Denied::InvalidTenant(_) | auth::Denied::SeveralTenants => StatusCode::BAD_REQUEST,
        };
        Self::new(status, denied.to_string())
    }
}

impl From<auth::Error> for HttpError {
    fn from(error: auth::Error) -> Self {
        match error.kind() {
            auth::Kind::Invalid => Self::bad_request(error.to_string()),
            auth::Kind::Refused => Self::new(StatusCode::UNAUTHORIZED, error.to_string()),
            auth::Kind::ReadOnly | auth::Kind::Taken => Self::new(StatusCode::CONFLICT, error.to_string()),
            auth::Kind::NotFound => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            auth::Kind::Unavailable => {
                Self { detail: Some(error.to_string()), ..Self::busy("try again", Duration::from_secs(1)) }
                    .with_status(StatusCode::SERVICE_UNAVAILABLE)
            }
            auth::Kind::Internal => Self::internal(&error),
        }
    }
}

impl From<state::Error> for HttpError {
    fn from(error: state::Error) -> Self {
        match error.kind() {
            state::Kind::NotFound => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            state::Kind::Taken => Self::new(StatusCode::CONFLICT, error.to_string()),
            state::Kind::Unavailable => Self::unavailable(&error),
            state::Kind::Unusable | state::Kind::Internal => Self::internal(&error),
        }
    }
}

impl From<storage::Error> for HttpError {
    fn from(error: storage::Error) -> Self {
        match error.kind() {
            storage::Kind::Invalid => Self::bad_request(error.to_string()),
            storage::Kind::NotFound => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            storage::Kind::Busy { retry_after } => Self::busy(error.to_string(), retry_after),
            storage::Kind::Full | storage::Kind::Unavailable => Self::unavailable(&error),
            storage::Kind::Locked | storage::Kind::Corrupt | storage::Kind::Internal => Self::internal(&error),
        }
    }
}

impl From<query::Error> for HttpError {
    fn from(error: query::Error) -> Self {
        match error.kind() {
            query::Kind::Invalid | query::Kind::TooLarge => Self::bad_request(error.to_string()),
            query::Kind::Busy => Self::busy(error.to_string(), Duration::from_secs(1)),
            query::Kind::Timeout => Self::new(StatusCode::GATEWAY_TIMEOUT, error.to_string()),
            query::Kind::Cancelled => Self::new(cancelled(), "the request was cancelled by the client"),
            query::Kind::Unavailable => Self::unavailable(&error),
            query::Kind::Internal => Self::internal(&error),
        }
    }
}

/// 499, which no standard knows but proxies and Loki do.
fn cancelled() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_query_is_answered_as_loki_answers_it() {
        assert_eq!(cancelled().as_u16(), 499);
    }
}
