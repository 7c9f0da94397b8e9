//! Stretches of time that come again: `time_intervals` of Alertmanager, in their own time zone.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Deserialize;

/// A named list of stretches; a time is in it when it is in one of them.
#[derive(Clone, Debug)]
pub(crate) struct TimeInterval {
    /// What routes call it.
    pub(super) name: String,
    stretches: Vec<Stretch>,
}

/// Every field that is given must fit.
#[derive(Clone, Debug)]
struct Stretch {
    /// Minutes of the day: from the first one to before the last one.
    times: Vec<(i32, i32)>,
    weekdays: Vec<(i32, i32)>,
    days: Vec<(i32, i32)>,
    months: Vec<(i32, i32)>,
    years: Vec<(i32, i32)>,
    zone: TimeZone,
}

/// As it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    #[serde(default)]
    time_intervals: Vec<WrittenStretch>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStretch {
    #[serde(default)]
    times: Vec<WrittenTimes>,
    #[serde(default)]
    weekdays: Vec<Text>,
    #[serde(default)]
    days_of_month: Vec<Text>,
    #[serde(default)]
    months: Vec<Text>,
    #[serde(default)]
    years: Vec<Text>,
    #[serde(default)]
    location: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTimes {
    start_time: String,
    end_time: String,
}

/// A number is as good as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Number(i64),
    Text(String),
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl TimeInterval {
    pub(super) fn read(written: Written) -> Result<Self, String> {
        let named = |problem: String| format!("time interval `{}`: {problem}", written.name);
        let stretches = written.time_intervals.iter().map(Stretch::read).collect::<Result<_, _>>();
        Ok(Self { stretches: stretches.map_err(named)?, name: written.name })
    }

    /// Whether a time lies in it.
    pub(super) fn contains(&self, time: Timestamp) -> bool {
        self.stretches.iter().any(|stretch| stretch.contains(&time.to_zoned(stretch.zone.clone())))
    }
}

impl Stretch {
    fn read(written: &WrittenStretch) -> Result<Self, String> {
        let zone = match written.location.as_deref() {
            None => TimeZone::UTC,
            Some("Local") => TimeZone::system(),
            Some(name) => {
                TimeZone::get(name).map_err(|_| format!("`{name}` is no time zone; write it like `Europe/Moscow`"))?
            }
        };
        let times = written.times.iter().map(|times| {
            let (start, end) = (minute(&times.start_time)?, minute(&times.end_time)?);
            let wrong = || format!("`{}` is not before `{}`; split it at midnight", times.start_time, times.end_time);
            if start < end { Ok((start, end)) } else { Err(wrong()) }
        });
        Ok(Self {
            times: times.collect::<Result<_, _>>()?,
            weekdays: ranges(&written.weekdays, |text| word(text, &WEEKDAYS), 0..=6)?,
            days: ranges(&written.days_of_month, number, -31..=31)?,
            months: ranges(
                &written.months,
                |text| word(text, &MONTHS).map(|month| month + 1).or(number(text)),
                1..=12,
            )?,
            years: ranges(&written.years, number, 1970..=9999)?,
            zone,
        })
    }

    fn contains(&self, at: &Zoned) -> bool {
        let minute = i32::from(at.hour()) * 60 + i32::from(at.minute());
        let within = |ranges: &[(i32, i32)], value: i32| {
            ranges.is_empty() || ranges.iter().any(|(first, last)| (*first..=*last).contains(&value))
        };
        let weekday = match at.weekday() {
            Weekday::Sunday => 0,
            day => i32::from(day.to_monday_one_offset()),
        };
        (self.times.is_empty() || self.times.iter().any(|(start, end)| (*start..*end).contains(&minute)))
            && self.is_day(at)
            && within(&self.months, i32::from(at.month()))
            && within(&self.weekdays, weekday)
            && within(&self.years, i32::from(at.year()))
    }

    /// Negative days are counted from the end of the month: -1 is its last day.
    fn is_day(&self, at: &Zoned) -> bool {
        let length = i32::from(at.days_in_month());
        let real = |day: i32| if day < 0 { length + day + 1 } else { day };
        let fits =
            |(first, last): &(i32, i32)| (real(*first).max(1)..=real(*last).min(length)).contains(&i32::from(at.day()));
        self.days.is_empty() || self.days.iter().any(fits)
    }
}

/// `09:30` in minutes; `24:00` is the end of the day.
fn minute(text: &str) -> Result<i32, String> {
    let wrong = || format!("`{text}` is no time of day; write it like `09:30`");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<i32>().ok())?;
    let (hour, minute) = (two(hour).ok_or_else(wrong)?, two(minute).ok_or_else(wrong)?);
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) || (hour, minute) == (24, 0);
    if fits { Ok(hour * 60 + minute) } else { Err(wrong()) }
}

