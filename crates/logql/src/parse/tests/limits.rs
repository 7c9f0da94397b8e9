//! Hostile queries: long, deep, costly.

use crate::{MAX_DEPTH, MAX_LENGTH, parse};

#[track_caller]
fn too_deep(query: &str) {
    let message = parse(query).unwrap_err().message().to_owned();
    assert_eq!(message, "expression nests too deeply (more than 256 levels)");
}

#[test]
fn a_query_of_the_longest_length_is_read_and_a_longer_one_is_refused() {
    let query = |length: usize| format!("{{a=\"{}\"}}", "x".repeat(length - 6));
    assert!(parse(&query(MAX_LENGTH - 1)).is_ok());
    assert_eq!(
        parse(&query(MAX_LENGTH)).unwrap_err().to_string(),
        "parse error : input size too long (131072 > 131072)"
    );
}

#[test]
fn parentheses_nest_as_deep_as_allowed_and_no_deeper() {
    let query = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&query(MAX_DEPTH - 1)).is_ok());
    too_deep(&query(MAX_DEPTH));
    too_deep(&"(".repeat(100_000));
    too_deep(&format!("rate({}", "(".repeat(100_000)));
    too_deep(&format!("{{a=\"b\"}} | {}", "(".repeat(100_000)));
    too_deep(&"sum(".repeat(30_000));
    too_deep(&"label_replace(".repeat(9_000));
}

#[test]
fn operators_build_trees_as_deep_as_allowed_and_no_deeper() {
    let chain = |op: &str, terms: usize| vec!["1"; terms].join(op);
    for op in ["+", "^", ">"] {
        assert!(parse(&chain(op, MAX_DEPTH)).is_ok());
        too_deep(&chain(op, MAX_DEPTH + 1));
        too_deep(&chain(op, 50_000));
    }
    // Half the height on each of two levels: allowed side by side, not one on top of the other.
    let half = format!("({})", chain("+", MAX_DEPTH / 2 + 2));
    assert!(parse(&format!("1 + {half}")).is_ok());
    too_deep(&format!("{half}{}", "+1".repeat(MAX_DEPTH / 2)));
}

#[test]
fn label_filters_may_be_long_but_not_deep() {
    for glue in [" and ", " or ", ", ", " "] {
        let query = format!("{{a=\"b\"}} | {}", vec!["x=1"; 16_000].join(glue));
        assert!(parse(&query).is_ok(), "{glue}");
    }
    let nested = |times: usize| format!("{{a=\"b\"}} | {}z=1", "x=1 or y=1, ".repeat(times));
    assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
    too_deep(&nested(MAX_DEPTH + 1));
    too_deep(&nested(10_000));
}

#[test]
fn many_stages_and_needles_are_no_depth() {
    assert!(parse(&format!("{{a=\"b\"}}{}", " |= \"x\"".repeat(15_000))).is_ok());
    assert!(parse(&format!("{{a=\"b\"}} |= \"x\"{}", " or \"x\"".repeat(14_000))).is_ok());
}

#[test]
fn a_regex_that_would_not_fit_in_memory_is_an_error() {
    let message = |regex: &str| parse(&format!("{{a=~`{regex}`}}")).unwrap_err().message().to_owned();
    assert_eq!(
        message(r"((\pL{1000}){1000}){1000}"),
        r"error parsing regexp: expression too large: `((\pL{1000}){1000}){1000}`"
    );
    assert_eq!(message(&"(".repeat(100_000)).len(), "error parsing regexp: missing closing ): ``".len() + 100_000);
    let deep = format!("{}x{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(message(&deep).starts_with("error parsing regexp: expression nests too deeply: `"));
}

#[test]
fn many_large_regexes_are_refused_together() {
    let query = |times: usize| format!("{{a=\"b\"}}{}", r" |~ `\pL{50}`".repeat(times));
    assert!(parse(&query(2)).is_ok());
    let message = parse(&query(5_000)).unwrap_err().to_string();
    assert!(message.ends_with("regular expressions of the query are too large together"), "{message}");
}
