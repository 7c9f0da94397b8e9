//! The start page: orders by status, what is stuck, how much comes in. Plain HTML that asks the API.

use axum::http::header;
use axum::response::IntoResponse;

const PAGE: &str = include_str!("page/start.html");

/// Nothing but our own script and style may run there.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}

/// The page itself; `/orders/{id}` is the same page, which opens the order's story.
pub(super) async fn start() -> impl IntoResponse {
    asset("text/html; charset=utf-8", PAGE)
}

/// Its script.
pub(super) async fn script() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", include_str!("page/start.js"))
}

/// Its style.
pub(super) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("page/start.css"))
}
