//! Cases for the date-time of a line.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, want: &str) {
    let got = parse(text, &TimeZone::fixed(jiff::tz::offset(3)))
        .map(|time| format!("{}{}", jiff::Timestamp::from(time.at), if time.zoned { "" } else { " no zone" }));
    assert_eq!(got.as_deref().unwrap_or("none"), want, "{text}");
}

#[test]
fn rfc_3339_and_its_relatives_are_read() {
    check("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z");
    check("2026-03-01t12:00:00.123456789z", "2026-03-01T12:00:00.123456789Z");
    check("2026-03-01 12:00:00,5 +0330", "2026-03-01T08:30:00.5Z");
    check("2026-03-01T12:00:00.1234567891234-11:59", "2026-03-01T23:59:00.123456789Z");
    check("2026-03-01T12:00:00+03", "2026-03-01T09:00:00Z");
    check("2026-03-01 12:00:00.001 UTC", "2026-03-01T12:00:00.001Z");
    check("2024-02-29T23:59:60Z", "2024-02-29T23:59:59Z");
    check("2026-03-01T12:00:00", "2026-03-01T09:00:00Z no zone");
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "2026-03-01",
        "2026-03-01T12:00Z",
        "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T12:00:61Z",
        "2026-03-01T12:00:00.Z",
        "2026-03-01T12:00:00+3",
        "2026-03-01T12:00:00+24:00",
        "2026-03-01T12:00:00ZZ",
        "2026-03-01T12:00:00 MSK",
        "+026-03-01T12:00:00Z",
        "9999-03-01T12:00:00Z",
        "2026-03-01T12:00:0Ж",
        "2026/03/01 12:00:00",
    ] {
        check(text, "none");
    }
}

#[test]
fn an_epoch_tells_its_unit_by_its_size() {
    let read = |text| parse_epoch(text).map(|time| jiff::Timestamp::from(time.at).to_string());
    let want = Some("2026-03-01T12:00:00.5Z".to_owned());
    assert_eq!(read("1772366400.5"), want);
    assert_eq!(read("1772366400500"), want);
    assert_eq!(read("1772366400500000"), want);
    assert_eq!(read("1772366400500000000"), want);
    for text in ["0", "12", "-1772366400", "1772366400.", "1772366400.x", "1e9", "", "99999999999999999999"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn the_lines_own_time_is_believed_within_a_day() {
    const DAY: i64 = 86_400_000_000_000;
    let entry = Timestamp(1_772_366_400_000_000_000);
    let at = |by: i64| event_time(entry, Some(LineTime { at: Timestamp(entry.0 + by), zoned: false }));
    assert_eq!(at(DAY), Timestamp(entry.0 + DAY));
    assert_eq!(at(-DAY), Timestamp(entry.0 - DAY));
    assert_eq!(at(DAY + 1), entry);
    assert_eq!(at(-DAY - 1), entry);
    assert_eq!(event_time(entry, None), entry);
    assert_eq!(event_time(Timestamp::MAX, Some(LineTime { at: Timestamp::MIN, zoned: true })), Timestamp::MAX);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(at: i64, zoned: bool) {
        let time = LineTime { at: Timestamp(at), zoned };
        let mut text = String::new();
        write(&mut text, time);
        prop_assert_eq!(parse(&text, &TimeZone::UTC), Some(time), "{}", text);
    }
}
