//! Time stamps of syslog: RFC 3339, and the old one without year and zone.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use logline::{LineTime, Timestamp};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// RFC 3339, at the start of `text` and up to a blank; gives what follows the blank.
pub(super) fn iso<'a>(text: &'a str, zone: &TimeZone) -> Option<(Timestamp, &'a str)> {
    let (stamp, rest) = text.split_once(' ').unwrap_or((text, ""));
    let stamp = stamp.strip_suffix(':').unwrap_or(stamp);
    if !stamp.contains('T') {
        return None;
    }
    LineTime::parse(stamp, zone).map(|time| (time.at, rest))
}

/// `Oct 11 22:14:15`, with a year behind the day or the time, a fraction and a zone where a dialect has them. Without a
/// year it is the one that brings the time nearest to `now`.
pub(super) fn old<'a>(text: &'a str, zone: &TimeZone, now: Timestamp) -> Option<(Timestamp, &'a str)> {
    let month = text.get(..3)?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let month = i8::try_from(month + 1).ok()?;
    let (day, rest) = word(text.get(3..)?.strip_prefix(' ')?)?;
    let day: i8 = day.parse().ok()?;
    let (next, after) = word(rest)?;
    let year = next.trim_end_matches(',').parse::<i16>().ok().filter(|year| (1970..2200).contains(year));
    let (clock, rest) = if year.is_some() { word(after)? } else { (next, after) };
    let clock = clock.strip_suffix(':').unwrap_or(clock);
    let time = time(clock)?;
    let (year, rest) = match (year, word(rest)) {
        (None, Some((word, after))) if is_year(word) => (word.trim_end_matches(':').parse().ok(), after),
        (year, _) => (year, rest),
    };
    let at = |year: i16| {
        let civil = DateTime::from_parts(Date::new(year, month, day).ok()?, time);
        zone.to_timestamp(civil).ok().map(Timestamp::from)
    };
    if let Some(year) = year {
        return Some((at(year)?, rest));
    }
    let this = zone.to_datetime(now.into()).year();
    let nearest = [this - 1, this, this + 1].into_iter().filter_map(at).min_by_key(|at| at.0.abs_diff(now.0))?;
    Some((nearest, rest))
}

fn is_year(word: &str) -> bool {
    let digits = word.trim_end_matches(':');
    digits.len() == 4 && digits.parse::<u16>().is_ok_and(|year| (1970..2200).contains(&year))
}

/// The first word, and what follows the blank behind it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(' ');
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (!word.is_empty()).then_some((word, rest))
}

fn time(text: &str) -> Option<Time> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let (second, fraction) = second.split_once(['.', ',']).unwrap_or((second, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let second: i8 = second.parse().ok()?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, second.min(59), nanos).ok().filter(|_| second <= 60)
}
