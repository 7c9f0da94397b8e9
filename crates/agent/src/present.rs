//! The present as servers will believe it: where the clock of this host has run ahead of theirs, theirs counts.
//!
//! A server refuses lines from the future, and what it refuses is gone. It is asked for its time before the first line is
//! read, and tells it in every answer; from there on time is measured by a clock that does not jump.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use logline::Timestamp;

/// A time further in the future than this is not believed: a server would refuse it.
pub(crate) const MAX_AHEAD: Duration = Duration::from_secs(300);

/// What servers told of the time.
#[derive(Debug, Default)]
pub(crate) struct Present(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// A server's time, and when it told it.
    time: Option<(Timestamp, Instant)>,
    is_ahead: bool,
}

impl Present {
    /// Notes the time that a server tells, in whole seconds. Gives how far this host's is ahead of it when that begins to
    /// matter.
    pub(crate) fn tell(&self, server: Timestamp, own: Timestamp, at: Instant) -> Option<Duration> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.time = Some((server, at));
        let ahead = own.since(server);
        let was_ahead = std::mem::replace(&mut told.is_ahead, MAX_AHEAD < ahead);
        (told.is_ahead && !was_ahead).then_some(ahead)
    }

    /// The time of this host, or a server's where this host's is too far ahead of it.
    pub(crate) fn now(&self, own: Timestamp, at: Instant) -> Timestamp {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let server = told.time.map(|(server, then)| server.after(at.saturating_duration_since(then)));
        server.filter(|server| MAX_AHEAD < own.since(*server)).unwrap_or(own)
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
        assert_eq!(present.tell(now, now.after(MAX_AHEAD), at), None);
        for own in [now, now.before(HOUR), now.after(MAX_AHEAD)] {
            assert_eq!(present.now(own, at), own);
        }
        // The clock jumps between two answers: the server's goes on by the clock that does not.
        let later = at + Duration::from_secs(7);
        assert_eq!(present.now(now.after(HOUR), later), now.after(Duration::from_secs(7)));
        assert_eq!(present.tell(now, now.after(HOUR), later), Some(HOUR));
        assert_eq!(present.tell(now, now.after(HOUR), later), None, "told once");
        assert_eq!(present.tell(now, now, later), None);
        assert_eq!(present.tell(now, now.after(HOUR), later), Some(HOUR), "and again when it was right between");
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(date("Sun, 01 Mar 2026 12:00:00 GMT"), Some(Timestamp(1_772_366_400_000_000_000)));
        assert_eq!(date("yesterday"), None);
    }
}
