//! What of a body reaches the line.

use logline::{Kind, Timestamp};

use super::*;
use crate::testing::log_with;
use crate::{Log, Settings};

fn line(log: &Log, message: &Message) -> String {
    message.add_to(Record::new(Timestamp(0), Kind::Req, "X"), log).to_line()
}

fn limited(body_limit: usize) -> Log {
    log_with(Settings { body_limit, ..Settings::default() }).0
}

#[test]
fn a_body_within_the_limit_is_whole() {
    let log = limited(10);
    let mut message = Message::default();
    message.take(b"{\"a\":", 10);
    message.take(b"1}", 10);
    assert_eq!(line(&log, &message), r#"[1970-01-01T00:00:00.000Z][REQ][X] body={"a":1}"#);
}

#[test]
fn a_longer_body_is_cut_and_its_size_told() {
    let log = limited(10);
    let mut message = Message::default();
    for _ in 0..10_000 {
        message.take("ю;".as_bytes(), 10);
    }
    assert!(message.body.len() <= 10 + MARGIN);
    assert_eq!(line(&log, &message), "[1970-01-01T00:00:00.000Z][REQ][X] body_bytes=30000 body=ю;ю;ю;");
}

#[test]
fn a_value_at_the_limit_is_left_out_rather_than_cut() {
    let log = limited(20);
    let mut message = Message::default();
    message.take(b"card: 4111 1111 1111 1111 and more", 20);
    assert_eq!(line(&log, &message), "[1970-01-01T00:00:00.000Z][REQ][X] body_bytes=34 body=card:");
}

#[test]
fn what_is_no_text_is_only_counted() {
    let log = limited(100);
    let mut binary = Message::default();
    binary.take(&[0xff, 0xd8, 0xff], 100);
    assert_eq!(line(&log, &binary), "[1970-01-01T00:00:00.000Z][REQ][X] body_bytes=3");
    let mut gzip = Message::default();
    gzip.set_headers(&HeaderMap::from_iter([(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"))]), &log);
    gzip.take(b"text", 100);
    assert!(
        line(&log, &gzip).ends_with(r#"body_bytes=4 headers={"content-encoding":"gzip"}"#),
        "{}",
        line(&log, &gzip)
    );
}

#[test]
fn bodies_and_headers_can_be_left_out() {
    let (log, _) = log_with(Settings { bodies: false, headers: false, ..Settings::default() });
    let mut message = Message::default();
    message.set_headers(&HeaderMap::from_iter([(http::header::ACCEPT, http::HeaderValue::from_static("*/*"))]), &log);
    message.take(b"text", 100);
    assert_eq!(line(&log, &message), "[1970-01-01T00:00:00.000Z][REQ][X] body_bytes=4");
}
