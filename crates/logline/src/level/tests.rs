//! Cases for levels.

use super::*;

#[track_caller]
fn check(line: &str, want: Level) {
    assert_eq!(level_of(line, &[]), want, "{line}");
}

#[test]
fn a_house_line_is_info_unless_it_failed_or_says_otherwise() {
    check("[2026-03-01T12:00:00Z][REQ][GET /errors] a=error", Level::Info);
    check("[2026-03-01T12:00:00Z][RESP][GET /] http_status=500", Level::Error);
    check("[2026-03-01T12:00:00Z][RESP][GET /] http_status=404", Level::Info);
    check("[2026-03-01T12:00:00Z][RESP][GET /] error=\"x\" level=warn", Level::Warn);
    check("[2026-03-01T12:00:00Z][RESP][GET /] error=", Level::Info);
    check(r#"[2026-03-01T12:00:00Z][RESP][GET /] body={"a":" level=fatal http_status=500 "}"#, Level::Info);
}

#[test]
fn a_field_named_like_a_level_states_it() {
    check(r#"{"msg":"an error","level":"info"}"#, Level::Info);
    check(r#"{"msg":"an error","Severity":"WARNING"}"#, Level::Warn);
    check(r#"{"level":60}"#, Level::Fatal);
    check(r#"{"@l":"Critical"}"#, Level::Critical);
    check("ts=1 lvl=dbg msg=\"fatal\"", Level::Debug);
    check(r#"{"body":{"level":"fatal"},"error":null}"#, Level::Fatal);
    check("level=odd msg=\"WARN again\"", Level::Warn);
}

#[test]
fn metadata_goes_before_the_line() {
    let metadata = |name: &str, value: &str| level_of("ERROR", &[(name.to_owned(), value.to_owned())]);
    assert_eq!(metadata("level", "debug"), Level::Debug);
    assert_eq!(metadata("severity_number", "13"), Level::Warn);
    assert_eq!(metadata("severity_number", "0"), Level::Error);
    assert_eq!(metadata("other", "debug"), Level::Error);
}

#[test]
fn the_first_word_that_is_a_level_counts() {
    check("2026-03-01 12:00:00 [main] WARN  c.e.Shop - error ahead", Level::Warn);
    check("connection error", Level::Error);
    check("INFO:root:started", Level::Info);
    check("Ошибка: ERROR", Level::Error);
    check("[Critical] disk", Level::Critical);
    check("FATAL", Level::Fatal);
    check("trace of a request", Level::Unknown);
    check("TRACE of a request", Level::Trace);
    check("errors informally terror error_count ErRor", Level::Unknown);
    check("request error=0 done", Level::Unknown);
    check("", Level::Unknown);
    check("ЖERROR", Level::Unknown);
}

#[test]
fn every_word_reads_back() {
    for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Critical, Level::Fatal] {
        assert_eq!(Level::parse(level.as_str()), level);
        assert_eq!(Level::parse(&level.as_str().to_uppercase()), level);
    }
    assert_eq!(Level::parse("unknown"), Level::Unknown);
    assert_eq!(Level::parse("a very long word that is no level"), Level::Unknown);
}
