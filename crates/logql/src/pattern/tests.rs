//! Patterns to parts.

use expect_test::{Expect, expect};

use super::{Pattern, PatternPart};

/// Literals in quotes, captures in angles.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` reads better at the call than a reference to it")]
fn check(pattern: &Pattern, want: Expect) {
    let parts = pattern.parts().iter().map(|part| match part {
        PatternPart::Literal(text) => format!("{text:?}"),
        PatternPart::Capture(Some(name)) => format!("<{name}>"),
        PatternPart::Capture(None) => "<>".to_owned(),
    });
    want.assert_eq(&parts.collect::<Vec<_>>().join(" "));
}

#[test]
fn a_pattern_is_text_with_captures() {
    check(&Pattern::extracting("<ip> - <_> [<when>]").unwrap(), expect![[r#"<ip> " - " <> " [" <when> "]""#]]);
    check(
        &Pattern::extracting("<a_1><_x <9> <> < a> <b> é").unwrap(),
        expect![[r#"<a_1> "<_x <9> <> < a> " <b> " é""#]],
    );
    check(&Pattern::matching("<_> took <_>ms").unwrap(), expect![[r#"<> " took " <> "ms""#]]);
    check(&Pattern::matching("").unwrap(), expect![]);
    check(&Pattern::matching("<").unwrap(), expect![[r#""<""#]]);
}

#[test]
fn names_are_those_of_the_captures() {
    let pattern = Pattern::extracting("<a> <_> <b>").unwrap();
    assert_eq!(pattern.names().collect::<Vec<_>>(), ["a", "b"]);
}
