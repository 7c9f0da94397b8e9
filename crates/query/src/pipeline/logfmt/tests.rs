//! What counts as a pair.

use expect_test::{Expect, expect};

use super::Pairs;

fn check(line: &str, want: &Expect) {
    let pairs: Vec<_> = Pairs::of(line)
        .map(|pair| pair.map_or_else(|broken| format!("!{broken}"), |(key, value)| format!("{key}:{value}")))
        .collect();
    want.assert_eq(&pairs.join(" | "));
}

#[test]
fn pairs_are_words_with_an_equals_sign() {
    check("a=1 b=\"x y\"\tc", &expect!["a:1 | b:x y | c:"]);
    check("  a==1 b=2", &expect!["!unexpected `=` at byte 4 | b:2"]);
    check("=x a=1", &expect!["!unexpected `=` at byte 0 | a:1"]);
    check(
        r#"a="q\"\n" b="never ends"#,
        &expect![[r#"
        a:q"
         | !unterminated quoted value at byte 23"#]],
    );
    check("ключ=знач", &expect!["ключ:знач"]);
    check("", &expect![""]);
}
