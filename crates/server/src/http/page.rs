//! The pages for people: an overview (orders by status, what is stuck, how much comes in), lists, one order's story,
//! what all orders tell together.
//! Plain HTML and a script that asks the API.

use axum::http::header;
use axum::response::IntoResponse;

const PAGE: &str = include_str!("page/index.html");

/// One script, so that the browser asks once.
const SCRIPT: &str = concat!(
    include_str!("page/texts.js"),
    include_str!("page/kit.js"),
    include_str!("page/door.js"),
    include_str!("page/overview.js"),
    include_str!("page/story.js"),
    include_str!("page/analysis.js"),
    include_str!("page/main.js"),
);

/// Nothing but our own script and style may run there.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

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

/// The page itself; its script looks at the address: `/` is the overview, `/orders?…` a list, `/orders/{id}` a story,
/// `/analysis` what all orders tell together.
pub(super) async fn start() -> impl IntoResponse {
    asset("text/html; charset=utf-8", PAGE)
}

/// Its script.
pub(super) async fn script() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// Its style.
pub(super) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("page/style.css"))
}
