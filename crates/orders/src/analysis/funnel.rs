//! How far objects get, by the day, week or month in which they came into being.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::variants::median;
use super::{Basis, Lens, share, span};
use crate::symbols::Symbol;

/// Cohorts that are told apart; more than that is no picture.
const COHORTS: usize = 1_000;

/// What makes a cohort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cohort {
    /// A day.
    Day,
    /// A week, which begins on Monday.
    #[default]
    Week,
    /// A month.
    Month,
}

/// How many objects of each cohort reached each status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Funnel {
    /// What it is about.
    #[serde(flatten)]
    pub basis: Basis,
    /// What makes a cohort.
    pub by: Cohort,
    /// All cohorts together.
    pub total: FunnelRow,
    /// One entry a cohort, the oldest first; at most 1,000, the newest ones.
    pub cohorts: Vec<FunnelRow>,
}

/// One cohort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunnelRow {
    /// The first day of the cohort; none for all of them.
    pub cohort: Option<String>,
    /// How many came into being.
    pub started: u64,
    /// How many have reached an end.
    pub closed: u64,
    /// One entry a status, in the order of the graph.
    pub steps: Vec<FunnelStep>,
}

/// How many of a cohort reached a status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunnelStep {
    /// The status.
    pub status: String,
    /// How many were ever in it.
    pub reached: u64,
    /// Their share.
    pub share: f64,
    /// From the beginning until it was first entered: the time that half of those needed at most, to the second.
    pub median_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct Gathered {
    started: u64,
    closed: u64,
    /// By symbol: seconds until each object got there first.
    reached: BTreeMap<Symbol, Vec<u32>>,
}

/// Counts who got how far.
pub(crate) fn funnel(lens: &Lens<'_>, by: Cohort, loading: bool) -> Funnel {
    let mut cohorts: BTreeMap<Date, Gathered> = BTreeMap::new();
    let mut days: BTreeMap<i64, Date> = BTreeMap::new();
    let mut seen: Vec<u64> = vec![0; lens.symbols().len()];
    let mut number = 0;
    let basis = lens.each(loading, |trail, _| {
        let began = trail.stays.first().map_or(0, |stay| stay.entered);
        number += 1;
        // Within a quarter of an hour the day is the same in every zone.
        let quarter = began.div_euclid(15 * 60 * 1_000);
        let day = *days.entry(quarter).or_insert_with(|| cohort_of(began, lens, by));
        let gathered = cohorts.entry(day).or_default();
        gathered.started += 1;
        gathered.closed += u64::from(trail.end.is_some());
        for stay in trail.counted() {
            match seen.get_mut(usize::from(stay.status.number())) {
                Some(last) if *last != number => *last = number,
                _ => continue,
            }
            let seconds = u32::try_from(span(began, stay.entered) / 1_000).unwrap_or(u32::MAX);
            gathered.reached.entry(stay.status).or_default().push(seconds);
        }
    });
    let mut total = Gathered::default();
    for gathered in cohorts.values() {
        total.started += gathered.started;
        total.closed += gathered.closed;
        for (status, seconds) in &gathered.reached {
            total.reached.entry(*status).or_default().extend(seconds);
        }
    }
    let mut statuses: Vec<Symbol> = total.reached.keys().copied().collect();
    statuses.sort_by_key(|status| lens.order(lens.name(*status)));
    let total = row(None, total, &statuses, lens);
    let old = cohorts.len().saturating_sub(COHORTS);
    let rows = cohorts.into_iter().skip(old).map(|(day, gathered)| row(Some(day), gathered, &statuses, lens));
    Funnel { basis, by, total, cohorts: rows.collect() }
}

fn row(cohort: Option<Date>, mut gathered: Gathered, statuses: &[Symbol], lens: &Lens<'_>) -> FunnelRow {
    let started = gathered.started;
    let step = |status: &Symbol| {
        let seconds = gathered.reached.remove(status).unwrap_or_default();
        let reached = seconds.len() as u64;
        let mut ms: Vec<u64> = seconds.into_iter().map(|seconds| u64::from(seconds) * 1_000).collect();
        FunnelStep {
            status: lens.name(*status).to_owned(),
            reached,
            share: share(reached, started),
            median_ms: median(&mut ms),
        }
    };
    let steps = statuses.iter().map(step).collect();
    FunnelRow { cohort: cohort.map(|day| day.to_string()), started, closed: gathered.closed, steps }
}

fn cohort_of(ms: i64, lens: &Lens<'_>, by: Cohort) -> Date {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let day = time.to_zoned(lens.select.zone.clone()).date();
    match by {
        Cohort::Day => day,
        Cohort::Week => {
            let monday = jiff::Span::new().days(i64::from(day.weekday().to_monday_zero_offset()));
            day.checked_sub(monday).unwrap_or(day)
        }
        Cohort::Month => day.first_of_month(),
    }
}
