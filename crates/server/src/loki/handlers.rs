//! The reading routes of Loki's API.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use query::Params;
use serde_json::json;
use storage::TimeRange;

use super::{encode, params};
use crate::app::App;
use crate::http::{Asker, Form, HttpError};

/// How the client wants its labels; unknown flags are echoed as well.
const FLAGS_HEADER: &str = "x-loki-response-encoding-flags";

/// A metric query at one time.
pub(crate) async fn query(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, HttpError> {
    let (text, now) = (text(&form)?, app.now());
    let time = params::time(&form, now)?;
    params::limit(&form)?;
    params::direction(&form)?;
    let answer = app.engine.query_instant(&caller.scope(), text, time).await?;
    Ok(body(encode::answer(answer, &flags(&headers))))
}

/// A log or metric query over a stretch of time.
pub(crate) async fn query_range(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, HttpError> {
    let query = text(&form)?.to_owned();
    let asked = Params { query, ..params::range(&form, app.now())? };
    let answer = app.engine.query_range(&caller.scope(), &asked).await?;
    Ok(body(encode::answer(answer, &flags(&headers))))
}

/// Names of labels; without any there is no `data` at all, as in Loki.
pub(crate) async fn labels(State(app): State<App>, Asker(caller): Asker, form: Form) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    Ok(list(app.engine.labels(&caller.scope(), range, form.get("query")).await?))
}

/// Values of one label.
pub(crate) async fn label_values(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    Ok(list(app.engine.label_values(&caller.scope(), &name, range, form.get("query")).await?))
}

/// Labels of the streams that any of the selectors selects.
pub(crate) async fn series(State(app): State<App>, Asker(caller): Asker, form: Form) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    // `{}` stands for all series, as does no selector at all.
    let selectors = form.all("match").chain(form.all("match[]")).filter(|text| text.replace(' ', "") != "{}");
    let found = app.engine.series(&caller.scope(), range, &selectors.map(str::to_owned).collect::<Vec<_>>()).await?;
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

fn text(form: &Form) -> Result<&str, HttpError> {
    form.get("query").ok_or_else(|| HttpError::bad_request("parse error : syntax error: unexpected $end"))
}

fn range(app: &App, form: &Form) -> Result<TimeRange, HttpError> {
    let (start, end) = params::bounds(form, app.now())?;
    Ok(TimeRange { start, end })
}

fn flags(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(FLAGS_HEADER).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|flag| flag.trim().to_owned())
        .filter(|flag| !flag.is_empty())
        .collect()
}

fn list(names: Vec<String>) -> Response {
    body(encode::success((!names.is_empty()).then_some(names)))
}

fn body(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"))], bytes).into_response()
}
