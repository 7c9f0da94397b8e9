//! `order_stuck` and `order_sla`: what `orders` knows of objects that wait longer than they may, and of promises.
//!
//! Orders are known as they are now. A moment in the past sees those that are still stuck, from when they became so.

use std::collections::BTreeMap;

use orders::{Filter, Item, Orders, Select, StuckReason};

use super::super::found::{About, Findings, Found, Grid, NAMED_ORDERS};
use super::super::source::{Failure, Source};
use crate::rule::{OrderSla, OrderStuck};

/// Pages of a list that are read.
const PAGES: usize = 20;
/// Why nothing can be said yet.
const LOADING: &str = "orders are still being read from storage";
/// Objects of a page.
const PAGE: usize = 1_000;

pub(super) fn stuck(with: &OrderStuck, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let Some(orders) = source.orders() else { return Ok(Findings::default()) };
    let items = items(orders, with, source)?;
    let mut findings = Findings::default();
    for (point, time) in grid.times() {
        let mut places: BTreeMap<(&str, &str, StuckReason), Vec<&Item>> = BTreeMap::new();
        for item in &items {
            if let Some(stuck) = item.stuck.filter(|stuck| stuck.due <= time) {
                places.entry((&item.status, &item.owner, stuck.reason)).or_default().push(item);
            }
        }
        for ((status, owner, reason), mut members) in places {
            if (members.len() as u64) < with.min {
                continue;
            }
            members.sort_by_key(|item| (item.stuck.map(|stuck| stuck.due), item.object.id.clone()));
            findings.add(point, found(with, (status, owner, reason), &members));
        }
    }
    Ok(findings)
}

/// Promises are known as they are now: the last moment of the grid.
pub(super) async fn sla(with: &OrderSla, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    let Some(orders) = source.orders() else { return Ok(findings) };
    let select = Select { object: Some(with.object.clone()), ..Select::default() };
    let sla = orders.sla(source.scope(), &select).await?;
    if sla.basis.loading {
        return Err(Failure(LOADING.to_owned()));
    }
    let window = u64::try_from(with.window.0.as_millis()).unwrap_or(u64::MAX);
    for kept in sla.objectives.iter().filter(|one| with.objective.as_ref().is_none_or(|name| *name == one.name)) {
        let burn = kept.burn.iter().find(|burn| burn.window_ms == window);
        let Some(burn) = burn.filter(|burn| with.min <= burn.outcomes && with.burn < burn.rate) else { continue };
        let pairs = [("object", &with.object), ("objective", &kept.name)];
        let about = About {
            orders: kept.examples.iter().take(NAMED_ORDERS).cloned().collect(),
            total: burn.bad,
            ..About::default()
        };
        let about =
            about.fact("Burn", format!("{:.1}", burn.rate)).fact("Bad", burn.bad).fact("Outcomes", burn.outcomes);
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.clone())).into_iter().collect();
        findings.add(grid.points.saturating_sub(1), Found { labels, value: burn.rate, about });
    }
    Ok(findings)
}

fn items(orders: &Orders, with: &OrderStuck, source: &Source) -> Result<Vec<Item>, Failure> {
    let mut filter = Filter {
        object: Some(with.object.clone()),
        status: with.status.clone(),
        owner: with.owner.clone(),
        limit: Some(PAGE),
        ..Filter::default()
    };
    let mut items = Vec::new();
    for _ in 0..PAGES {
        let page = orders.stuck(source.scope(), &filter)?;
        if page.loading {
            return Err(Failure(LOADING.to_owned()));
        }
        items.extend(page.items);
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    Ok(items)
}

fn found(with: &OrderStuck, (status, owner, reason): (&str, &str, StuckReason), members: &[&Item]) -> Found {
    let pairs = [
        ("object", with.object.clone()),
        ("status", status.to_owned()),
        ("service_name", owner.to_owned()),
        ("reason", reason.as_str().to_owned()),
    ];
    let about = About {
        orders: members.iter().take(NAMED_ORDERS).map(|item| item.object.id.clone()).collect(),
        total: members.len() as u64,
        first_seen: members.iter().filter_map(|item| item.stuck.map(|stuck| stuck.due)).min(),
        ..About::default()
    };
    let labels = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Found { labels, value: members.len() as f64, about }
}
