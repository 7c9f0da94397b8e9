//! What an output is: a format that writes a batch as requests and reads their answers. One file a destination.

mod loki;

use std::fmt;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};

pub(crate) use loki::Loki;

use crate::spool::Record;

/// How batches are written for one kind of destination. Pure: the sending is [`crate::ship`]'s.
pub(crate) trait Format: Send + Sync + fmt::Debug {
    /// Whether batches go out one at a time, in their order.
    fn is_ordered(&self) -> bool;
    /// The requests that carry a batch; they are sent one after the other.
    fn encode(&self, record: &Record) -> Result<Vec<Request>, Broken>;
    /// What an answer with this status and body means.
    fn judge(&self, request: &Request, status: StatusCode, body: &[u8]) -> Verdict {
        let _ = (request, body);
        Verdict::of(status)
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) lines: u64,
}

/// What an answer means.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The server has the lines, but for those that it will never take.
    Stored { refused_lines: u64 },
    /// It does not want the request, or a part of it, and never will.
    Refused,
    /// The same may do better later.
    Later,
    /// It has a part; the rest may do better later. These many of the others it will never take.
    Rest { request: Request, refused_lines: u64 },
}

/// A batch of the spool that cannot be read: our own bug, since its checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch cannot be decoded")]
pub(crate) struct Broken;

impl Verdict {
    /// By the status alone.
    pub(crate) fn of(status: StatusCode) -> Self {
        match status {
            status if status.is_success() => Self::Stored { refused_lines: 0 },
            // Settings that are wrong here or there: nothing is lost while somebody puts them right.
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => Self::Later,
            status if status.is_client_error() => Self::Refused,
            _ => Self::Later,
        }
    }
}
