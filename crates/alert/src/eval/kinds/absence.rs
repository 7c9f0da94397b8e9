//! `absence`: what usually has lines has none. What is usual is learned from the time before; the silence itself does
//! not count against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logline::{Labels, Timestamp};

use super::super::found::{About, Findings, Found, Grid, owned};
use super::super::history::{History, counted};
use super::super::source::{Failure, Source};
use super::Memory;
use crate::anomaly::{Counts, buckets};
use crate::rule::Absence;

pub(super) async fn find(
    with: &Absence,
    source: &Source,
    grid: Grid,
    memory: &mut Memory,
) -> Result<Findings, Failure> {
    let window = with.window.0;
    let span = grid.end().since(grid.start);
    let history =
        memory.history.get_or_insert_with(|| History::new(&with.selector, &with.by, window, with.lookback.0 + span));
    history.advance(source, grid.end()).await?;
    let query = counted(&with.selector, &with.by, window, Duration::ZERO);
    let mut there: BTreeSet<(u32, Labels)> = BTreeSet::new();
    for series in source.series(&query, grid).await? {
        there.extend(series.points.iter().map(|(time, _)| (grid.point(*time), series.labels.clone())));
    }
    let mut findings = Findings::default();
    for (point, time) in grid.times() {
        for (labels, counts) in history.series() {
            if there.contains(&(point, labels.clone())) {
                continue;
            }
            if let Some(since) = silent_since(with, counts, history.number(time)) {
                // The last line came some time before the end of its bucket; a window without any has passed since.
                findings.add(point, found(owned(labels), since.min(time.before(window)), time));
            }
        }
        for missing in never_seen(with, history, &there, point) {
            findings.add(point, found(missing, time.before(window), time));
        }
    }
    Ok(findings)
}

fn found(labels: BTreeMap<String, String>, since: Timestamp, now: Timestamp) -> Found {
    let silent = now.since(since);
    let about = About { first_seen: Some(since), ..About::default() };
    Found { labels, value: silent.as_secs_f64(), about }
}

/// Since when a series is silent that usually is not, as far as the buckets before `end` tell.
fn silent_since(with: &Absence, counts: &Counts, end: i64) -> Option<Timestamp> {
    let bucket = with.window.0;
    let oldest = (end - buckets(with.lookback.0, bucket)).max(counts.first());
    let is_filled = |number: i64| counts.sum(number + 1, 1).is_some_and(|count| count > 0.0);
    let last = (oldest..end).rev().find(|number| is_filled(*number))?;
    let first = (oldest..=last).find(|number| is_filled(*number))?;
    let known = last + 1 - first;
    let filled = (first..=last).filter(|number| is_filled(*number)).count();
    let usual = buckets(with.known_for.0, bucket) <= known && with.presence <= filled as f64 / known as f64;
    usual.then(|| counts.time(last + 1))
}

/// What must be there and never was.
fn never_seen(
    with: &Absence,
    history: &History,
    there: &BTreeSet<(u32, Labels)>,
    point: u32,
) -> Vec<BTreeMap<String, String>> {
    let Some(name) = with.by.first() else { return Vec::new() };
    let known = |value: &str| {
        let is = |labels: &Labels| labels.get(name) == Some(value);
        history.series().keys().any(is) || there.iter().any(|(at, labels)| *at == point && is(labels))
    };
    let missing = with.expect.iter().filter(|value| !known(value));
    missing.map(|value| BTreeMap::from([(name.clone(), value.clone())])).collect()
}
