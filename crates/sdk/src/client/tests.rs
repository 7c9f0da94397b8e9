//! Calls to other services through the layer.

use std::convert::Infallible;
use std::fmt;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use tower::{ServiceExt, service_fn};

use super::*;
use crate::testing::{log, post, read};
use crate::{Call, ServerLayer};

/// Reads the request as a connection would, and answers with what it got as `traceparent`.
async fn remote<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Debug,
{
    let trace = request.headers()["traceparent"].to_str().unwrap().to_owned();
    request.into_body().collect().await.unwrap();
    Ok(Response::new(Full::new(trace.into())))
}

#[tokio::test]
async fn both_lines_name_the_peer_and_the_attempt() {
    let (log, lines) = log();
    let client = ClientLayer::new(log.clone(), "crm").layer(service_fn(remote));
    let mut request = post("http://crm:80/orders/4711?card=4111111111111111", "password=hunter2");
    request.extensions_mut().insert(Attempt(3));
    request.extensions_mut().insert(OrderContext::new("4711", "SUBMITTED"));
    request.extensions_mut().insert(RouteTemplate("/orders/{order}".to_owned()));
    let answer = read(client.oneshot(request).await.unwrap()).await;
    let lines = lines.of(&log);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("[REQ][POST /orders/{order}] order_id=4711 status=SUBMITTED "), "{}", lines[0]);
    assert!(lines[0].contains(r#"dir=out peer=crm attempt=3 path="/orders/4711?card=<card>""#), "{}", lines[0]);
    assert!(lines[0].ends_with(r#"body="password=<secret>""#), "{}", lines[0]);
    assert!(lines[1].contains("http_status=200 ") && lines[1].contains(&answer), "{}", lines[1]);
}

#[tokio::test]
async fn two_services_in_a_row_share_the_trace() {
    let (log, lines) = log();
    let crm = ServerLayer::new(log.clone()).layer(service_fn(remote));
    let shop_log = log.clone();
    let shop = ServerLayer::new(log.clone()).layer(service_fn(move |request: Request<_>| {
        let client = ClientLayer::new(shop_log.clone(), "crm").layer(crm.clone());
        async move {
            let call: Call = request.extensions().get::<Call>().unwrap().clone();
            call.order(&OrderContext::new("4711", "SUBMITTED"));
            client.oneshot(post("/crm/orders", "{}")).await
        }
    }));
    let mut request = post("/orders", "{}");
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    request.headers_mut().insert("traceparent", header.parse().unwrap());
    read(shop.oneshot(request).await.unwrap()).await;
    let lines = lines.of(&log);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    let field = |line: &str, name: &str| {
        let rest = line.split(&format!(" {name}=")).nth(1)?;
        Some(rest.split(' ').next().unwrap().to_owned())
    };
    for line in &lines {
        assert_eq!(field(line, "trace_id").unwrap(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }
    let req = |dir: &str, path: &str| {
        lines.iter().find(|line| line.starts_with(&format!("[REQ][POST {path}]")) && line.contains(dir)).unwrap()
    };
    let (shop, out, crm) = (req("dir=in", "/orders"), req("dir=out", "/crm/orders"), req("dir=in", "/crm/orders"));
    assert_eq!(field(shop, "parent_span_id").unwrap(), "00f067aa0ba902b7");
    assert_eq!(field(out, "parent_span_id"), field(shop, "span_id"));
    assert_eq!(field(crm, "parent_span_id"), field(out, "span_id"));
    assert_eq!(field(crm, "request_id"), field(out, "request_id"));
    assert_ne!(field(shop, "request_id"), field(out, "request_id"));
    assert_eq!(field(out, "status").unwrap(), "SUBMITTED");
}

#[tokio::test]
async fn a_request_tells_the_status_from_before_the_call_and_the_response_the_new_one() {
    let (log, lines) = log();
    let order = OrderContext::new("4711", "SUBMITTED");
    let moved = order.clone();
    let client = ClientLayer::new(log.clone(), "mes").layer(service_fn(move |request| {
        moved.set_status("PRICE_CALCULATED");
        remote(request)
    }));
    let mut request = post("/orders/4711/price", "");
    request.extensions_mut().insert(order);
    read(client.oneshot(request).await.unwrap()).await;
    let lines = lines.of(&log);
    assert!(lines[0].contains("order_id=4711 status=SUBMITTED "), "{}", lines[0]);
    assert!(lines[1].contains("order_id=4711 status=PRICE_CALCULATED "), "{}", lines[1]);
}

#[tokio::test]
async fn a_connection_error_is_the_answer() {
    let (log, lines) = log();
    let refused = service_fn(|_: Request<Captured<Full<Bytes>>>| async { Err::<Response<Full<Bytes>>, _>("refused") });
    let error = ClientLayer::new(log.clone(), "mes").layer(refused).oneshot(post("/x", "")).await.unwrap_err();
    assert_eq!(error, "refused");
    let lines = lines.of(&log);
    assert!(lines[1].starts_with("[RESP][POST /x] ") && lines[1].contains("error=refused"), "{}", lines[1]);
}
