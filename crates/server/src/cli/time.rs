//! Which stretch of time a command is about: `--since`, `--from`, `--to`.

use std::time::Duration;

use clap::Args;
use jiff::{Timestamp, ToSpan as _};

use super::Failure;

/// A stretch of time; the last hour if nothing is given.
#[derive(Clone, Debug, Args)]
pub(crate) struct Stretch {
    /// How far back from the end, such as 15m or 2d.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    since: Duration,
    /// Begin, RFC 3339, or a date or date-time of the machine's zone; wins over --since.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// End, in the same forms [default: now].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
}

impl Stretch {
    /// Begin and end, the end not included, in nanoseconds since the epoch.
    pub(crate) fn bounds(&self) -> Result<(i64, i64), Failure> {
        let end = self.to.unwrap_or_else(|| now().into());
        let since = i64::try_from(self.since.as_millis()).unwrap_or(i64::MAX).milliseconds();
        let start = match self.from {
            Some(from) => from,
            None => end.checked_sub(since).map_err(|_| Failure::Usage("--since reaches too far back".to_owned()))?,
        };
        if end < start {
            return Err(Failure::Usage(format!("the end `{end}` is before the begin `{start}`")));
        }
        Ok((nanos(start), nanos(end)))
    }

    /// As parameters of Loki's API.
    pub(crate) fn params(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let (start, end) = self.bounds()?;
        Ok(vec![("start", start.to_string()), ("end", end.to_string())])
    }
}

/// The time of this machine.
pub(crate) fn now() -> logline::Timestamp {
    stdx::Clock::now(&stdx::SystemClock).into()
}

fn nanos(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(if time < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

/// RFC 3339; what has no zone is meant in that of the machine.
fn instant(text: &str) -> Result<Timestamp, String> {
    let local =
        |time: jiff::civil::DateTime| time.to_zoned(jiff::tz::TimeZone::system()).ok().map(|time| time.timestamp());
    let found = text.parse().ok().or_else(|| text.parse().ok().and_then(local));
    found.ok_or_else(|| "want a time such as 2026-11-26T12:00:00Z, 2026-11-26T12:00 or 2026-11-26".to_owned())
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    stdx::parse_duration(text).ok_or_else(|| "want a duration such as 15m, 1h30m or 2d".to_owned())
}

/// A time zone by its name; the machine's if not given.
pub(crate) fn zone(name: Option<&str>) -> Result<jiff::tz::TimeZone, Failure> {
    match name {
        None => Ok(jiff::tz::TimeZone::system()),
        Some(name) => jiff::tz::TimeZone::get(name)
            .map_err(|_| Failure::Usage(format!("`{name}` is no time zone; want one such as UTC or Europe/Moscow"))),
    }
}

/// A time for people, to the millisecond.
pub(crate) fn shown(nanos: i64, zone: &jiff::tz::TimeZone) -> String {
    written(nanos, zone, "%Y-%m-%dT%H:%M:%S%.3f%:z")
}

/// A time for programs, RFC 3339 with all nine digits of its nanoseconds.
pub(crate) fn exact(nanos: i64, zone: &jiff::tz::TimeZone) -> String {
    written(nanos, zone, "%Y-%m-%dT%H:%M:%S%.9f%:z")
}

fn written(nanos: i64, zone: &jiff::tz::TimeZone, form: &str) -> String {
    match Timestamp::from_nanosecond(i128::from(nanos)) {
        Ok(time) => time.to_zoned(zone.clone()).strftime(form).to_string(),
        Err(_) => nanos.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_a_date_or_have_no_zone() {
        let at = |text: &str| instant(text).unwrap().as_second();
        assert_eq!(at("2026-11-26T12:00:00Z"), 1_795_694_400);
        assert_eq!(at("2026-11-26T12:00:00+03:00"), 1_795_694_400 - 3 * 3600);
        assert_eq!(at("2026-11-26T12:00"), at("2026-11-26") + 12 * 3600);
        for text in ["", "yesterday", "2026-13-01", "12:00"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
