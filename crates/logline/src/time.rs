//! The date-time of a line: reading RFC 3339 and its relatives, writing it, and which time an event has.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use crate::Timestamp;

/// How far a line's own time may lie from the shipper's before it is not believed.
const BELIEVED: Duration = Duration::from_secs(24 * 60 * 60);

/// The time a line states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTime {
    /// The point in time.
    pub at: Timestamp,
    /// Whether the line said in which zone; else its source's `timezone` was taken.
    pub zoned: bool,
}

impl LineTime {
    /// Reads a date-time (RFC 3339 and its relatives) or a number since the epoch (seconds with or without a fraction,
    /// milli-, micro- or nanoseconds). `timezone` counts where the text has no zone.
    pub fn parse(text: &str, timezone: &TimeZone) -> Option<Self> {
        parse(text, timezone).or_else(|| parse_epoch(text))
    }
}

/// When an event happened: at the line's own time if that is within 24 h of the entry's, else at the entry's.
pub fn event_time(entry: Timestamp, line: Option<LineTime>) -> Timestamp {
    match line {
        Some(line) if line.at.since(entry).max(entry.since(line.at)) <= BELIEVED => line.at,
        _ => entry,
    }
}

/// Reads `2026-03-01T12:00:00.123+03:00`: `T` or a space between date and time, up to nine digits behind `.` or `,`,
/// the zone as `Z`, `+03:00`, `+0300`, `+03`, or none.
pub(crate) fn parse(text: &str, timezone: &TimeZone) -> Option<LineTime> {
    let bytes = text.as_bytes();
    let (head, rest) = bytes.split_at_checked(19)?;
    let separators = [head[4], head[7], head[13], head[16]] == *b"--::" && matches!(head[10], b'T' | b't' | b' ');
    if !separators {
        return None;
    }
    let pair = |at: usize| number(head.get(at..at + 2)?).and_then(|n| i8::try_from(n).ok());
    let date = Date::new(i16::try_from(number(&head[..4])?).ok()?, pair(5)?, pair(8)?).ok()?;
    let (nanos, rest) = fraction(rest)?;
    // a leap second is told as the second before
    let time = jiff::civil::Time::new(pair(11)?, pair(14)?, pair(17)?.min(59), nanos).ok()?;
    if 60 < pair(17)? {
        return None;
    }
    let civil = DateTime::from_parts(date, time);
    let zone = zone(rest)?;
    let at = match zone {
        Some(offset) => offset.to_timestamp(civil).ok()?,
        None => timezone.to_timestamp(civil).ok()?,
    };
    let at = i64::try_from(at.as_nanosecond()).ok()?;
    Some(LineTime { at: Timestamp(at), zoned: zone.is_some() })
}

/// Reads a time since the epoch: seconds, with or without a fraction, or milli-, micro- or nanoseconds, told apart by
/// their size. Nothing before 1973 is taken for a time.
pub(crate) fn parse_epoch(text: &str) -> Option<LineTime> {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let number: i64 = whole.parse().ok()?;
    let unit = match number {
        100_000_000..=99_999_999_999 => 1_000_000_000,
        100_000_000_000..=99_999_999_999_999 => 1_000_000,
        100_000_000_000_000..=99_999_999_999_999_999 => 1_000,
        100_000_000_000_000_000.. => 1,
        _ => return None,
    };
    let part = match rest {
        Some(digits) => i64::from(digits_as_nanos(digits.as_bytes())?) * unit / 1_000_000_000,
        None => 0,
    };
    let at = number.checked_mul(unit)?.checked_add(part)?;
    Some(LineTime { at: Timestamp(at), zoned: true })
}

/// Writes RFC 3339 in UTC with 3, 6 or 9 digits; without `Z` if the zone was not known.
pub(crate) fn write(out: &mut String, time: LineTime) {
    let civil = Offset::UTC.to_datetime(time.at.into());
    let nanos = civil.subsec_nanosecond();
    let (digits, part) = match nanos {
        nanos if nanos % 1_000_000 == 0 => (3, nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => (6, nanos / 1_000),
        nanos => (9, nanos),
    };
    let [month, day, hour, minute, second] =
        [civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()].map(i32::from);
    let parts = [
        (i32::from(civil.year()), 4, "-"),
        (month, 2, "-"),
        (day, 2, "T"),
        (hour, 2, ":"),
        (minute, 2, ":"),
        (second, 2, "."),
        (part, digits, if time.zoned { "Z" } else { "" }),
    ];
    for (number, digits, after) in parts {
        push_number(out, number, digits);
        out.push_str(after);
    }
}

/// Appends the last `digits` digits of a number that is not negative.
fn push_number(out: &mut String, number: i32, digits: u32) {
    for digit in (0..digits).rev() {
        let value = (number / 10_i32.pow(digit)).unsigned_abs() % 10;
        out.push(char::from_digit(value, 10).unwrap_or('0'));
    }
}

/// Decimal digits and nothing else; at most nine.
fn number(digits: &[u8]) -> Option<i32> {
    let value = |sum: i32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i32::from(byte - b'0'));
    if digits.is_empty() || 9 < digits.len() { None } else { digits.iter().try_fold(0, value) }
}

/// The nanoseconds behind the seconds, and what follows them.
fn fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) else { return Some((0, rest)) };
    let (digits, rest) = digits.split_at(digits.iter().take_while(|byte| byte.is_ascii_digit()).count());
    Some((digits_as_nanos(digits)?, rest))
}

/// `5` means 500,000,000; what is finer than a nanosecond is dropped.
fn digits_as_nanos(digits: &[u8]) -> Option<i32> {
    let digits = digits.get(..9).unwrap_or(digits);
    let missing = u32::try_from(9 - digits.len()).ok()?;
    Some(number(digits)? * 10_i32.pow(missing))
}

/// The zone; `Some(None)` when there is none, `None` when it is no zone.
fn zone(text: &[u8]) -> Option<Option<Offset>> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, digits) = match text {
        b"" => return Some(None),
        b"Z" | b"z" | b"UTC" => return Some(Some(Offset::UTC)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [_, _] => (number(digits)?, 0),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        _ => return None,
    };
    let valid = hours <= 23 && minutes <= 59;
    valid.then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(Some))?
}

#[cfg(test)]
mod tests;
