//! How each kind of rule looks at the data: a grid of moments in, findings out; the same for live evaluation, back-tests
//! and unit tests.

mod absence;
mod change;
mod evidence;
mod http;
mod pattern;
mod spike;
mod stuck;
mod transition;
mod volume;

use std::collections::BTreeMap;

use logline::Labels;
use logql::Expr;

use super::found::{Findings, Grid};
use super::history::History;
use super::source::{Failure, Source};
use crate::anomaly::Detector;
use crate::rule::Kind;

pub(crate) use volume::picture;

/// What a rule remembers between evaluations, so that it need not read everything anew. It can be lost at any time.
#[derive(Debug, Default)]
pub struct Memory {
    history: Option<History>,
    detectors: BTreeMap<Labels, Detector>,
    forms: pattern::Forms,
    evidence: evidence::Evidence,
}

/// Looks at the data for a rule.
///
/// # Errors
/// The data cannot be read; nothing is known about these moments.
pub async fn find(kind: &Kind, source: &Source, grid: Grid, memory: &mut Memory) -> Result<Findings, Failure> {
    let mut findings = look(kind, source, grid, memory).await?;
    if matches!(kind, Kind::HttpErrors(_) | Kind::Spike(_) | Kind::Change(_)) {
        memory.evidence.note(kind, source, grid, &mut findings).await;
    }
    Ok(findings)
}

async fn look(kind: &Kind, source: &Source, grid: Grid, memory: &mut Memory) -> Result<Findings, Failure> {
    match kind {
        Kind::Logql(query) => logql(query, source, grid).await,
        Kind::OrderStuck(with) => stuck::stuck(with, source, grid).await,
        Kind::OrderSla(with) => stuck::sla(with, source, grid).await,
        Kind::TransitionError(with) => transition::find(with, source, grid).await,
        Kind::HttpErrors(with) => http::find(with, source, grid).await,
        Kind::VolumeAnomaly(with) => volume::find(with, source, grid, memory).await,
        Kind::Absence(with) => absence::find(with, source, grid, memory).await,
        Kind::NewPattern(with) => pattern::find(with, source, grid, &mut memory.forms).await,
        Kind::Spike(with) => spike::find(with, source, grid).await,
        Kind::Change(with) => change::find(with, source, grid).await,
    }
}

async fn logql(query: &str, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    for series in source.series(query, grid).await? {
        for (time, value) in &series.points {
            findings.plain(grid.point(*time), &series.labels, *value);
        }
    }
    Ok(findings)
}

/// A log query for the lines that most likely explain an alert with these labels of its series; none where there are no
/// lines to show. `by_default` says that facts have no names but the usual ones and no rules ([`logline::Reader::is_by_default`]).
pub(crate) fn lines_query(kind: &Kind, labels: &BTreeMap<String, String>, by_default: bool) -> Option<String> {
    let own = |names: &[String]| own(names, labels);
    match kind {
        Kind::Logql(text) => {
            let expr = logql::parse(text).ok()?;
            let log = expr.log_exprs().first().map(ToString::to_string)?;
            let grouped = matches!(expr, Expr::Metric(_));
            let all = labels.iter().filter(|_| grouped).map(|(name, value)| (name.as_str(), value.as_str()));
            Some(log + &filters(all))
        }
        Kind::OrderStuck(_) | Kind::OrderSla(_) => None,
        Kind::TransitionError(with) => {
            let service = ["service_name".to_owned()];
            Some(format!("{}{}{}", with.selector, bad(by_default), own(&service)))
        }
        Kind::HttpErrors(with) => Some(http::lines(with, labels)),
        Kind::VolumeAnomaly(with) => Some(format!("{}{}", with.selector, own(&with.by))),
        Kind::Absence(with) => Some(format!("{}{}", with.selector, own(&with.by))),
        Kind::NewPattern(with) => {
            let names = ["service_name".to_owned()];
            let level = labels.get("level").map(String::as_str).unwrap_or("error");
            Some(format!("{} | detected_level={level:?}{}", with.selector, own(&names)))
        }
        Kind::Spike(with) => Some(format!("{}{}", with.selector, own(&with.by))),
        Kind::Change(with) => Some(format!("{}{}", with.selector, own(&with.by))),
    }
}

/// Stages that keep lines that tell of something broken. When facts have names of their own, or rules read free text, the
/// level that was found as a line came in does not tell all.
pub(crate) const fn bad(by_default: bool) -> &'static str {
    if by_default {
        r#" | detected_level=~"error|critical|fatal""#
    } else {
        r#" | facts | detected_level=~"error|critical|fatal" or level=~"(?i)err.*|crit.*|fatal|alert|emerg.*" or error!="" or http_status=~"5..""#
    }
}

/// Filters for the values that these labels have.
fn own(names: &[String], labels: &BTreeMap<String, String>) -> String {
    filters(names.iter().filter_map(|name| Some((name.as_str(), labels.get(name)?.as_str()))))
}

fn filters<'l>(pairs: impl Iterator<Item = (&'l str, &'l str)>) -> String {
    pairs.filter(|(name, _)| !name.starts_with("__")).map(|(name, value)| format!(" | {name}={value:?}")).collect()
}

#[cfg(test)]
mod tests;