/// `a:b`, or one value; both inclusive.
fn ranges(
    written: &[Text],
    value: impl Fn(&str) -> Option<i32>,
    limits: std::ops::RangeInclusive<i32>,
) -> Result<Vec<(i32, i32)>, String> {
    let range = |text: &Text| {
        let text = match text {
            Text::Number(number) => number.to_string(),
            Text::Text(text) => text.to_lowercase(),
        };
        let (first, last) = text.split_once(':').unwrap_or((&text, &text));
        let (first, last) = (value(first.trim())?, value(last.trim())?);
        let fits = limits.contains(&first) && limits.contains(&last) && (first <= last || (first > 0 && last < 0));
        Some((first, last)).filter(|_| fits).filter(|_| first != 0 || limits.contains(&0) && *limits.start() == 0)
    };
    let shown = |text: &Text| match text {
        Text::Number(number) => number.to_string(),
        Text::Text(text) => text.clone(),
    };
    let read = |text: &Text| {
        range(text).ok_or_else(|| format!("`{}` is no range, such as `monday:friday` or `1:7`", shown(text)))
    };
    written.iter().map(read).collect()
}

fn word(text: &str, words: &[&str]) -> Option<i32> {
    words.iter().position(|word| *word == text).and_then(|index| i32::try_from(index).ok())
}

fn number(text: &str) -> Option<i32> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(yaml: &str) -> Result<TimeInterval, String> {
        let text = format!("name: x\ntime_intervals: [{{{yaml}}}]");
        TimeInterval::read(serde_yaml_ng::from_str(&text).map_err(|error| error.to_string())?)
    }

    fn within(yaml: &str, time: &str) -> bool {
        interval(yaml).unwrap().contains(time.parse().unwrap())
    }

    #[test]
    fn a_time_is_within_when_every_field_fits() {
        // 2026-08-03 is a Monday.
        let office =
            "times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday'], location: Europe/Moscow";
        assert!(within(office, "2026-08-03T06:00:00Z"));
        assert!(!within(office, "2026-08-03T05:59:59Z"));
        assert!(!within(office, "2026-08-03T14:00:00Z"));
        assert!(!within(office, "2026-08-02T10:00:00Z"));
        assert!(within("weekdays: [saturday, Sunday]", "2026-08-02T10:00:00Z"));
        assert!(within("times: [{start_time: '23:00', end_time: '24:00'}]", "2026-08-02T23:59:59Z"));
        assert!(within("", "2026-08-02T23:59:59Z"));
    }

    #[test]
    fn days_are_counted_from_the_end_too_and_months_have_names() {
        assert!(within("days_of_month: ['-3:-1']", "2026-02-26T00:00:00Z"));
        assert!(!within("days_of_month: ['-3:-1']", "2026-02-25T00:00:00Z"));
        assert!(within("days_of_month: ['1:5', '31']", "2026-01-31T00:00:00Z"));
        assert!(!within("days_of_month: ['31']", "2026-02-28T00:00:00Z"));
        assert!(within("days_of_month: ['15:-1']", "2026-02-28T00:00:00Z"));
        assert!(within("months: ['january:march', 5]", "2026-05-31T00:00:00Z"));
        assert!(!within("months: ['january:march', 5]", "2026-04-30T00:00:00Z"));
        assert!(within("years: ['2025:2026']", "2026-04-30T00:00:00Z"));
        assert!(!within("years: [2027]", "2026-04-30T00:00:00Z"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (yaml, part) in [
            ("times: [{start_time: '17:00', end_time: '09:00'}]", "17:00"),
            ("times: [{start_time: '9:00', end_time: '10:00'}]", "9:00"),
            ("weekdays: ['someday']", "someday"),
            ("weekdays: ['friday:monday']", "friday:monday"),
            ("months: ['13']", "13"),
            ("days_of_month: ['0']", "`0`"),
            ("location: 'Moscow'", "Moscow"),
        ] {
            let error = interval(yaml).unwrap_err();
            assert!(error.contains(part), "{yaml}: {error}");
        }
    }
}
