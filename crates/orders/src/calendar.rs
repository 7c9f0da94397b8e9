//! Working time: when a workshop is open, by weekday, hours, holidays and time zone.
//!
//! The open stretches of half a century are laid out once; after that both questions (how much working time lies
//! between two moments, and when is a span of it over) are a binary search.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use logline::Timestamp;
use stdx::Settings;

/// The years that are laid out; outside of them every hour counts.
const YEARS: std::ops::RangeInclusive<i16> = 2010..=2059;

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// When work is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    hours: Hours,
    open: Arc<[Stretch]>,
}

/// What a calendar is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The zone the hours are meant in.
    pub zone: TimeZone,
    /// Days of the week on which work is done.
    pub weekdays: Vec<Weekday>,
    /// From when to when, on each of them, as minutes since midnight.
    pub hours: Vec<(i32, i32)>,
    /// Days on which no work is done.
    pub holidays: BTreeSet<Date>,
    /// Days on which work is done although their weekday says no.
    pub workdays: BTreeSet<Date>,
}

/// An open stretch, in nanoseconds since 1970, and how much working time lies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    start: i64,
    end: i64,
    before: i64,
}

impl Calendar {
    /// Lays out the open stretches.
    pub fn new(hours: Hours) -> Self {
        let mut open: Vec<Stretch> = Vec::new();
        let mut before = 0;
        let mut day = Date::new(*YEARS.start(), 1, 1).unwrap_or(Date::MIN);
        while day.year() <= *YEARS.end() {
            for (from, to) in hours.of(day) {
                let (Some(start), Some(end)) = (hours.moment(day, from), hours.moment(day, to)) else { continue };
                let start = open.last().map_or(start, |last| start.max(last.end));
                if start < end {
                    open.push(Stretch { start, end, before });
                    before += end - start;
                }
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Self { hours, open: open.into() }
    }

    /// What it is made of.
    pub const fn hours(&self) -> &Hours {
        &self.hours
    }

    /// How much working time lies between two moments; none if `to` is not after `from`.
    pub fn worked(&self, from: Timestamp, to: Timestamp) -> Duration {
        let (Some(first), Some(last)) = (self.open.first(), self.open.last()) else { return to.since(from) };
        if from.0 < first.start || last.end < to.0 {
            return to.since(from);
        }
        Duration::from_nanos(u64::try_from(self.passed(to.0) - self.passed(from.0)).unwrap_or(0))
    }

    /// When this much working time after `from` is over.
    pub fn due(&self, from: Timestamp, span: Duration) -> Timestamp {
        let wanted = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX).saturating_add(self.passed(from.0));
        let index = self.open.partition_point(|stretch| stretch.before < wanted).saturating_sub(1);
        match self.open.get(index) {
            Some(stretch) if self.open.first().is_some_and(|first| first.start <= from.0) => {
                let at = stretch.start.saturating_add(wanted - stretch.before);
                if at <= stretch.end { Timestamp(at.max(from.0)) } else { from.after(span) }
            }
            _ => from.after(span),
        }
    }

    /// Working time since the first stretch.
    fn passed(&self, at: i64) -> i64 {
        let index = self.open.partition_point(|stretch| stretch.start <= at);
        let stretch = index.checked_sub(1).and_then(|index| self.open.get(index));
        stretch.map_or(0, |stretch| stretch.before + at.min(stretch.end) - stretch.start)
    }

    /// Reads the table `calendar` of a document; what is wrong is reported to `settings`.
    pub(crate) fn read(settings: &mut Settings) -> Option<Self> {
        let zone: Option<String> =
            settings.optional("calendar.zone", "Time zone of the working hours, such as \"Europe/Moscow\".");
        let days: Option<Vec<String>> = settings
            .optional("calendar.days", "Days of the week on which work is done; Monday to Friday if not given.");
        let hours: Option<Vec<String>> =
            settings.optional("calendar.hours", "Hours of such a day, such as [\"09:00-13:00\", \"14:00-18:00\"].");
        let holidays: Option<Vec<String>> =
            settings.optional("calendar.holidays", "Days without work: \"2026-01-01\", or \"2026-01-01..2026-01-08\".");
        let workdays: Option<Vec<String>> =
            settings.optional("calendar.workdays", "Days with work although their weekday says no.");
        if zone.is_none() && days.is_none() && hours.is_none() && holidays.is_none() && workdays.is_none() {
            return None;
        }
        let name = zone.unwrap_or_else(|| "UTC".to_owned());
        let zone = TimeZone::get(&name).unwrap_or_else(|_| {
            settings
                .problem("calendar.zone", format!("is `{name}`, which is no time zone; write it like `Europe/Moscow`"));
            TimeZone::UTC
        });
        let weekdays = days.unwrap_or_else(|| WEEKDAYS.iter().take(5).map(|(name, _)| (*name).to_owned()).collect());
        let weekdays =
            each(settings, "calendar.days", &weekdays, weekday, "`mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`");
        let hours = hours.unwrap_or_else(|| vec!["09:00-18:00".to_owned()]);
        let mut hours = each(settings, "calendar.hours", &hours, stretch, "hours such as `09:00-18:00`");
        hours.sort_unstable();
        if hours.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            settings.problem("calendar.hours", "overlap each other");
        }
        let dates = "a day such as `2026-01-01`, or `2026-01-01..2026-01-08`";
        let holidays = each(settings, "calendar.holidays", &holidays.unwrap_or_default(), days_of, dates);
        let workdays = each(settings, "calendar.workdays", &workdays.unwrap_or_default(), days_of, dates);
        let (holidays, workdays) = (holidays.concat().into_iter().collect(), workdays.concat().into_iter().collect());
        if hours.is_empty() || weekdays.is_empty() {
            settings.problem("calendar", "has no hour of work");
            return None;
        }
        Some(Self::new(Hours { zone, weekdays, hours, holidays, workdays }))
    }
}

