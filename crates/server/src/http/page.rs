//! The pages for people: an overview (orders by status, what is stuck, how much comes in), lists, one order's story,
//! what all orders tell together, the lines of an alert.
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
    include_str!("page/explore.js"),
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
/// `/analysis` what all orders tell together, `/explore?query=…&start=…&end=…` the lines that an alert is about.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Of a key that stands twice the last one counts, without a word from the browser.
    #[test]
    fn every_word_of_a_language_stands_once() {
        let texts = include_str!("page/texts.js");
        for language in ["en", "ru"] {
            let (_, words) = texts.split_once(&format!("\n  {language}: {{")).unwrap();
            let (mut seen, mut depth, mut rest) = (BTreeSet::new(), 1, words);
            while let Some(at) = rest.find(['\'', '{', '[', '}', ']', ':']) {
                let (before, after) = rest.split_at(at);
                let name = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap();
                let (sign, after) = after.split_at(1);
                rest = after;
                match sign {
                    "'" => rest = rest.split_once('\'').unwrap().1,
                    "{" | "[" => depth += 1,
                    "}" | "]" => depth -= 1,
                    _ if depth == 1 => assert!(seen.insert(name), "`{name}` stands twice in `{language}`"),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            assert!(70 < seen.len(), "{seen:?}");
        }
    }
}
