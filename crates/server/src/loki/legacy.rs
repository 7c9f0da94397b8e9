//! Loki's first API, `/api/prom/…`, which old agents, dashboards and scripts still speak. Its answers have other shapes.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use query::{Data, Engine, Params};
use serde_json::json;

use super::handlers::{body, costed, range, text};
use super::limits::Limited;
use super::{encode, params};
use crate::app::App;
use crate::http::{Asker, Form, HttpError};

/// Lines of a stretch of time; `regexp` is a line filter more.
pub(crate) async fn query(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let mut query = text(&form)?.to_owned();
    if let Some(regexp) = form.get("regexp") {
        // JSON's escapes are among those of LogQL.
        query += &format!(" |~ {}", json!(regexp));
    }
    let asked = Params { query, ..params::range(&form, app.now())? };
    let only_lines = || HttpError::bad_request("legacy endpoints only support streams result type");
    if !Engine::is_about_lines(&asked.query)? {
        return Err(only_lines());
    }
    let answer = engine.query_range(&caller.scope(), &asked).await?;
    match answer.data {
        Data::Streams(found) => Ok(costed(encode::legacy::answer(found), answer.cost)),
        Data::Matrix(_) | Data::Vector(_) | Data::Scalar(..) => Err(only_lines()),
    }
}

/// Names of labels.
pub(crate) async fn labels(State(app): State<App>, Asker(caller): Asker, form: Form) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    Ok(values(&app.engine.labels(&caller.scope(), range, form.get("query")).await?))
}

/// Values of one label.
pub(crate) async fn label_values(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, HttpError> {
    let range = range(&app, &form)?;
    Ok(values(&app.engine.label_values(&caller.scope(), &name, range, form.get("query")).await?))
}

/// Lines as they come in.
pub(crate) async fn tail(
    State(app): State<App>,
    Asker(caller): Asker,
    request: Request,
) -> Result<Response, HttpError> {
    super::tail::begin(app, &caller, request, encode::Encoding::legacy())
}

fn values(names: &[String]) -> Response {
    body(encode::text(&json!({"values": names})))
}
