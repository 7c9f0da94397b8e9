//! How far objects get, by the day, week or month in which they came into being.

use std::collections::{BTreeMap, BTreeSet};

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
    /// From the beginning until it was first entered: the time that half of those needed at most.
    pub median_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct Gathered {
    started: u64,
    closed: u64,
    /// By symbol: milliseconds until each object got there first.
    reached: BTreeMap<Symbol, Vec<u64>>,
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
            gathered.reached.entry(stay.status).or_default().push(span(began, stay.entered));
        }
    });
    let statuses: BTreeSet<Symbol> = cohorts.values().flat_map(|one| one.reached.keys()).copied().collect();
    let mut statuses: Vec<Symbol> = statuses.into_iter().collect();
    statuses.sort_by_key(|status| lens.order(lens.name(*status)));
    let total = total(&cohorts, &statuses, lens);
    let old = cohorts.len().saturating_sub(COHORTS);
    let rows = cohorts.into_iter().skip(old).map(|(day, gathered)| row(day, gathered, &statuses, lens));
    Funnel { basis, by, total, cohorts: rows.collect() }
}

/// All cohorts together, one status after the other.
fn total(cohorts: &BTreeMap<Date, Gathered>, statuses: &[Symbol], lens: &Lens<'_>) -> FunnelRow {
    let sum = |number: fn(&Gathered) -> u64| cohorts.values().map(number).sum();
    let started = sum(|one| one.started);
    let all = |status: &Symbol| {
        let of_cohorts = cohorts.values().filter_map(|one| one.reached.get(status));
        step(*status, of_cohorts.flatten().copied().collect(), started, lens)
    };
    let steps = statuses.iter().map(all).collect();
    FunnelRow { cohort: None, started, closed: sum(|one| one.closed), steps }
}

fn row(cohort: Date, mut gathered: Gathered, statuses: &[Symbol], lens: &Lens<'_>) -> FunnelRow {
    let Gathered { started, closed, .. } = gathered;
    let own = |status: &Symbol| {
        let reached = gathered.reached.remove(status).unwrap_or_default();
        step(*status, reached, started, lens)
    };
    let steps = statuses.iter().map(own).collect();
    FunnelRow { cohort: Some(cohort.to_string()), started, closed, steps }
}

fn step(status: Symbol, mut ms: Vec<u64>, started: u64, lens: &Lens<'_>) -> FunnelStep {
    let reached = ms.len() as u64;
    let median_ms = median(&mut ms);
    FunnelStep { status: lens.name(status).to_owned(), reached, share: share(reached, started), median_ms }
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
