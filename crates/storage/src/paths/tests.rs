//! Names on disk.

use super::*;

#[test]
fn days_are_calendar_dates_in_utc() {
    let check = |day: i64, text: &str| assert_eq!(day_text(day), text);
    check(0, "1970-01-01");
    check(-1, "1969-12-31");
    check(11_016, "2000-02-29");
    check(20_779, "2026-11-22");
    check(Timestamp::MIN.day(), "1677-09-21");
    check(Timestamp::MAX.day(), "2262-04-11");
}

#[test]
fn times_keep_their_microseconds() {
    assert_eq!(time_text(0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(time_text(-1), "1969-12-31T23:59:59.999999Z");
    assert_eq!(time_text(1_795_305_600_123_456), "2026-11-22T00:00:00.123456Z");
}

#[test]
fn names_are_read_back() {
    assert_eq!(parse_segment(&segment(42)), Some(42));
    assert_eq!(parse_segment("42.wal"), None);
    let name = FileName { position: 7, index: 3, node: "eu-west-1".to_owned() };
    assert_eq!(FileName::parse(&name.to_string()), Some(name));
    assert_eq!(FileName::parse("part-00000-abc.snappy.parquet"), None);
}

#[test]
fn a_tenant_with_unusual_characters_gets_a_folder_of_its_own() {
    let folder = |name: &str| tenant_folder(&Tenant::new(name).unwrap());
    assert_eq!(folder("fake"), "tenant=fake");
    assert_eq!(folder("a*b'(c)!"), "tenant=a%2Ab%27(c)!");
}

#[test]
fn nobody_else_gets_into_a_folder_that_was_made() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("data/tables/logs");
    create_folder(&folder).unwrap();
    for made in folder.ancestors().take(3) {
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", made.display());
    }
}
