//! What all objects of a type tell together: dwell, variants, conformance, funnel, promises, throughput, incidents, the
//! graph as a picture, the event log.

use std::io;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use orders::{
    Cohort, Conformance, Dwell, ExportFormat, Funnel, IncidentFilter, Incidents, Picture, Sla, StuckReason, Throughput,
    Variants, draw,
};

use super::params::Parameters;
use super::told;
use crate::app::App;
use crate::http::HttpError;
use crate::http::guard::Asker;

/// Variants that are told when the request does not say, and at most.
const VARIANTS: usize = 20;
const MOST_VARIANTS: usize = 1_000;
/// Ways that fewer than this share takes are left out of a graph that is discovered, if the request does not say.
const SLIP: f64 = 0.005;

/// How long objects stay in each status and take each way.
pub(in crate::http) async fn dwell(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Dwell>, HttpError> {
    let told_by = app.orders.dwell(&caller.scope(), &asked.select(&[])?).await;
    told_by.map(Json).map_err(told(asked.language))
}

/// The most frequent ways objects take.
pub(in crate::http) async fn variants(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Variants>, HttpError> {
    let select = asked.select(&["limit"])?;
    let limit = asked.limit(MOST_VARIANTS)?.unwrap_or(VARIANTS).min(MOST_VARIANTS);
    let variants = app.orders.variants(&caller.scope(), &select, limit).await;
    variants.map(Json).map_err(told(asked.language))
}

/// What share of objects keeps to the graph, and where the others leave it.
pub(in crate::http) async fn conformance(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Conformance>, HttpError> {
    let conformance = app.orders.conformance(&caller.scope(), &asked.select(&[])?).await;
    conformance.map(Json).map_err(told(asked.language))
}

/// How far objects get, by day, week or month.
pub(in crate::http) async fn funnel(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Funnel>, HttpError> {
    let select = asked.select(&["by"])?;
    let words = [("day", Cohort::Day), ("week", Cohort::Week), ("month", Cohort::Month)];
    let by = asked.choice("by", &words)?.unwrap_or_default();
    app.orders.funnel(&caller.scope(), &select, by).await.map(Json).map_err(told(asked.language))
}

/// How the promises of the graph are kept.
pub(in crate::http) async fn sla(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Sla>, HttpError> {
    app.orders.sla(&caller.scope(), &asked.select(&[])?).await.map(Json).map_err(told(asked.language))
}

/// What comes and goes on each day.
pub(in crate::http) async fn throughput(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Throughput>, HttpError> {
    app.orders.throughput(&caller.scope(), &asked.select(&[])?).await.map(Json).map_err(told(asked.language))
}

/// What is stuck, grouped by the place where it waits.
pub(in crate::http) async fn incidents(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Incidents>, HttpError> {
    asked.only(&["type", "status", "reason", "at_least"])?;
    let filter = IncidentFilter {
        object: asked.text("type").map(str::to_owned),
        statuses: asked.text("status").map(str::to_owned).into_iter().collect(),
        reasons: asked.reasons()?,
        at_least: asked.number("at_least")?.unwrap_or(1),
    };
    Ok(Json(app.orders.incidents(&caller.scope(), &filter)))
}

/// The graph with what happened on it: as data, DOT, SVG, or the document that gives it.
pub(in crate::http) async fn graph(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Response, HttpError> {
    let select = asked.select(&["format", "discover", "slip"])?;
    let discover = asked.choice("discover", &[("true", true), ("false", false)])?.unwrap_or(false);
    let slip = asked.share("slip")?.unwrap_or(SLIP);
    let words = [("json", Shape::Json), ("svg", Shape::Svg), ("dot", Shape::Dot), ("toml", Shape::Toml)];
    let shape = asked.choice("format", &words)?.unwrap_or(Shape::Json);
    let picture = app.orders.picture(&caller.scope(), &select, discover.then_some(slip)).await;
    let picture: Picture = picture.map_err(told(asked.language))?;
    let of = |kind: &'static str, text: String| ([(header::CONTENT_TYPE, kind)], text).into_response();
    Ok(match shape {
        Shape::Json => Json(picture).into_response(),
        Shape::Svg => of("image/svg+xml", draw::svg(&picture, asked.language)),
        Shape::Dot => of("text/vnd.graphviz; charset=utf-8", draw::dot(&picture, asked.language)),
        Shape::Toml => of("application/toml; charset=utf-8", picture.document),
    })
}

#[derive(Clone, Copy)]
enum Shape {
    Json,
    Svg,
    Dot,
    Toml,
}

/// The steps of all objects as an event log. One that ends early breaks the connection, so that nobody takes it for whole.
pub(in crate::http) async fn export(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Response, HttpError> {
    let select = asked.select(&["format"])?;
    let words = [("xes", ExportFormat::Xes), ("ocel", ExportFormat::Ocel), ("csv", ExportFormat::Csv)];
    let format = asked.choice("format", &words)?.unwrap_or(ExportFormat::Xes);
    let pieces = app.orders.export(&caller.scope(), &select, format).await.map_err(told(asked.language))?;
    let stream = futures::stream::unfold(Some(pieces), async |pieces| {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(piece) if piece.is_empty() => None,
            Some(piece) => Some((Ok(piece), Some(pieces))),
            None => Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None)),
        }
    });
    Ok(([(header::CONTENT_TYPE, format.media_type())], Body::from_stream(stream)).into_response())
}

impl Parameters {
    /// Which reasons of being stuck are asked for: `reason=deadline,missing`.
    pub(super) fn reasons(&self) -> Result<Vec<StuckReason>, HttpError> {
        let words = self.text("reason").unwrap_or_default().split(',').filter(|word| !word.is_empty());
        let all =
            StuckReason::ALL.map(|reason| format!("`{}`", reason.as_str())).join(self.language.pick(" or ", " или "));
        words.map(|word| StuckReason::parse(word).ok_or_else(|| self.wrong("reason", &all, word))).collect()
    }
}
