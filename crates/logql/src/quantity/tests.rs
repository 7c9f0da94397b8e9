//! Durations and sizes in and out.

use super::{ByteCount, Nanos};

#[track_caller]
fn prometheus(text: &str, want: Result<i64, &str>) {
    assert_eq!(Nanos::parse_prometheus(text).map(|nanos| nanos.0), want.map_err(str::to_owned), "{text}");
}

#[track_caller]
fn go(text: &str, want: Option<i64>) {
    assert_eq!(Nanos::parse_go(text).map(|nanos| nanos.0), want, "{text}");
}

#[track_caller]
fn bytes(text: &str, want: Option<u64>) {
    assert_eq!(ByteCount::parse(text).map(|bytes| bytes.0), want, "{text}");
}

const S: i64 = 1_000_000_000;

#[test]
fn prometheus_takes_whole_numbers_in_falling_units() {
    prometheus("5m", Ok(300 * S));
    prometheus("1y2w3d4h5m6s7ms", Ok((((365 + 14 + 3) * 24 + 4) * 3600 + 5 * 60 + 6) * S + 7_000_000));
    prometheus("0", Ok(0));
    prometheus("0s", Ok(0));
    prometheus("", Err("empty duration string"));
    prometheus("5", Err("not a valid duration string: \"5\""));
    prometheus("m", Err("not a valid duration string: \"m\""));
    prometheus("1.5h", Err("unknown unit \".\" in duration \"1.5h\""));
    prometheus("1m1m", Err("not a valid duration string: \"1m1m\""));
    prometheus("1s1m", Err("not a valid duration string: \"1s1m\""));
    prometheus("-5m", Err("not a valid duration string: \"-5m\""));
    prometheus("5ns", Err("unknown unit \"ns\" in duration \"5ns\""));
    prometheus("292y365d", Err("duration out of range"));
    prometheus("99999999999999999999s", Err("not a valid duration string: \"99999999999999999999s\""));
}

#[test]
fn go_takes_fractions_and_signs() {
    go("1.5h", Some(5400 * S));
    go("-1m30.25s", Some(-90_250_000_000));
    go("+.5us", Some(500));
    go("1µs1μs1ns", Some(2_001));
    go("1s1h", Some(3601 * S));
    go("0", Some(0));
    go("5.s", Some(5 * S));
    go("0.1234567890123456789ms", Some(123_456));
    go("-9223372036854775808ns", Some(i64::MIN));
    go("9223372036854775808ns", None);
    for broken in ["", "-", "5", "s", ".s", "1d", "1 s", "5m3", "1e3s"] {
        go(broken, None);
    }
}

#[test]
fn sizes_are_decimal_unless_they_have_an_i() {
    bytes("5", Some(5));
    bytes("5B", Some(5));
    bytes("1.5kB", Some(1_500));
    bytes("2KiB", Some(2_048));
    bytes("2 mib", Some(2 << 20));
    bytes("1,000 k", Some(1_000_000));
    bytes("3Gi", Some(3 << 30));
    bytes("1pb", Some(1_000_000_000_000_000));
    bytes("15EiB", Some(15 << 60));
    for broken in ["", "B", "1x", "1ib", "i", "16EiB", "1.2.3", "-1"] {
        bytes(broken, None);
    }
}

#[test]
fn durations_print_in_the_fewest_units() {
    let printed = |ns: i64| Nanos(ns).to_string();
    assert_eq!(printed(0), "0s");
    assert_eq!(printed(300 * S), "5m");
    assert_eq!(printed(86_400 * S), "1d");
    assert_eq!(printed(7 * 86_400 * S), "1w");
    assert_eq!(printed(8 * 86_400 * S), "8d");
    assert_eq!(printed(365 * 86_400 * S), "1y");
    assert_eq!(printed(90 * S + 1_000_000), "1m30s1ms");
    assert_eq!(printed(25 * 3600 * S + 1), "25h1ns");
    assert_eq!(printed(-25 * 3600 * S), "-25h");
    assert_eq!(ByteCount(1_536).to_string(), "1536B");
}
