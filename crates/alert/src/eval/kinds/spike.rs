//! `spike`: the lines of a window against the mean of the time just before it.

use std::collections::BTreeMap;
use std::time::Duration;

use logline::Labels;

use super::super::found::{About, Findings, Found, Grid, owned};
use super::super::history::counted;
use super::super::source::{Failure, Source};
use crate::rule::{Spike, Way};

pub(super) async fn find(with: &Spike, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let window = with.window.0;
    let reference = if with.reference.0.is_zero() { window } else { with.reference.0 };
    let now = counted(&with.selector, &with.by, window, Duration::ZERO);
    let before = counted(&with.selector, &with.by, reference, window);
    let share = window.as_secs_f64() / reference.as_secs_f64();
    let mut counts: BTreeMap<(u32, Labels), (f64, f64)> = BTreeMap::new();
    for series in source.series(&now, grid).await? {
        for (time, count) in &series.points {
            counts.entry((grid.point(*time), series.labels.clone())).or_default().0 = *count;
        }
    }
    for series in source.series(&before, grid).await? {
        for (time, count) in &series.points {
            counts.entry((grid.point(*time), series.labels.clone())).or_default().1 = *count * share;
        }
    }
    let mut findings = Findings::default();
    for ((point, labels), (now, before)) in counts {
        let is = |way: Way| match way {
            Way::High => with.factor * before <= now && with.min as f64 <= now,
            Way::Low => now * with.factor <= before && with.min as f64 <= before,
        };
        // Nothing to compare with is no spike, unless there was time for it: a new series is told by other kinds.
        let Some(way) = with.sides.iter().copied().find(|way| is(*way)).filter(|_| before > 0.0) else { continue };
        let mut labels = owned(&labels);
        let side = match way {
            Way::High => "high",
            Way::Low => "low",
        };
        labels.insert("side".to_owned(), side.to_owned());
        let about = About::default().fact("Came", now).fact("Before", before.round()).fact("Window", with.window);
        findings.add(point, Found { labels, value: now / before, about });
    }
    Ok(findings)
}
