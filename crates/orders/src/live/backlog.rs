//! Whether an old stretch of log is being loaded, as after an agent was cut off or at its first start: until that is done,
//! what has not come yet is not missing.

use std::collections::HashMap;
use std::time::Duration;

use logline::Timestamp;

/// A service whose newest events are older than this when they come is behind.
const BEHIND: Duration = Duration::from_secs(15 * 60);
/// A service that is behind is caught up on once it has been loaded for so long, at twice the pace of time at least: one
/// whose clock is wrong never is.
const SUSTAINED: Duration = Duration::from_secs(2);
/// After such a pause nothing is being loaded any more.
const QUIET: Duration = Duration::from_secs(30);

/// The services that are behind.
#[derive(Debug, Default)]
pub(crate) struct Backlog(HashMap<Box<str>, Lag>);

/// When events of a service came and how new they were: the first and the latest ones of a stretch.
#[derive(Clone, Copy, Debug)]
struct Lag {
    first: (Timestamp, Timestamp),
    last: (Timestamp, Timestamp),
}

impl Backlog {
    /// Notes the events of one batch, each as its service and its time.
    pub(crate) fn note<'e>(&mut self, events: impl Iterator<Item = (&'e str, Timestamp)> + Clone, arrived: Timestamp) {
        let edge = arrived.before(BEHIND);
        // Nearly always nobody is behind and nothing is old.
        if self.0.is_empty() && events.clone().all(|(_, time)| edge <= time) {
            return;
        }
        let mut newest: HashMap<&str, Timestamp> = HashMap::new();
        for (service, time) in events {
            newest.entry(service).and_modify(|known| *known = time.max(*known)).or_insert(time);
        }
        for (service, time) in newest {
            if edge <= time {
                self.0.remove(service);
                continue;
            }
            let begun = Lag { first: (arrived, time), last: (arrived, time) };
            let lag = self.0.entry(service.into()).or_insert(begun);
            if QUIET < arrived.since(lag.last.0) {
                *lag = begun;
            }
            lag.last = (arrived, time.max(lag.last.1));
        }
    }

    /// Whether any service is being caught up on.
    pub(crate) fn is_caught_up_on(&self, now: Timestamp) -> bool {
        self.0.values().any(|lag| {
            let (took, went) = (lag.last.0.since(lag.first.0), lag.last.1.since(lag.first.1));
            now.since(lag.last.0) < QUIET && SUSTAINED <= took && 2 * took <= went
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000 + second * 1_000_000_000)
    }

    fn loaded(batches: &[(&str, i64, i64)], now: i64) -> bool {
        let mut backlog = Backlog::default();
        for (service, time, arrived) in batches {
            backlog.note([(*service, at(*time)), (*service, at(*time - 9_000))].into_iter(), at(*arrived));
        }
        backlog.is_caught_up_on(at(now))
    }

    #[test]
    fn an_old_stretch_is_caught_up_on_until_it_reaches_the_present_or_no_more_comes() {
        let days = [("shop", -90_000, 0), ("shop", -60_000, 2), ("shop", -30_000, 4)];
        assert!(loaded(&days, 5) && loaded(&days, 33));
        assert!(!loaded(&days, 34), "no more comes");
        assert!(!loaded(&[days.as_slice(), &[("shop", 0, 6)]].concat(), 7), "the present is reached");
        assert!(loaded(&[days.as_slice(), &[("crm", 0, 6)]].concat(), 7), "by another one");
    }

    #[test]
    fn a_few_old_lines_or_a_wrong_clock_hold_nothing_up() {
        assert!(!loaded(&[("shop", -90_000, 0)], 1));
        let slow: Vec<_> = (0..100).map(|second| ("shop", second - 3_600, second)).collect();
        assert!(!loaded(&slow, 100), "an hour behind, at the pace of time");
        assert!(!loaded(&[("shop", -90_000, 0), ("shop", -60_000, 60)], 61), "one now and then");
    }
}
