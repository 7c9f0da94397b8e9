//! `spike`: the lines of a window against the mean of the time just before it.

use std::collections::BTreeMap;
use std::time::Duration;

use logline::{Labels, Timestamp};

use super::super::found::{About, Findings, Found, Grid, owned};
use super::super::history::counted;
use super::super::source::{Failure, Source};
use super::own;
use crate::rule::{Spike, Way};

/// Parts of a window that are told apart to find out when it began.
const PARTS: u32 = 10;

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

/// When, within the window, the level changed from what it was before to what it is.
pub(super) async fn first(
    with: &Spike,
    source: &Source,
    found: &Found,
    time: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let (window, part) = (with.window.0, with.window.0 / PARTS);
    let selector = format!("{}{}", with.selector, own(&with.by, &found.labels));
    let query = counted(&selector, &with.by, part, Duration::ZERO);
    let grid = Grid { start: time.before(window).after(part), step: part, points: PARTS };
    let mut parts = [0.0; PARTS as usize];
    for series in source.series(&query, grid).await? {
        for (at, count) in &series.points {
            parts.iter_mut().skip(grid.point(*at) as usize).take(1).for_each(|part| *part += count);
        }
    }
    Ok(Some(time.before(window).after(part * changed(&parts, found.value))))
}

/// After how many parts the level changed, of counts that in all are so many times what they were before: where the sum
/// of differences from the level half-way turns.
fn changed(parts: &[f64], ratio: f64) -> u32 {
    let came = parts.iter().sum::<f64>() / parts.len() as f64;
    // A window without any line has had none from its beginning on.
    let half = if ratio > 0.0 { came * (1.0 + 1.0 / ratio) / 2.0 } else { 0.0 };
    let is_high = ratio > 1.0;
    let (mut sum, mut best, mut turn) = (0.0, 0.0, 0);
    for (number, part) in (1..).zip(parts) {
        sum += if is_high { half - part } else { part - half };
        if best < sum {
            (best, turn) = (sum, number);
        }
    }
    turn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_changed_where_it_turned() {
        assert_eq!(changed(&[10.0, 9.0, 11.0, 10.0, 90.0, 88.0, 95.0, 91.0, 90.0, 89.0], 5.8), 4);
        assert_eq!(changed(&[50.0; 10], 5.0), 0, "before the window");
        assert_eq!(changed(&[40.0, 41.0, 39.0, 2.0, 0.0, 3.0, 1.0, 1.0, 0.0, 2.0], 0.32), 3);
        assert_eq!(changed(&[0.0; 10], 0.0), 0);
    }
}
