//! What is in the lines, for Logs Drilldown: labels and fields that were found, and patterns of lines.

use axum::extract::{Path, State};
use axum::response::Response;
use query::{DetectedField, FieldParams, Pattern};
use serde_json::{Value, json};

use super::handlers::{body, costed, range, text};
use super::{encode, params};
use crate::app::App;
use crate::http::{Asker, Form, HttpError};

const DEFAULT_FIELDS: usize = 1_000;

/// Labels of streams, with how many values they have.
pub(crate) async fn detected_labels(
    State(app): State<App>,
    Asker(caller): Asker,
    form: Form,
) -> Result<Response, HttpError> {
    let selector = form.get("query").filter(|text| text.replace(' ', "") != "{}");
    let found = app.engine.detected_labels(&caller.scope(), range(&app, &form)?, selector).await?;
    let labels = found.into_iter().map(|(label, cardinality)| json!({"label": label, "cardinality": cardinality}));
    Ok(body(encode::text(&json!({"detectedLabels": labels.collect::<Vec<_>>()}))))
}

/// Fields of the newest lines.
pub(crate) async fn detected_fields(
    State(app): State<App>,
    Asker(caller): Asker,
    form: Form,
) -> Result<Response, HttpError> {
    let asked = fields(&app, &form)?;
    let found = app.engine.detected_fields(&caller.scope(), &asked).await?;
    let fields: Vec<_> = found.data.iter().map(field).collect();
    Ok(costed(encode::text(&json!({"fields": fields, "limit": asked.limit})), found.cost))
}

/// Values of one field in the newest lines.
pub(crate) async fn detected_values(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, HttpError> {
    let asked = fields(&app, &form)?;
    let found = app.engine.detected_values(&caller.scope(), &name, &asked).await?;
    Ok(costed(encode::text(&json!({"values": found.data, "limit": asked.limit})), found.cost))
}

/// Kinds of lines, and when lines of each came.
pub(crate) async fn patterns(State(app): State<App>, Asker(caller): Asker, form: Form) -> Result<Response, HttpError> {
    let step = params::range(&form, app.now())?.step;
    let found = app.engine.patterns(&caller.scope(), text(&form)?, range(&app, &form)?, step).await?;
    let patterns: Vec<_> = found.data.iter().map(pattern).collect();
    Ok(costed(encode::success(Some(patterns)), found.cost))
}

fn fields(app: &App, form: &Form) -> Result<FieldParams, HttpError> {
    let limit = if form.get("field_limit").is_some() { "field_limit" } else { "limit" };
    Ok(FieldParams {
        query: text(form)?.to_owned(),
        range: range(app, form)?,
        lines: params::count(form, "line_limit", params::DEFAULT_LIMIT)?,
        limit: params::count(form, limit, DEFAULT_FIELDS)?,
    })
}

fn field(field: &DetectedField) -> Value {
    let parsers = (!field.parsers.is_empty()).then_some(&field.parsers);
    let mut shown = json!({
        "label": field.label,
        "type": field.kind.name(),
        "cardinality": field.cardinality,
        "parsers": parsers,
    });
    if !field.json_path.is_empty() {
        shown["jsonPath"] = json!(field.json_path);
    }
    shown
}

fn pattern(pattern: &Pattern) -> Value {
    let samples = pattern.samples.iter().map(|(time, lines)| json!([time.0.div_euclid(1_000_000_000), lines]));
    json!({"pattern": pattern.text, "level": pattern.level, "samples": samples.collect::<Vec<_>>()})
}
