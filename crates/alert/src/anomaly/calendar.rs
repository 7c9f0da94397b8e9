//! Days that are like no other: holidays, promotions.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use logline::Timestamp;

/// Days that are not judged, in the zone they are days of.
#[derive(Clone, Debug, PartialEq)]
pub struct DaysOff {
    days: BTreeSet<Date>,
    zone: TimeZone,
}

impl Default for DaysOff {
    fn default() -> Self {
        Self { days: BTreeSet::new(), zone: TimeZone::UTC }
    }
}

impl DaysOff {
    /// These days in this zone.
    pub fn new(days: impl IntoIterator<Item = Date>, zone: TimeZone) -> Self {
        Self { days: days.into_iter().collect(), zone }
    }

    /// Whether a moment lies on a Saturday or a Sunday.
    pub fn is_weekend(&self, time: Timestamp) -> bool {
        use jiff::civil::Weekday;
        let weekday = self.zone.to_datetime(jiff::Timestamp::from(time)).weekday();
        matches!(weekday, Weekday::Saturday | Weekday::Sunday)
    }

    /// Whether any of a stretch of time lies on such a day.
    pub fn touches(&self, start: Timestamp, end: Timestamp) -> bool {
        if self.days.is_empty() {
            return false;
        }
        let day = |time: Timestamp| self.zone.to_datetime(jiff::Timestamp::from(time)).date();
        let last = day(end.before(Duration::from_nanos(1)).max(start));
        self.days.range(day(start)..=last).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_its_zone_says() {
        let moscow = TimeZone::fixed(jiff::tz::offset(3));
        let off = DaysOff::new(["2026-01-01".parse().unwrap()], moscow);
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().into();
        assert!(off.touches(at("2025-12-31T21:00:00Z"), at("2025-12-31T21:05:00Z")));
        assert!(!off.touches(at("2025-12-31T20:00:00Z"), at("2025-12-31T21:00:00Z")));
        assert!(off.touches(at("2025-12-31T20:00:00Z"), at("2025-12-31T21:05:00Z")));
        assert!(!off.touches(at("2026-01-01T21:00:00Z"), at("2026-01-01T22:00:00Z")));
    }
}
