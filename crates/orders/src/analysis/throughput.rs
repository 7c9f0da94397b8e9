//! How many objects come and go, day by day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Basis, Lens};

/// Days that are told.
const DAYS: usize = 1_000;

/// What happened on each day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throughput {
    /// What it is about.
    #[serde(flatten)]
    pub basis: Basis,
    /// One entry a day on which anything happened, the oldest first; at most 1,000, the newest ones.
    pub days: Vec<DayThroughput>,
}

/// What happened on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayThroughput {
    /// The day, in the zone that was asked for.
    pub day: String,
    /// Objects that came into being.
    pub started: u64,
    /// Objects that reached an end.
    pub closed: u64,
    /// Changes of status.
    pub changes: u64,
    /// How many of those were after something had failed in the status before.
    pub after_failures: u64,
}

/// Counts by day.
pub(crate) fn throughput(lens: &Lens<'_>, loading: bool) -> Throughput {
    let mut days: BTreeMap<Date, [u64; 4]> = BTreeMap::new();
    let mut known: BTreeMap<i64, Date> = BTreeMap::new();
    let mut day = |ms: i64| -> Date {
        let date = || {
            let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            time.to_zoned(lens.select.zone.clone()).date()
        };
        *known.entry(ms.div_euclid(15 * 60 * 1_000)).or_insert_with(date)
    };
    let basis = lens.each(loading, |trail, _| {
        let counted = trail.counted();
        let mut failed = false;
        for (index, stay) in counted.iter().enumerate() {
            let sums = days.entry(day(stay.entered)).or_default();
            sums[0] += u64::from(index == 0);
            sums[1] += u64::from(trail.end == Some(index));
            sums[2] += u64::from(index != 0);
            sums[3] += u64::from(index != 0 && failed);
            failed = stay.failures != 0;
        }
    });
    let old = days.len().saturating_sub(DAYS);
    let row = |(day, [started, closed, changes, after_failures]): (Date, [u64; 4])| DayThroughput {
        day: day.to_string(),
        started,
        closed,
        changes,
        after_failures,
    };
    Throughput { basis, days: days.into_iter().skip(old).map(row).collect() }
}
