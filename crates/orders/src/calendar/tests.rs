//! Working time over nights, weekends, holidays and a change to summer time, compared with a count minute by minute.

use proptest::prelude::*;

use super::*;
use crate::fixture::at;

fn calendar(text: &str) -> Calendar {
    let mut settings = Settings::parse(text, "TEST", []);
    let calendar = Calendar::read(&mut settings);
    settings.finish().unwrap();
    calendar.unwrap()
}

fn moscow() -> Calendar {
    calendar(
        "[calendar]\nzone = \"Europe/Moscow\"\nhours = [\"09:00-13:00\", \"14:00-18:00\"]\n\
         holidays = [\"2026-03-09\", \"2026-05-01..2026-05-03\"]\nworkdays = [\"2026-03-14\"]",
    )
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

#[test]
fn nights_weekends_and_holidays_do_not_count() {
    let calendar = moscow();
    let friday = at("2026-03-06T17:00:00+03:00");
    // The Monday is a holiday.
    assert_eq!(calendar.due(friday, hours(2)), at("2026-03-10T10:00:00+03:00"));
    assert_eq!(calendar.worked(friday, at("2026-03-10T10:00:00+03:00")), hours(2));
    assert_eq!(calendar.worked(friday, at("2026-03-09T23:00:00+03:00")), hours(1));
    // A span ends where work ends, not where it begins again.
    assert_eq!(calendar.due(friday, hours(1)), at("2026-03-06T18:00:00+03:00"));
    // The Saturday is a day of work.
    assert_eq!(calendar.due(at("2026-03-13T18:30:00+03:00"), hours(1)), at("2026-03-14T10:00:00+03:00"));
    assert_eq!(calendar.worked(at("2026-03-10T12:00:00+03:00"), at("2026-03-10T15:00:00+03:00")), hours(2));
}

#[test]
fn the_day_of_summer_time_has_an_hour_less_and_midnight_is_an_end() {
    let all_day = calendar("[calendar]\nzone = \"Europe/Berlin\"\ndays = [\"sun\"]\nhours = [\"00:00-24:00\"]");
    assert_eq!(all_day.worked(at("2026-03-28T00:00:00Z"), at("2026-03-31T00:00:00Z")), hours(23));
    assert_eq!(all_day.worked(at("2026-10-24T00:00:00Z"), at("2026-10-27T00:00:00Z")), hours(25));
}

#[test]
fn every_problem_of_a_calendar_is_told_with_its_line() {
    let text = "[calendar]\nzone = \"Mars\"\ndays = [\"mon\", \"moon\"]\nhours = [\"9-18\", \"09:00-12:00\", \"11:00-13:00\"]\nholidays = [\"2026-13-01\"]";
    let mut settings = Settings::parse(text, "TEST", []);
    Calendar::read(&mut settings);
    let told = settings.finish().unwrap_err().to_string();
    let want = [
        "line 2: `calendar.zone` is `Mars`, which is no time zone; write it like `Europe/Moscow`",
        "line 3: `calendar.days` has `moon`; want `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`",
        "line 4: `calendar.hours` has `9-18`; want hours such as `09:00-18:00`",
        "line 4: `calendar.hours` overlap each other",
        "line 5: `calendar.holidays` has `2026-13-01`; want a day such as `2026-01-01`, or `2026-01-01..2026-01-08`",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), want);
}

proptest! {
    /// The reference looks at every minute.
    #[test]
    fn working_time_is_what_counting_minutes_gives(from in 0_i64..60 * 24 * 90, minutes in 0_i64..60 * 24 * 12) {
        let calendar = moscow();
        let base = at("2026-02-01T00:00:00Z").0;
        let moment = |minute: i64| Timestamp(base + minute * 60_000_000_000);
        let open = |minute: &i64| {
            let zoned = jiff::Timestamp::from(moment(*minute)).to_zoned(calendar.hours().zone.clone());
            let at = i32::from(zoned.hour()) * 60 + i32::from(zoned.minute());
            let mut hours = calendar.hours().of(zoned.date());
            hours.any(|(from, to)| (from..to).contains(&at))
        };
        let counted = (from..from + minutes).filter(open).count() as u64;
        let worked = calendar.worked(moment(from), moment(from + minutes));
        prop_assert_eq!(worked, Duration::from_secs(counted * 60));
        let due = calendar.due(moment(from), worked);
        prop_assert!(due <= moment(from + minutes));
        prop_assert_eq!(calendar.worked(moment(from), due), worked);
    }
}
