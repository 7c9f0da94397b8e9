//! The opening of a WebSocket (RFC 6455): checks the request, answers 101 and hands the socket over.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::HttpError;

/// An open WebSocket.
pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Clients only send pongs and closes.
const MAX_MESSAGE_BYTES: usize = 64 << 10;
/// What RFC 6455 puts behind the client's key before it is hashed.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A WebSocket that opens once the answer is sent.
#[derive(Debug)]
pub(crate) struct Opening(OnUpgrade);

impl Opening {
    /// The socket; `None` when the client went away before it was open.
    pub(crate) async fn socket(self) -> Option<Socket> {
        let upgraded = self.0.await.ok()?;
        let bounds = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        Some(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(bounds)).await)
    }
}

/// The answer to a request for a WebSocket, and the socket to come.
pub(crate) fn open(request: &mut Request) -> Result<(Response, Opening), HttpError> {
    let headers = request.headers();
    if !has_word(headers, header::CONNECTION.as_str(), "upgrade")
        || !has_word(headers, header::UPGRADE.as_str(), "websocket")
    {
        return Err(HttpError::bad_request(
            "this is a WebSocket: the headers `Connection: Upgrade` and `Upgrade: websocket` are missing",
        ));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(HttpError::bad_request("this is a WebSocket of version 13 (header `Sec-WebSocket-Version`)"));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
    let key = key.ok_or_else(|| HttpError::bad_request("the header `Sec-WebSocket-Key` is missing"))?;
    let accept = HeaderValue::try_from(accept(key)).map_err(|error| HttpError::internal(&error))?;
    let opening = Opening(hyper::upgrade::on(request));
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok((answer, opening))
}

fn has_word(headers: &HeaderMap, name: &str, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}

fn accept(key: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes());
    BASE64_STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_standard_gets_the_answer_of_the_standard() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_does_not_ask_for_a_websocket_is_told_so() {
        let mut request = Request::new(Body::empty());
        assert!(open(&mut request).unwrap_err().message().contains("this is a WebSocket"));
        for (name, value) in
            [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket"), ("sec-websocket-version", "13")]
        {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        assert!(open(&mut request).unwrap_err().message().contains("Sec-WebSocket-Key"));
        request.headers_mut().insert("sec-websocket-key", HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(open(&mut request).unwrap().0.status(), 101);
    }
}
