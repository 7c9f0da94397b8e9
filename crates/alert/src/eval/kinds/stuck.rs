//! `order_stuck` and `order_sla`: what `orders` knows of objects that wait longer than they may, and of promises.
//!
//! What is stuck now is asked of the live state. Moments in the past are asked of the paths of all objects: one that has
//! moved on since was stuck all the same. Only what was missing then is known no more.

use std::collections::{BTreeMap, BTreeSet};

use logline::Timestamp;
use orders::{Filter, Item, Orders, Select, StuckReason, StuckSpan};

use super::super::found::{About, Findings, Found, Grid, NAMED_ORDERS};
use super::super::source::{Failure, Source};
use crate::rule::{OrderSla, OrderStuck};

/// Pages of a list that are read.
const PAGES: usize = 20;
/// Why nothing can be said yet.
const LOADING: &str = "orders are still being read from storage";
const CATCHING_UP: &str = "old lines are being loaded: who seems to wait may have moved on";
/// Objects of a page.
const PAGE: usize = 1_000;

/// An object that is stuck from one moment to another.
#[derive(Debug)]
struct Waits {
    id: String,
    status: String,
    owner: String,
    reason: StuckReason,
    due: Timestamp,
    from: Timestamp,
    until: Timestamp,
}

pub(super) async fn stuck(with: &OrderStuck, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let Some(orders) = source.orders()? else { return Ok(Findings::default()) };
    let filter = Filter {
        object: Some(with.object.clone()),
        status: with.status.clone(),
        owner: with.owner.clone(),
        limit: Some(PAGE),
        ..Filter::default()
    };
    if !source.is_past() && orders.is_catching_up(source.scope()) {
        return Err(Failure::Waits(CATCHING_UP));
    }
    let now = items(orders, filter.clone(), source)?;
    let waits =
        if source.is_past() || 1 < grid.points { past(orders, &filter, source, (grid, now)).await? } else { now };
    let mut findings = Findings::default();
    for (point, time) in grid.times() {
        let mut places: BTreeMap<(&str, &str, StuckReason), Vec<&Waits>> = BTreeMap::new();
        for one in waits.iter().filter(|one| one.from <= time && time < one.until) {
            places.entry((&one.status, &one.owner, one.reason)).or_default().push(one);
        }
        for ((status, owner, reason), mut members) in places {
            if (members.len() as u64) < with.min {
                continue;
            }
            members.sort_by_key(|one| (one.due, &one.id));
            findings.add(point, found(with, (status, owner, reason), &members));
        }
    }
    Ok(findings)
}

/// Promises are kept and broken at moments that do not change any more: those before each moment of the grid count.
pub(super) async fn sla(with: &OrderSla, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    let Some(orders) = source.orders()? else { return Ok(findings) };
    let select = Select { object: Some(with.object.clone()), ..Select::default() };
    let window = with.window.0;
    let told = orders.outcomes(source.scope(), &select, grid.start.before(window)).await?;
    if told.loading {
        return Err(Failure::Waits(LOADING));
    }
    for kept in told.promises.iter().filter(|one| with.objective.as_ref().is_none_or(|name| *name == one.name)) {
        for (point, time) in grid.times() {
            let since = time.before(window);
            let good = kept.good.partition_point(|at| *at <= time) - kept.good.partition_point(|at| *at < since);
            let (first, last) =
                (kept.bad.partition_point(|(at, _)| *at < since), kept.bad.partition_point(|(at, _)| *at <= time));
            let bad = kept.bad.get(first..last).unwrap_or_default();
            let outcomes = (good + bad.len()) as u64;
            let burn = bad.len() as f64 / outcomes.max(1) as f64 / (1.0 - kept.target);
            if outcomes < with.min || burn <= with.burn {
                continue;
            }
            let about = About {
                orders: bad.iter().rev().take(NAMED_ORDERS).map(|(_, id)| id.clone()).collect(),
                total: bad.len() as u64,
                first_seen: bad.first().map(|(at, _)| *at),
                ..About::default()
            };
            let about = about.fact("Burn", format!("{burn:.1}")).fact("Bad", bad.len()).fact("Outcomes", outcomes);
            let pairs = [("object", &with.object), ("objective", &kept.name)];
            let labels = pairs.map(|(name, value)| (name.to_owned(), value.clone())).into_iter().collect();
            findings.add(point, Found { labels, value: burn, about });
        }
    }
    Ok(findings)
}

/// What is stuck now.
fn items(orders: &Orders, mut filter: Filter, source: &Source) -> Result<Vec<Waits>, Failure> {
    let mut all = Vec::new();
    let waits = |item: Item| {
        let stuck = item.stuck?;
        let (reason, due, until) = (stuck.reason, stuck.due, Timestamp::MAX);
        Some(Waits { id: item.object.id, status: item.status, owner: item.owner, reason, due, from: due, until })
    };
    for _ in 0..PAGES {
        let page = orders.stuck(source.scope(), &filter)?;
        if page.loading {
            return Err(Failure::Waits(LOADING));
        }
        all.extend(page.items.into_iter().filter_map(waits));
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    Ok(all)
}

/// What was stuck at any moment of the grid; what is missing now counts from when it became so.
async fn past(
    orders: &Orders,
    filter: &Filter,
    source: &Source,
    (grid, now): (Grid, Vec<Waits>),
) -> Result<Vec<Waits>, Failure> {
    let told = orders.stuck_between(source.scope(), filter, (grid.start, grid.end())).await?;
    if told.loading {
        return Err(Failure::Waits(LOADING));
    }
    let mut all: Vec<Waits> = now.into_iter().filter(|one| one.reason == StuckReason::Missing).collect();
    let missing: BTreeSet<String> = all.iter().map(|one| one.id.clone()).collect();
    let others = told.spans.into_iter().filter(|one| one.until.is_some() || !missing.contains(&one.id));
    all.extend(others.map(|StuckSpan { id, status, owner, reason, due, from, until }| {
        let until = until.unwrap_or(Timestamp::MAX);
        Waits { id, status, owner, reason, due, from, until }
    }));
    Ok(all)
}

fn found(with: &OrderStuck, (status, owner, reason): (&str, &str, StuckReason), members: &[&Waits]) -> Found {
    let pairs = [
        ("object", with.object.clone()),
        ("status", status.to_owned()),
        ("service_name", owner.to_owned()),
        ("reason", reason.as_str().to_owned()),
    ];
    let about = About {
        orders: members.iter().take(NAMED_ORDERS).map(|one| one.id.clone()).collect(),
        total: members.len() as u64,
        first_seen: members.iter().map(|one| one.due).min(),
        ..About::default()
    };
    let labels = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Found { labels, value: members.len() as f64, about }
}

#[cfg(test)]
mod tests;
