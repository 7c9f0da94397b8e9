//! The present as servers will believe it: where the clock of this host has run ahead of theirs, theirs counts.
//!
//! A server refuses lines from the future, and what it refuses is gone. It is asked for its time before the first line is
//! read, and tells it in every answer; from there on time is measured by a clock that does not jump. Of several servers the
//! one that is least behind this host counts: one whose clock is wrong spoils nothing for the others.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use logline::Timestamp;

/// A time further in the future than this is not believed: a server would refuse it.
pub(crate) const MAX_AHEAD: Duration = Duration::from_secs(300);
/// The beginning of 2026, when this program was written. A server whose clock says less knows no time.
const EARLIEST: Timestamp = Timestamp(1_767_225_600_000_000_000);

/// What servers told of the time, by output.
#[derive(Debug, Default)]
pub(crate) struct Present(Mutex<BTreeMap<String, Told>>);

#[derive(Debug)]
struct Told {
    /// The server's time, and when it told it.
    time: (Timestamp, Instant),
    is_ahead: bool,
}

impl Present {
    /// Notes the time that a server tells, in whole seconds. Gives how far this host's is ahead of it when that begins to
    /// matter.
    pub(crate) fn tell(&self, output: &str, server: Timestamp, own: Timestamp, at: Instant) -> Option<Duration> {
        if server < EARLIEST {
            return None;
        }
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = own.since(server);
        let is_ahead = MAX_AHEAD < ahead;
        let before = told.insert(output.to_owned(), Told { time: (server, at), is_ahead });
        (is_ahead && !before.is_some_and(|told| told.is_ahead)).then_some(ahead)
    }

    /// The time of this host, or a server's where this host's is too far ahead of it.
    pub(crate) fn now(&self, own: Timestamp, at: Instant) -> Timestamp {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = told.values().map(|told| told.time.0.after(at.saturating_duration_since(told.time.1)));
        times.max().filter(|server| MAX_AHEAD < own.since(*server)).unwrap_or(own)
    }
}

/// The time in the header `Date` of an answer.
pub(crate) fn date(header: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    i64::try_from(time.as_nanosecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use stdx::{Clock, SystemClock};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_host_is_believed_unless_it_is_ahead_of_the_server() {
        let (present, at, now) = (Present::default(), SystemClock.instant(), Timestamp(1_772_366_400_000_000_000));
        assert_eq!(present.now(now.after(HOUR), at), now.after(HOUR), "nothing is known yet");
        assert_eq!(present.tell("a", now, now.after(MAX_AHEAD), at), None);
        for own in [now, now.before(HOUR), now.after(MAX_AHEAD)] {
            assert_eq!(present.now(own, at), own);
        }
        // The clock jumps between two answers: the server's goes on by the clock that does not.
        let later = at + Duration::from_secs(7);
        assert_eq!(present.now(now.after(HOUR), later), now.after(Duration::from_secs(7)));
        assert_eq!(present.tell("a", now, now.after(HOUR), later), Some(HOUR));
        assert_eq!(present.tell("a", now, now.after(HOUR), later), None, "told once");
        assert_eq!(present.tell("a", now, now, later), None);
        assert_eq!(present.tell("a", now, now.after(HOUR), later), Some(HOUR), "and again when it was right between");
    }

    #[test]
    fn a_server_whose_clock_is_wrong_spoils_nothing_for_the_others() {
        let (present, at, now) = (Present::default(), SystemClock.instant(), Timestamp(1_772_366_400_000_000_000));
        assert_eq!(present.tell("behind", now.before(24 * HOUR), now, at), Some(24 * HOUR));
        assert_eq!(present.now(now, at), now.before(24 * HOUR), "nobody else is known");
        assert_eq!(present.tell("right", now, now, at), None);
        assert_eq!(present.tell("behind", now.before(24 * HOUR), now, at), None, "told once");
        assert_eq!(present.now(now, at), now);
        assert_eq!(present.now(now.after(HOUR), at), now, "the host is ahead of both");
        assert_eq!(present.tell("right", Timestamp(0), now, at), None, "that is no time");
        assert_eq!(present.now(now, at), now);
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(date("Sun, 01 Mar 2026 12:00:00 GMT"), Some(Timestamp(1_772_366_400_000_000_000)));
        assert_eq!(date("yesterday"), None);
    }
}
