//! Objects, their labels, and what breaks them.

use std::borrow::Cow;

use expect_test::{Expect, expect};
use logline::Labels;

use super::JsonFields;
use crate::pipeline::{Row, Stage, Wanted};

fn check(line: &str, wanted: Wanted, want: &Expect) {
    let stream = Labels::default();
    let mut row = Row { line: Cow::Borrowed(line), ..Row::new(&stream, 0) };
    assert!(JsonFields::new(wanted).apply(&mut row));
    let labels: Vec<_> = row.labels.iter().map(|(name, value, _)| format!("{name}={value}")).collect();
    want.assert_eq(&labels.join(" "));
}

#[test]
fn only_what_is_wanted_is_extracted_and_reading_stops_there() {
    let line = r#"{"a":{"b":"1","c":"2"},"d":"3", broken"#;
    check(line, Wanted::only(["a_b".to_owned()]), &expect!["a_b=1"]);
    check(line, Wanted::only(["d".to_owned(), "a_c".to_owned()]), &expect!["a_c=2 d=3"]);
    check(
        line,
        Wanted::only(["e".to_owned()]),
        &expect!["__error__=JSONParserErr __error_details__=expected a string at byte 32"],
    );
    check(line, Wanted::only([]), &expect![""]);
}

#[test]
fn arrays_and_nulls_are_skipped_whatever_is_in_them() {
    check(
        r#"{"a":[{"b":[1,"]"]},[]],"c":null,"d":{},"e":-1.5e3,"f":false}"#,
        Wanted::All,
        &expect!["e=-1.5e3 f=false"],
    );
}

#[test]
fn hostile_lines_end_in_an_error() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    check(&deep, Wanted::All, &expect!["__error__=JSONParserErr __error_details__=nested too deep at byte 645"]);
    let array = format!(r#"{{"a":{}"#, "[".repeat(100_000));
    check(&array, Wanted::All, &expect!["__error__=JSONParserErr __error_details__=unexpected end at byte 100005"]);
    check(r#"{"a":"\ud83d\ude00\ud83d x","b":"\q"}"#, Wanted::All, &expect!["a=😀  x b="]);
    check(
        r#"{"a":tru}"#,
        Wanted::All,
        &expect!["__error__=JSONParserErr __error_details__=expected a value at byte 5"],
    );
    check(r#"{"#, Wanted::All, &expect!["__error__=JSONParserErr __error_details__=expected a string at byte 1"]);
}
