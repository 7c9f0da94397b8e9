//! Cases for the text of labels.

use super::*;
use proptest::prelude::*;

#[test]
fn labels_are_sorted_and_empty_values_are_dropped() {
    let labels = Labels::parse(r#"{b="2",  a="1" , c=""}"#).unwrap();
    assert_eq!(labels.to_string(), r#"{a="1", b="2"}"#);
    assert_eq!(labels.get("b"), Some("2"));
    assert_eq!(labels.get("c"), None);
}

#[test]
fn a_broken_text_names_the_place() {
    let broken = |text| Labels::parse(text).unwrap_err().to_string();
    assert_eq!(broken(r#"a="1"}"#), "expected `{` at byte 0 of the labels");
    assert_eq!(broken(r#"{a="1" b="2"}"#), "expected `,` or `}` at byte 7 of the labels");
    assert_eq!(broken(r#"{a="1"#), "expected a closing quote at byte 5 of the labels");
    assert_eq!(broken(r#"{a="1", a="2"}"#), "duplicate label name `a`");
    assert_eq!(broken(r#"{a="1"} x"#), "expected the end at byte 8 of the labels");
}

proptest! {
    #[test]
    fn what_is_written_reads_back(pairs in prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,8}", "\\PC{1,12}|[\n\t\"\\\\]{1,4}", 0..5)) {
        let labels = Labels::new(pairs).unwrap();
        prop_assert_eq!(Labels::parse(&labels.to_string()).unwrap(), labels);
    }
}