impl Hours {
    fn of(&self, day: Date) -> impl Iterator<Item = (i32, i32)> {
        let works = self.workdays.contains(&day) || self.weekdays.contains(&day.weekday());
        let open = works && !self.holidays.contains(&day);
        self.hours.iter().copied().filter(move |_| open)
    }

    /// A minute of a day, in nanoseconds since 1970.
    fn moment(&self, day: Date, minute: i32) -> Option<i64> {
        let (day, minute) = if minute == 24 * 60 { (day.tomorrow().ok()?, 0) } else { (day, minute) };
        let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
        let at = self.zone.to_timestamp(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?)).ok()?;
        i64::try_from(at.as_nanosecond()).ok()
    }
}

/// Reads each word of a list; those that cannot be read are reported.
fn each<T>(
    settings: &mut Settings,
    key: &str,
    words: &[String],
    read: impl Fn(&str) -> Option<T>,
    want: &str,
) -> Vec<T> {
    let mut good = Vec::new();
    for word in words {
        match read(word) {
            Some(value) => good.push(value),
            None => settings.problem(key, format!("has `{word}`; want {want}")),
        }
    }
    good
}

fn weekday(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, day)| *day)
}

fn stretch(word: &str) -> Option<(i32, i32)> {
    let minute = |text: &str| -> Option<i32> {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (i32, i32) = (hour.parse().ok()?, minute.parse().ok()?);
        let at = hour * 60 + minute;
        ((0..60).contains(&minute) && (0..=24 * 60).contains(&at)).then_some(at)
    };
    let (from, to) = word.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (from < to).then_some((from, to))
}

/// One day, or all days of `first..last`; at most a year.
fn days_of(word: &str) -> Option<Vec<Date>> {
    let (first, last) = word.split_once("..").unwrap_or((word, word));
    let (first, last): (Date, Date) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let days: Vec<Date> = first.series(jiff::Span::new().days(1)).take(366).take_while(|day| *day <= last).collect();
    (!days.is_empty()).then_some(days)
}

#[cfg(test)]
mod tests;
