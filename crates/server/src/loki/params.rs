//! Loki's parameters: times, durations, limits and their defaults (`pkg/loghttp/params.go` as described in the docs).

use std::time::Duration;

use logline::Timestamp;
use query::{Direction, Params};

use crate::http::{Form, HttpError};

/// How many of anything, unless asked otherwise.
pub(super) const DEFAULT_LIMIT: usize = 100;
const DEFAULT_SINCE: Duration = Duration::from_secs(3600);

/// The parameters of a range query, but for the query itself. The engine checks what they mean together: a step that
/// is zero, or negative and therefore read as zero, is refused there.
pub(super) fn range(form: &Form, now: Timestamp) -> Result<Params, HttpError> {
    let (start, end) = bounds(form, now)?;
    let step = match form.get("step") {
        Some(text) => duration(text).unwrap_or_default(),
        None => default_step(start, end),
    };
    let interval = match form.get("interval") {
        Some(text) => {
            duration(text).ok_or_else(|| HttpError::bad_request("negative query interval is not accepted"))?
        }
        None => Duration::ZERO,
    };
    Ok(Params { query: String::new(), start, end, step, interval, limit: limit(form)?, direction: direction(form)? })
}

/// `start` and `end`: `end` defaults to now, `start` to `since` (1 h) before the earlier of `end` and now.
pub(super) fn bounds(form: &Form, now: Timestamp) -> Result<(Timestamp, Timestamp), HttpError> {
    let end = optional_time(form, "end")?.unwrap_or(now);
    let since = match form.get("since") {
        Some(text) => duration(text).ok_or_else(|| invalid("since", text))?,
        None => DEFAULT_SINCE,
    };
    let start = optional_time(form, "start")?.unwrap_or(end.min(now).before(since));
    if end < start {
        return Err(HttpError::bad_request("end timestamp must not be before or equal to start time"));
    }
    Ok((start, end))
}

/// The instant of an instant query.
pub(super) fn time(form: &Form, now: Timestamp) -> Result<Timestamp, HttpError> {
    Ok(optional_time(form, "time")?.unwrap_or(now))
}

/// How many entries at most.
pub(super) fn limit(form: &Form) -> Result<usize, HttpError> {
    count(form, "limit", DEFAULT_LIMIT)
}

/// How many of something at most.
pub(super) fn count(form: &Form, name: &str, default: usize) -> Result<usize, HttpError> {
    let Some(text) = form.get(name) else { return Ok(default) };
    let number: i64 = text.parse().map_err(|_| invalid(name, text))?;
    match usize::try_from(number) {
        Ok(limit) if limit > 0 => Ok(limit),
        _ => Err(HttpError::bad_request(format!("{name} must be a positive value"))),
    }
}

/// Newest first, unless asked otherwise.
pub(super) fn direction(form: &Form) -> Result<Direction, HttpError> {
    match form.get("direction").unwrap_or("backward") {
        word if word.eq_ignore_ascii_case("backward") => Ok(Direction::Backward),
        word if word.eq_ignore_ascii_case("forward") => Ok(Direction::Forward),
        word => Err(HttpError::bad_request(format!("invalid direction '{word}'"))),
    }
}

/// Whether something is wanted; not if nothing is said.
pub(super) fn flag(form: &Form, name: &str) -> Result<bool, HttpError> {
    match form.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(text) => Err(invalid(name, text)),
    }
}

pub(super) fn invalid(name: &str, text: &str) -> HttpError {
    HttpError::bad_request(format!("cannot parse the parameter `{name}`: `{text}`"))
}

fn optional_time(form: &Form, name: &str) -> Result<Option<Timestamp>, HttpError> {
    form.get(name).map(|text| timestamp(text).ok_or_else(|| invalid(name, text))).transpose()
}

/// A float of seconds when it has a point, else an integer: seconds up to ten digits, nanoseconds beyond; else RFC 3339.
fn timestamp(text: &str) -> Option<Timestamp> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        return seconds.is_finite().then(|| Timestamp(millis_of(seconds).saturating_mul(1_000_000)));
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(Timestamp(if text.len() <= 10 { number.saturating_mul(1_000_000_000) } else { number }));
    }
    text.parse::<jiff::Timestamp>().ok().map(Timestamp::from)
}

#[expect(clippy::cast_possible_truncation, reason = "a float outside of i64 saturates, which is what is wanted")]
fn millis_of(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

/// A number of seconds, or a duration as Prometheus and Go write it: `1.5`, `500ms`, `1h30m`, `2d`. `None` if negative.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    stdx::parse_duration(text)
}

fn default_step(start: Timestamp, end: Timestamp) -> Duration {
    Duration::from_secs((end.since(start).as_secs() / 250).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

    #[test]
    fn times_are_read_in_all_of_lokis_forms() {
        for text in
            ["1700000000", "1700000000.000", "1700000000000000000", "2023-11-14T22:13:20Z", "2023-11-15T01:13:20+03:00"]
        {
            assert_eq!(timestamp(text), Some(NOW), "{text}");
        }
        for text in ["", "yesterday", "1e99.", "NaN.0"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_given_has_lokis_defaults() {
        let range = range(&Form::of(""), NOW).unwrap();
        assert_eq!((range.start, range.end), (NOW.before(Duration::from_secs(3600)), NOW));
        assert_eq!((range.limit, range.step, range.direction), (100, Duration::from_secs(14), Direction::Backward));
        let old = bounds(&Form::of("end=1600000000&since=2h"), NOW).unwrap();
        assert_eq!(old.0, Timestamp(1_600_000_000_000_000_000 - 7_200_000_000_000));
    }

    #[test]
    fn grafanas_step_in_milliseconds_and_a_float_are_durations() {
        assert_eq!(range(&Form::of("step=14000ms"), NOW).unwrap().step, Duration::from_secs(14));
        assert_eq!(range(&Form::of("step=0.5"), NOW).unwrap().step, Duration::from_millis(500));
    }

    #[test]
    fn nonsense_is_refused_in_lokis_words() {
        let refused = |form: &str| format!("{:?}", range(&Form::of(form), NOW).unwrap_err());
        assert!(refused("limit=0").contains("limit must be a positive value"));
        assert!(refused("limit=-5").contains("limit must be a positive value"));
        assert!(refused("direction=sideways").contains("invalid direction 'sideways'"));
        assert!(format!("{:?}", flag(&Form::of("stats=yes"), "stats").unwrap_err()).contains("`stats`: `yes`"));
        assert!(refused("start=20&end=10").contains("end timestamp must not be before"));
    }
}
