//! Cases and laws for carrying JSON.

use proptest::prelude::*;

use super::*;

#[test]
fn a_value_ends_where_its_brackets_close() {
    assert_eq!(value_len(r#"{"a":"}\"]"} rest"#, 8), Ok(12));
    assert_eq!(value_len("[{},[]]x", 2), Ok(7));
    assert_eq!(value_len("[{},[]]x", 1), Err(Defect::TooDeep));
    assert_eq!(value_len("[}", 8), Err(Defect::UnterminatedJson));
    assert_eq!(value_len(r#"["]"#, 8), Err(Defect::UnterminatedJson));
    assert_eq!(value_len(&"[".repeat(65), 1000), Err(Defect::TooDeep));
}

#[test]
fn line_breaks_leave_the_json_but_not_its_meaning() {
    let line = |text: &'static str| one_line(Cow::Borrowed(text)).into_owned();
    assert_eq!(line("{\r\n  \"a\": [1,\n  2]\n}"), r#"{ "a": [1, 2] }"#);
    assert_eq!(line("{\"a\":\"x\ny\u{2028}z\"}"), r#"{"a":"x\ny\u2028z"}"#);
    assert!(matches!(one_line(Cow::Borrowed("{\"a\":  1}")), Cow::Borrowed(_)));
}

proptest! {
    #[test]
    fn pretty_json_in_one_line_means_the_same(keys in prop::collection::btree_map("\\PC{0,6}|[\n\"\\\\{}]{0,4}", "\\PC{0,6}|[\n\t\"\\\\{}\u{2028}]{0,4}", 0..5)) {
        let pretty = serde_json::to_string_pretty(&keys).unwrap();
        let line = one_line(Cow::Owned(pretty));
        prop_assert!(!line.contains(is_break));
        prop_assert_eq!(value_len(&line, 2), Ok(line.len()));
        prop_assert_eq!(serde_json::from_str::<std::collections::BTreeMap<String, String>>(&line).unwrap(), keys);
    }

    #[test]
    fn members_agree_with_a_real_parser(members in prop::collection::btree_map("[a-z]{1,4}", "\\PC{0,6}|[\n\"\\\\{}]{0,4}", 0..5)) {
        let text = serde_json::to_string_pretty(&members).unwrap();
        let read: std::collections::BTreeMap<_, _> = Members::new(&text, 4).unwrap().map(|token| match token {
            Token::Field(name, raw) => (name.to_owned(), crate::scan::unescape(raw.as_str()).0.into_owned()),
            Token::Broken(defect) => (defect.name().to_owned(), String::new()),
        }).collect();
        prop_assert_eq!(read, members);
    }
}
