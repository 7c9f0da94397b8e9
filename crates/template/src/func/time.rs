//! Times: made of numbers and texts, printed in Go's layouts.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Function, plain, text};
use crate::Error;
use crate::func::number::to_int;
use crate::layout;
use crate::run::Run;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    plain("__timestamp__", 0, 0, |run, _| Ok(at(run.fields.time_ns()))),
    plain("now", 0, 0, |run, _| Ok(at(run.fields.now_ns()))),
    plain("date", 2, 2, |run, args| {
        let layout = text(&args[0])?;
        let time = match &args[1] {
            Value::Time(time) => time.with_time_zone(TimeZone::UTC),
            Value::Int(_) => seconds(to_int(&args[1]))?,
            _ => utc(Timestamp::from_nanosecond(run.fields.now_ns().into()).unwrap_or_default()),
        };
        run.text(layout::format(&time, &layout))
    }),
    plain("toDate", 2, 2, |_, args| Ok(parsed(&text(&args[0])?, &TimeZone::UTC, &text(&args[1])?))),
    plain("toDateInZone", 3, 3, |_, args| {
        // An unknown zone reads as UTC.
        let zone = TimeZone::get(&text(&args[1])?).unwrap_or(TimeZone::UTC);
        Ok(parsed(&text(&args[0])?, &zone, &text(&args[2])?))
    }),
    plain("unixToTime", 1, 1, |_, args| from_digits(&text(&args[0])?)),
    plain("unixEpoch", 1, 1, |run, args| epoch(run, args, 1_000_000_000)),
    plain("unixEpochMillis", 1, 1, |run, args| epoch(run, args, 1_000_000)),
    plain("unixEpochNanos", 1, 1, |run, args| epoch(run, args, 1)),
];

fn utc(time: Timestamp) -> Zoned {
    time.to_zoned(TimeZone::UTC)
}

fn at(nanos: i64) -> Value {
    Value::Time(utc(Timestamp::from_nanosecond(nanos.into()).unwrap_or_default()))
}

fn seconds(seconds: i64) -> Result<Zoned, Error> {
    Timestamp::from_second(seconds).map(utc).map_err(|_| Error::new("time out of range"))
}

/// A text in a layout; what does not fit is the zero time.
fn parsed(layout: &str, zone: &TimeZone, text: &str) -> Value {
    Value::Time(layout::parse(text, layout, zone).unwrap_or_else(layout::zero))
}

/// The number of digits tells the unit: days, seconds, milli-, micro-, nanoseconds.
fn from_digits(text: &str) -> Result<Value, Error> {
    let wrong = || Error::new("not a Unix time of 5, 10, 13, 16 or 19 digits");
    let number: i128 = text.parse().map_err(|_| wrong())?;
    let scale = match text.len() {
        5 => 86_400_000_000_000,
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return Err(wrong()),
    };
    Timestamp::from_nanosecond(number * scale).map(|time| Value::Time(utc(time))).map_err(|_| wrong())
}

fn epoch(run: &mut Run<'_>, args: &[Value], scale: i128) -> Result<Value, Error> {
    let Value::Time(time) = &args[0] else {
        return Err(Error::new(format!("wrong type for value; expected time.Time; got {}", args[0].kind())));
    };
    let number = time.timestamp().as_nanosecond().div_euclid(scale);
    run.text(number.to_string())
}

/// A method of a time.
pub(crate) fn method(run: &mut Run<'_>, time: &Zoned, name: &str, args: &[Value]) -> Result<Value, Error> {
    let nanos = time.timestamp().as_nanosecond();
    let number = |number: i128| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let value = match (name, args) {
        ("Format", [layout]) => return run.text(layout::format(time, &text(layout)?)),
        ("UTC", []) => Value::Time(time.with_time_zone(TimeZone::UTC)),
        ("Unix", []) => number(nanos.div_euclid(1_000_000_000)),
        ("UnixMilli", []) => number(nanos.div_euclid(1_000_000)),
        ("UnixMicro", []) => number(nanos.div_euclid(1_000)),
        ("UnixNano", []) => number(nanos),
        ("Year", []) => number(time.year().into()),
        ("Month", []) => Value::text(layout::month_name(time.month())),
        ("Day", []) => number(time.day().into()),
        ("YearDay", []) => number(time.day_of_year().into()),
        ("Hour", []) => number(time.hour().into()),
        ("Minute", []) => number(time.minute().into()),
        ("Second", []) => number(time.second().into()),
        ("Nanosecond", []) => number(time.subsec_nanosecond().into()),
        ("Weekday", []) => Value::text(layout::day_name(time.weekday())),
        _ => return Err(Error::new(format!("can't evaluate field {name} in type time.Time"))),
    };
    Ok(value)
}
