//! What a service logs of the requests it answers.

use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::FutureExt;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::{ServiceExt, service_fn};

use super::*;
use crate::testing::{log, log_with, post, read};
use crate::{OrderContext, QueueLimits, Settings, Writer};

type Answer = Result<Response<Full<Bytes>>, Infallible>;

/// Reads the body, names the order and moves it on.
async fn price<B>(request: Request<B>) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Debug,
{
    let call = request.extensions().get::<Call>().unwrap().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    call.object(crate::ObjectContext::customer("812"));
    let order = OrderContext::new("4711", "SUBMITTED");
    call.order(&order);
    order.set_status("PRICE_CALCULATED");
    Ok(Response::builder().status(StatusCode::CREATED).header("x-price", "1490").body(Full::new(body)).unwrap())
}

async fn silent<B>(_: Request<B>) -> Answer {
    Ok(Response::new(Full::new(Bytes::from_static(b"ok"))))
}

#[tokio::test]
async fn a_request_about_an_order_carries_its_status_before_and_after() {
    let (log, lines) = log();
    let service = ServerLayer::new(log.clone()).layer(service_fn(price));
    let answer = service.oneshot(post("/orders/4711/price", r#"{"n":1}"#)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(read(answer).await, r#"{"n":1}"#);
    let ids = "trace_id=00000000000000010000000000000002 span_id=0000000000000003 request_id=0000000000000004";
    assert_eq!(
        lines.of(&log),
        [
            format!(
                "[REQ][POST /orders/{{id}}/price] order_id=4711 status=SUBMITTED \
                 customer_id=812 {ids} dir=in path=/orders/4711/price body={{\"n\":1}}"
            ),
            format!(
                "[RESP][POST /orders/{{id}}/price] order_id=4711 status=PRICE_CALCULATED \
                 customer_id=812 {ids} dir=in path=/orders/4711/price http_status=201 duration_ms=1 headers={{\"x-price\":\"1490\"}} \
                 body={{\"n\":1}}"
            ),
        ]
    );
}

#[tokio::test]
async fn an_order_that_the_request_creates_stands_in_resp_only() {
    let (log, lines) = log();
    let handler = service_fn(|request: Request<Captured<Full<Bytes>>>| async move {
        let call = request.extensions().get::<Call>().unwrap();
        call.created_order(&OrderContext::new("4711", "CREATED"));
        silent(request).await
    });
    read(ServerLayer::new(log.clone()).layer(handler).oneshot(post("/orders", "")).await.unwrap()).await;
    let lines = lines.of(&log);
    assert!(lines[0].starts_with("[REQ][POST /orders] trace_id="), "{}", lines[0]);
    assert!(lines[1].starts_with("[RESP][POST /orders] order_id=4711 status=CREATED "), "{}", lines[1]);
}

#[tokio::test]
async fn the_route_is_found_by_extension_or_by_function() {
    let (log, lines) = log();
    let layer = ServerLayer::new(log.clone());
    let mut request = post("/a/b", "");
    request.extensions_mut().insert(RouteTemplate("/a/{what}".to_owned()));
    read(layer.layer(service_fn(silent)).oneshot(request).await.unwrap()).await;
    let layer = layer.route(|parts| parts.headers.get("route").map(|route| route.to_str().unwrap().to_owned()));
    let mut request = post("/c/d?e=f", "");
    request.headers_mut().insert("route", "/c/{letter}".parse().unwrap());
    read(layer.layer(service_fn(silent)).oneshot(request).await.unwrap()).await;
    let lines = lines.of(&log);
    assert!(lines[0].starts_with("[REQ][POST /a/{what}] ") && lines[0].contains(" path=/a/b"), "{}", lines[0]);
    assert!(lines[2].starts_with("[REQ][POST /c/{letter}] ") && lines[2].contains("path=\"/c/d?e=f\""), "{}", lines[2]);
}

#[tokio::test]
async fn a_request_id_of_the_caller_is_taken_over_if_it_is_harmless() {
    let (log, lines) = log();
    for id in ["abc-123", "a b", ""] {
        let mut request = post("/", "");
        request.headers_mut().insert(REQUEST_ID, id.parse().unwrap());
        read(ServerLayer::new(log.clone()).layer(service_fn(silent)).oneshot(request).await.unwrap()).await;
    }
    let lines = lines.of(&log);
    assert!(lines[0].contains(" request_id=abc-123 ") && lines[1].contains(" request_id=abc-123 "), "{lines:#?}");
    assert!(lines[2].contains(" request_id=00000000000000") && lines[4].contains(" request_id=00000000000000"));
}

#[tokio::test]
async fn planted_secrets_never_reach_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.log");
    let writer = Writer::file(&path, QueueLimits::default()).unwrap();
    let log = Log::new(writer, Settings::default(), || UNIX_EPOCH).unwrap();
    let body = r#"{"email":"ivan.petrov@example.ru","phone":"+7 (916) 123-45-67","card":"4111 1111 1111 1111",
        "password":"hunter2","note":"{\"token\":\"hunter3\",\"tel\":\"8 916 123 45 67\"}"}"#;
    let mut request = post("/users/ivan.petrov@example.ru?phone=%2B79161234567&api_key=hunter4", body);
    for (name, value) in [
        ("authorization", "Bearer hunter5hunter5"),
        ("cookie", "sid=hunter6"),
        ("x-api-key", "hunter7"),
        ("x-contact", "ivan.petrov@example.ru"),
        ("referer", "https://shop:hunter8@crm/?card=4111111111111111"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let handler = service_fn(|request: Request<Captured<Full<Bytes>>>| async move {
        request.extensions().get::<Call>().unwrap().error("no such user: ivan.petrov@example.ru");
        price(request).await
    });
    let answer = ServerLayer::new(log.clone()).layer(handler).oneshot(request).await.unwrap();
    assert_eq!(read(answer).await, body, "the body itself passes unchanged");
    assert!(log.flush(Duration::from_secs(30)));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    for planted in ["hunter", "ivan", "916", "4567", "4111", "1111"] {
        assert!(!text.contains(planted), "{planted} in {text}");
    }
    let reader = logline::Reader::default();
    for line in text.lines() {
        let record = reader.read(line, &logline::Context::default());
        assert!(record.defects().is_empty(), "{:?} in {line}", record.defects());
        assert!(record.body().unwrap().is_json(), "{line}");
        assert_eq!(record.order_id(), Some("4711"));
    }
}

#[tokio::test]
async fn a_body_over_the_limit_passes_whole_and_is_logged_in_part() {
    let (log, lines) = log_with(Settings { body_limit: 16, ..Settings::default() });
    let body = "x".repeat(100_000);
    let answer = ServerLayer::new(log.clone()).layer(service_fn(price)).oneshot(post("/x", &body)).await.unwrap();
    assert_eq!(read(answer).await.len(), 100_000);
    for line in lines.of(&log) {
        assert!(line.contains("body_bytes=100000"), "{line}");
        assert!(line.ends_with(&format!("body={}", "x".repeat(16))), "{line}");
    }
}

/// A target that never takes anything.
struct Stuck(mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.0.recv().ok();
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_full_queue_costs_lines_and_no_request() {
    let (open, gate) = mpsc::channel();
    let writer = Writer::to(Stuck(gate), QueueLimits { lines: 4, bytes: 1 << 20 }).unwrap();
    let log = Log::new(writer, Settings::default(), || UNIX_EPOCH).unwrap();
    let service = ServerLayer::new(log.clone()).layer(service_fn(price));
    for _ in 0..100 {
        let answer = service.clone().oneshot(post("/orders", "{}")).await.unwrap();
        assert_eq!(read(answer).await, "{}");
    }
    let dropped = log.dropped();
    assert!((192..=196).contains(&dropped), "{dropped}");
    drop(open);
}

#[tokio::test]
async fn a_handler_that_hangs_shows_its_request_and_then_that_it_was_given_up() {
    let (log, lines) = log();
    let hanging = service_fn(|_: Request<Captured<Full<Bytes>>>| std::future::pending::<Answer>());
    let answer = ServerLayer::new(log.clone()).layer(hanging).oneshot(post("/x", ""));
    let mut answer = pin!(tokio::time::timeout(Duration::from_secs(3), answer));
    assert!(tokio::time::timeout(Duration::from_secs(2), answer.as_mut()).await.is_err());
    assert_eq!(lines.of(&log).len(), 1);
    assert!(answer.await.is_err());
}

#[tokio::test]
async fn a_request_that_is_cancelled_ends_with_an_error() {
    let (log, lines) = log();
    let hanging = service_fn(|_: Request<Captured<Full<Bytes>>>| std::future::pending::<Answer>());
    drop(ServerLayer::new(log.clone()).layer(hanging).oneshot(post("/x", "")).now_or_never());
    let lines = lines.of(&log);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].contains(r#"error="ended without an answer""#), "{}", lines[1]);
}

#[tokio::test]
async fn it_serves_over_real_http() {
    let (log, lines) = log();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (served, _) = listener.accept().await.unwrap();
    let service = TowerToHyperService::new(ServerLayer::new(log.clone()).layer(service_fn(price)));
    let server = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(served), service);
    let client = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let exchange = async {
            let response = sender.send_request(post("/orders/4711/price", r#"{"n":1}"#)).await.unwrap();
            let body = read(response).await;
            drop(sender);
            body
        };
        tokio::join!(exchange, connection).0
    };
    let (body, served) = tokio::join!(client, server);
    served.unwrap();
    assert_eq!(body, r#"{"n":1}"#);
    let lines = lines.of(&log);
    assert!(lines[0].contains("order_id=4711 status=SUBMITTED") && lines[0].ends_with(r#"body={"n":1}"#));
    assert!(lines[1].contains("status=PRICE_CALCULATED") && lines[1].ends_with(r#"body={"n":1}"#));
}

#[tokio::test]
async fn time_comes_from_the_clock_that_was_given() {
    let lines = crate::testing::Lines::default();
    let now: SystemTime = UNIX_EPOCH + Duration::from_secs(86_400 * 365);
    let writer = Writer::to(lines.clone(), QueueLimits::default()).unwrap();
    let log = Log::new(writer, Settings::default(), move || now).unwrap();
    log.order_created(&OrderContext::new("1", "CREATED"));
    assert!(log.flush(Duration::from_secs(30)));
    assert_eq!(lines.text(), "[1971-01-01T00:00:00.000Z][STATUS][order] order_id=1 to=CREATED\n");
}
