//! The reading routes of Loki's API.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use query::Params;
use serde_json::json;
use storage::TimeRange;

use super::encode::Encoding;
use super::limits::Limited;
use super::{encode, params, stream};
use crate::app::App;
use crate::http::{Asker, Form, HttpError};

/// A metric query at one time.
pub(crate) async fn query(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, HttpError> {
    let (text, now) = (text(&form)?, app.now());
    let time = params::time(&form, now)?;
    params::limit(&form)?;
    params::direction(&form)?;
    let scope = caller.scope();
    let answer = if is_from_drilldown(&headers) {
        engine.query_instant_in_part(&scope, text, time).await?
    } else {
        engine.query_instant(&scope, text, time).await?
    };
    Ok(answered(answer, &headers))
}

/// A log or metric query over a stretch of time.
pub(crate) async fn query_range(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, HttpError> {
    let query = text(&form)?.to_owned();
    let lines_wanted = stream::is_wanted(&headers, &query)?;
    let asked = Params { query, ..params::range(&form, app.now())? };
    if lines_wanted {
        return stream::lines(&engine, &caller, &asked, &form, Encoding::of(&headers));
    }
    let scope = caller.scope();
    let answer = if is_from_drilldown(&headers) {
        engine.query_range_in_part(&scope, &asked).await?
    } else {
        engine.query_range(&scope, &asked).await?
    };
    Ok(answered(answer, &headers))
}

/// Runs a query and tells how: its plan, what was read, what was ruled out by what. With `time` a query at one time.
pub(crate) async fn explain(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let (query, scope) = (text(&form)?, caller.scope());
    let (plan, answer) = if form.get("time").is_some() {
        let time = params::time(&form, app.now())?;
        (engine.explain_instant(&scope, query, time)?, engine.query_instant(&scope, query, time).await?)
    } else {
        let asked = Params { query: query.to_owned(), ..params::range(&form, app.now())? };
        (engine.explain(&scope, &asked)?, engine.query_range(&scope, &asked).await?)
    };
    let cost = answer.stats;
    let told = json!({
        "plan": plan,
        "cost": {
            "files_opened": cost.files,
            "lines_pruned": cost.lines_pruned,
            "lines_pruned_by_time": cost.lines_pruned_by_time,
            "lines_pruned_by_stream": cost.lines_pruned_by_stream,
            "lines_pruned_by_index": cost.lines_pruned_by_index,
            "lines_by_statistics": cost.lines_by_statistics,
            "lines_by_pattern": cost.lines_by_pattern,
            "index_bytes": cost.index_bytes,
            "lines_read": cost.lines,
            "bytes_decoded": cost.bytes,
            "lines_kept": cost.lines_kept,
            "returned": cost.returned,
            "took_ms": u64::try_from(cost.took.as_millis()).unwrap_or(u64::MAX),
        },
    });
    Ok(costed(encode::text(&told), answer.cost))
}

/// Names of labels; without any there is no `data` at all, as in Loki.
pub(crate) async fn labels(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    Ok(list(engine.labels(&caller.scope(), range, form.get("query")).await?))
}

/// Values of one label.
pub(crate) async fn label_values(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    Ok(list(engine.label_values(&caller.scope(), &name, range, form.get("query")).await?))
}

/// Labels of the streams that any of the selectors selects.
pub(crate) async fn series(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    // `{}` stands for all series, as does no selector at all.
    let selectors = form.all("match").chain(form.all("match[]")).filter(|text| text.replace(' ', "") != "{}");
    let found = engine.series(&caller.scope(), range, &selectors.map(str::to_owned).collect::<Vec<_>>()).await?;
    let data: Vec<_> = found.iter().map(encode::LabelMap).collect();
    Ok(body(encode::success(Some(data))))
}

/// The query, laid out for people.
pub(crate) async fn format_query(form: Form) -> Response {
    let parsed = logql::parse(form.get("query").unwrap_or_default());
    match parsed {
        Ok(query) => body(encode::success(Some(query.pretty()))),
        Err(error) => {
            let refused = body(encode::text(&json!({"status": "invalid-query", "error": error.to_string()})));
            (StatusCode::BAD_REQUEST, refused).into_response()
        }
    }
}

/// Logs Drilldown would rather have some of too many series than none.
fn is_from_drilldown(headers: &HeaderMap) -> bool {
    let tags = headers.get("x-query-tags").and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    tags.split(',').any(|tag| tag.trim().eq_ignore_ascii_case("Source=grafana-lokiexplore-app"))
}

pub(super) fn text(form: &Form) -> Result<&str, HttpError> {
    form.get("query").ok_or_else(|| HttpError::bad_request("parse error : syntax error: unexpected $end"))
}

pub(super) fn range(app: &App, form: &Form) -> Result<TimeRange, HttpError> {
    let (start, end) = params::bounds(form, app.now())?;
    Ok(TimeRange { start, end })
}

fn answered(answer: query::Answer, headers: &HeaderMap) -> Response {
    let cost = answer.cost;
    costed(encode::answer(answer, &Encoding::of(headers)), cost)
}

/// A body, and for the audit trail what it cost.
pub(super) fn costed(bytes: Vec<u8>, cost: auth::Cost) -> Response {
    let mut response = body(bytes);
    response.extensions_mut().insert(cost);
    response
}

fn list(names: Vec<String>) -> Response {
    body(encode::success((!names.is_empty()).then_some(names)))
}

pub(super) fn body(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"))], bytes).into_response()
}
