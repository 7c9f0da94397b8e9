//! Who is let through, and what every answer carries.

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower::ServiceExt as _;

use super::*;

async fn ask(shield: &Shield, request: Request) -> Response {
    let routes = Router::new().route("/", get(|| async { "seen" }).merge(post(|| async { "done" })));
    routes.layer(from_fn_with_state(shield.clone(), super::shield)).oneshot(request).await.unwrap()
}

fn request(method: &str, headers: &[(&str, &str)], secure: bool) -> Request {
    let mut request = Request::builder().method(method).uri("/").header("host", "logs.example:3100");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer::new(([192, 0, 2, 1], 5).into(), secure, None));
    request
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_in_the_name_of_a_visitor() {
    let cookie = ("cookie", "session=x");
    for (headers, want) in [
        (vec![], 200),
        (vec![cookie], 403),
        (vec![cookie, ("origin", "http://logs.example:3100")], 200),
        (vec![cookie, ("origin", "http://logs.example:3000")], 403),
        (vec![cookie, ("origin", "null")], 403),
        (vec![("origin", "https://evil.example")], 403),
        (vec![cookie, ("sec-fetch-site", "same-origin")], 200),
        (vec![cookie, ("sec-fetch-site", "same-site"), ("origin", "http://logs.example:3100")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "cross-site"), ("authorization", "Bearer x")], 200),
        (vec![("sec-fetch-site", "cross-site"), ("authorization", "Basic eDp5")], 403),
        (vec![("origin", "https://evil.example"), ("authorization", "basic eDp5")], 403),
        (vec![("authorization", "Basic eDp5")], 200),
    ] {
        let answer = ask(&Shield::default(), request("POST", &headers, false)).await;
        assert_eq!(answer.status(), want, "{headers:?}");
    }
    let seen = [cookie, ("sec-fetch-site", "cross-site")];
    assert_eq!(ask(&Shield::default(), request("GET", &seen, false)).await.status(), 200);
    // A WebSocket shows what comes in, also where nobody is asked for anything.
    for socket in [
        [cookie, ("sec-fetch-site", "cross-site"), ("upgrade", "websocket")],
        [("origin", "https://evil.example"), ("host", "logs.example:3100"), ("upgrade", "websocket")],
    ] {
        assert_eq!(ask(&Shield::default(), request("GET", &socket, false)).await.status(), 403, "{socket:?}");
    }
}

#[tokio::test]
async fn every_answer_is_for_nobody_else_and_tls_is_promised_only_where_it_is() {
    let shield = Shield::new(Duration::from_secs(60), false, Vec::new());
    let clear = ask(&shield, request("GET", &[], false)).await;
    for (name, value) in ALWAYS {
        assert_eq!(clear.headers()[&name], value, "{name}");
    }
    assert!(!clear.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
    let secure = ask(&shield, request("GET", &[], true)).await;
    assert_eq!(secure.headers()[header::STRICT_TRANSPORT_SECURITY], "max-age=60");
    let behind = Shield::new(Duration::from_secs(60), true, Vec::new());
    assert!(ask(&behind, request("GET", &[], false)).await.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
    let never = Shield::new(Duration::ZERO, true, Vec::new());
    assert!(!ask(&never, request("GET", &[], true)).await.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
    // A refusal carries them as well.
    let refused = ask(&shield, request("POST", &[("origin", "null")], true)).await;
    assert!(refused.headers().contains_key(header::X_FRAME_OPTIONS));
}

#[test]
fn only_proxies_that_are_known_can_say_for_whom_they_ask() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let shield = Shield::new(Duration::ZERO, true, vec![address("192.0.2.1"), address("192.0.2.2")]);
    let client = |from: [u8; 4], forwarded: &'static [&'static str]| {
        let headers =
            forwarded.iter().map(|value| ("x-forwarded-for".parse().unwrap(), HeaderValue::from_static(value)));
        let headers: HeaderMap = headers.collect::<Vec<(HeaderName, HeaderValue)>>().into_iter().collect();
        shield.client(&Peer::new((from, 5).into(), false, None), &headers)
    };
    assert_eq!(client([203, 0, 113, 9], &["198.51.100.7"]), address("203.0.113.9"));
    assert_eq!(client([192, 0, 2, 1], &["198.51.100.7"]), address("198.51.100.7"));
    assert_eq!(client([192, 0, 2, 1], &["10.0.0.1, 198.51.100.7, 192.0.2.2"]), address("198.51.100.7"));
    assert_eq!(client([192, 0, 2, 1], &["10.0.0.1", "198.51.100.7"]), address("198.51.100.7"));
    assert_eq!(client([192, 0, 2, 1], &["::ffff:198.51.100.7"]), address("198.51.100.7"));
    assert_eq!(client([192, 0, 2, 1], &["unknown"]), address("192.0.2.1"));
    assert_eq!(client([192, 0, 2, 1], &[]), address("192.0.2.1"));
}
