//! How a request of the SDK's client travels: over HTTP on loopback, with the patience of a real caller, and now and then
//! over a connection that breaks.

use std::fmt;

use axum::body::{Body, to_bytes};
use http::{Request, Response};
use sdk::Captured;

use crate::lines::{NO_ANSWER, PATIENCE, RESET};

/// Longest body that anybody sends here.
const BODY_LIMIT: usize = 64 << 10;

/// Why a call to another service failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection broke; a second try is worth it.
    Reset,
    /// Nobody answered in time.
    Late,
    /// The other side answered with a status that is no success.
    Refused(u16),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset => f.write_str(RESET),
            Self::Late => f.write_str(NO_ANSWER),
            Self::Refused(status) => write!(f, "answered {status}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Sends a request and waits for the head of its answer.
pub(super) async fn send(
    http: reqwest::Client,
    request: Request<Captured<Body>>,
    breaks: bool,
) -> Result<Response<reqwest::Body>, Failure> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY_LIMIT).await.map_err(|_| Failure::Reset)?;
    if breaks {
        return Err(Failure::Reset);
    }
    let request = reqwest::Request::try_from(Request::from_parts(parts, body)).map_err(|_| Failure::Reset)?;
    let answer = tokio::time::timeout(PATIENCE, http.execute(request)).await.map_err(|_| Failure::Late)?;
    answer.map(Response::from).map_err(|_| Failure::Reset)
}
