//! How fast people come to know of incidents, and how fast these end: MTTD and MTTR.

use logline::Timestamp;
use serde::{Deserialize, Serialize};

use super::Percentiles;
use super::spans::Spans;
use crate::wire::millis;

/// The moments of one incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The first evidence: what the data tell, not when it was looked at. [`crate::Incident::since`] is one.
    pub evidence: Timestamp,
    /// When somebody was told first; none if nobody was.
    pub notified: Option<Timestamp>,
    /// When it was over; none if it lasts.
    pub resolved: Option<Timestamp>,
}

/// How fast incidents were noticed and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// From the first evidence to the first notification (MTTD is its mean).
    pub detection: Delay,
    /// From the first evidence to the end (MTTR is its mean).
    pub resolution: Delay,
}

/// How long something took. What has not come yet counts in the percentiles as taking at least so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delay {
    /// How often it has come.
    pub count: u64,
    /// How often it is still awaited.
    pub waiting: u64,
    /// The mean of those that have come.
    pub mean_ms: Option<u64>,
    /// Estimated over both.
    #[serde(flatten)]
    pub percentiles: Percentiles,
    /// The longest of both.
    pub longest_ms: Option<u64>,
}

/// Measures incidents at the moment `now`. An incident that was over before anybody was told of it counts for no
/// detection.
pub fn reaction(incidents: impl IntoIterator<Item = Interval>, now: Timestamp) -> Reaction {
    let (mut detection, mut resolution) = (Spans::default(), Spans::default());
    for one in incidents {
        let since = |at: Timestamp| millis(at.since(one.evidence));
        match (one.notified, one.resolved) {
            (Some(at), _) => detection.add_ended(since(at)),
            (None, None) => detection.add_waiting(since(now)),
            (None, Some(_)) => {}
        }
        match one.resolved {
            Some(at) => resolution.add_ended(since(at)),
            None => resolution.add_waiting(since(now)),
        }
    }
    Reaction { detection: Delay::of(&detection), resolution: Delay::of(&resolution) }
}

impl Delay {
    fn of(spans: &Spans) -> Self {
        Self {
            count: spans.ended(),
            waiting: spans.waiting(),
            mean_ms: spans.mean(),
            percentiles: spans.percentiles(),
            longest_ms: spans.longest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_counts_and_what_nobody_was_told_of_is_no_detection() {
        let minute = |minute: i64| Timestamp(minute * 60_000_000_000);
        let told = |evidence, notified: Option<i64>, resolved: Option<i64>| Interval {
            evidence: minute(evidence),
            notified: notified.map(minute),
            resolved: resolved.map(minute),
        };
        let all =
            [told(0, Some(1), Some(31)), told(10, Some(13), Some(20)), told(50, None, Some(51)), told(90, None, None)];
        let reaction = reaction(all, minute(100));
        assert_eq!((reaction.detection.count, reaction.detection.waiting), (2, 1));
        assert_eq!(reaction.detection.mean_ms, Some(120_000));
        assert_eq!((reaction.resolution.count, reaction.resolution.waiting), (3, 1));
        assert_eq!(reaction.resolution.mean_ms, Some((31 + 10 + 1) * 20_000));
        assert_eq!(reaction.resolution.longest_ms, Some(31 * 60_000));
    }
}
