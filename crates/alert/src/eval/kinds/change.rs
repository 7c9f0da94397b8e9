//! `change`: a field that has another value than it had just before, for the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logline::{Labels, Timestamp};

use super::super::found::{About, Findings, Found, Grid, owned};
use super::super::history::counted;
use super::super::source::{Failure, Source};
use super::own;
use crate::rule::Change;

/// Between several values of a label.
const BETWEEN: &str = ", ";

/// Values of a field at one moment, for one key.
#[derive(Debug, Default)]
struct Values {
    now: BTreeSet<String>,
    before: BTreeSet<String>,
}

pub(super) async fn find(with: &Change, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let mut by = with.by.clone();
    by.push(with.field.clone());
    let selector = lines(with);
    let now = counted(&selector, &by, with.window.0, Duration::ZERO);
    let before = counted(&selector, &by, with.reference.0, with.window.0);
    let mut keys: BTreeMap<(u32, Labels), Values> = BTreeMap::new();
    for (query, is_now) in [(now, true), (before, false)] {
        for series in source.series(&query, grid).await? {
            let mut key = series.labels.clone();
            key.set(&with.field, "");
            let value = series.labels.get(&with.field).unwrap_or_default();
            for (time, _) in &series.points {
                let values = keys.entry((grid.point(*time), key.clone())).or_default();
                let known = if is_now { &mut values.now } else { &mut values.before };
                known.insert(value.to_owned());
            }
        }
    }
    let mut findings = Findings::default();
    for ((point, key), values) in keys {
        let new: Vec<&String> = values.now.difference(&values.before).collect();
        // A key that was not there before has not changed.
        if values.before.is_empty() || new.is_empty() {
            continue;
        }
        let mut labels = owned(&key);
        labels.insert(with.field.clone(), listed(new.iter().copied()));
        let about = About::default().fact("Before", listed(values.before.iter()));
        findings.add(point, Found { labels, value: new.len() as f64, about });
    }
    Ok(findings)
}

/// Lines that have the field.
fn lines(with: &Change) -> String {
    format!("{} | {}!=\"\"", with.selector, with.field)
}

/// The first line of the window with one of the new values.
pub(super) async fn first(
    with: &Change,
    source: &Source,
    found: &Found,
    time: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let Some(new) = found.labels.get(&with.field) else { return Ok(None) };
    let any: Vec<String> = new.split(BETWEEN).map(regex::escape).collect();
    let is_new = format!(" | {}=~{:?}", with.field, any.join("|"));
    let query = format!("{}{}{is_new}", lines(with), own(&with.by, &found.labels));
    source.first_line(&query, (time.before(with.window.0), time)).await
}

fn listed<'v>(values: impl Iterator<Item = &'v String>) -> String {
    values.take(5).cloned().collect::<Vec<_>>().join(BETWEEN)
}
