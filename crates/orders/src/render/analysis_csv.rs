//! Analyses as CSV: always the same columns, named as in JSON; `docs/orders.md` lists them.

use super::csv::{optional, table, time};
use crate::{Conformance, Dwell, Funnel, Incidents, Percentiles, Sla, Throughput, Variants};

fn percentiles(all: &Percentiles) -> [String; 5] {
    [all.p50_ms, all.p75_ms, all.p90_ms, all.p95_ms, all.p99_ms].map(optional)
}

/// Statuses, then ways; the column `to` is empty for a status.
pub fn dwell(dwell: &Dwell) -> String {
    let columns = [
        "from",
        "to",
        "known",
        "count",
        "waiting",
        "mean_ms",
        "p50_ms",
        "p75_ms",
        "p90_ms",
        "p95_ms",
        "p99_ms",
        "limit_ms",
        "over",
        "with_failures",
    ];
    let statuses = dwell.statuses.iter().map(|one| {
        let [p50, p75, p90, p95, p99] = percentiles(&one.percentiles);
        let (count, waiting, mean) = (one.left.to_string(), one.waiting.to_string(), optional(one.mean_ms));
        let (limit, over, failed) = (optional(one.limit_ms), one.over.to_string(), one.with_failures.to_string());
        let known = one.owner.is_some().to_string();
        [one.status.clone(), String::new(), known, count, waiting, mean, p50, p75, p90, p95, p99, limit, over, failed]
    });
    let edges = dwell.edges.iter().map(|one| {
        let [p50, p75, p90, p95, p99] = percentiles(&one.percentiles);
        let (count, mean) = (one.count.to_string(), optional(one.mean_ms));
        let (limit, over, failed) = (optional(one.limit_ms), one.over.to_string(), one.with_failures.to_string());
        let (from, to, known) = (one.from.clone(), one.to.clone(), one.known.to_string());
        [from, to, known, count, String::new(), mean, p50, p75, p90, p95, p99, limit, over, failed]
    });
    table(columns, statuses.chain(edges))
}

/// One row a deviation.
pub fn conformance(told: &Conformance) -> String {
    let columns = ["kind", "from", "status", "service", "objects", "times", "examples"];
    let row = |one: &crate::DeviationCount| {
        let (objects, times) = (one.objects.to_string(), one.times.to_string());
        let (from, service) = (optional(one.from.as_ref()), optional(one.service.as_ref()));
        [one.kind.clone(), from, one.status.clone(), service, objects, times, one.examples.join(" ")]
    };
    table(columns, told.deviations.iter().map(row))
}

/// One row a way.
pub fn variants(told: &Variants) -> String {
    let columns = ["count", "share", "closed", "median_ms", "mean_ms", "conforming", "statuses", "deviations"];
    let row = |one: &crate::Variant| {
        [
            one.count.to_string(),
            one.share.to_string(),
            one.closed.to_string(),
            one.median_ms.to_string(),
            one.mean_ms.to_string(),
            one.conforming.to_string(),
            one.statuses.join(" "),
            one.deviations.join(" "),
        ]
    };
    table(columns, told.variants.iter().map(row))
}

/// One row for each cohort and status; the cohort is empty for all together.
pub fn funnel(told: &Funnel) -> String {
    let columns = ["cohort", "started", "closed", "status", "reached", "share", "median_ms"];
    let rows = std::iter::once(&told.total).chain(&told.cohorts);
    let rows = rows.flat_map(|row| row.steps.iter().map(move |step| (row, step)));
    let cells = |(row, step): (&crate::FunnelRow, &crate::FunnelStep)| {
        let (cohort, started, closed) =
            (optional(row.cohort.as_ref()), row.started.to_string(), row.closed.to_string());
        let (reached, share) = (step.reached.to_string(), step.share.to_string());
        [cohort, started, closed, step.status.clone(), reached, share, optional(step.median_ms)]
    };
    table(columns, rows.map(cells))
}

/// One row a promise.
pub fn sla(told: &Sla) -> String {
    let columns = [
        "name",
        "from",
        "to",
        "within_ms",
        "working",
        "target",
        "window_ms",
        "good",
        "bad",
        "pending",
        "attained",
        "budget_left",
        "burn_24h",
        "rating_good",
        "rating_bad",
    ];
    let row = |one: &crate::Attainment| {
        let day = one.burn.iter().find(|burn| burn.window_ms == 24 * 3_600_000).map(|burn| burn.rate);
        [
            one.name.clone(),
            one.from.clone(),
            one.to.clone(),
            one.within_ms.to_string(),
            one.working.to_string(),
            one.target.to_string(),
            one.window_ms.to_string(),
            one.good.to_string(),
            one.bad.to_string(),
            one.pending.to_string(),
            optional(one.attained),
            one.budget_left.to_string(),
            optional(day),
            optional(one.ratings_good.mean),
            optional(one.ratings_bad.mean),
        ]
    };
    table(columns, told.objectives.iter().map(row))
}

/// One row a day.
pub fn throughput(told: &Throughput) -> String {
    let row = |one: &crate::DayThroughput| {
        let counts = [one.started, one.closed, one.changes, one.after_failures].map(|count| count.to_string());
        let [started, closed, changes, after_failures] = counts;
        [one.day.clone(), started, closed, changes, after_failures]
    };
    table(["day", "started", "closed", "changes", "after_failures"], told.days.iter().map(row))
}

/// One row for each object that an incident names.
pub fn incidents(told: &Incidents) -> String {
    let columns =
        ["incident", "type", "status", "service", "reason", "since", "total", "id", "entered", "due", "overdue_ms"];
    let rows = told.incidents.iter().flat_map(|one| one.orders.iter().map(move |order| (one, order)));
    let cells = |(one, order): (&crate::Incident, &crate::StuckOrder)| {
        let reason = one.reason.as_str().to_owned();
        let (since, total) = (time(one.since), one.total.to_string());
        let (entered, due, overdue) = (time(order.entered), time(order.due), order.overdue_ms.to_string());
        let (object, status, service) = (one.object.clone(), one.status.clone(), one.service.clone());
        [one.id.clone(), object, status, service, reason, since, total, order.id.clone(), entered, due, overdue]
    };
    table(columns, rows.map(cells))
}
