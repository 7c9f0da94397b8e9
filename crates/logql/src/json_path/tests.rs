//! Paths into JSON.

use expect_test::{Expect, expect};

use super::{key, parse};

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` reads better at the call than a reference to it")]
fn check(path: &str, want: Expect) {
    match parse(path) {
        Ok(steps) => want.assert_eq(&format!("{steps:?}")),
        Err(error) => want.assert_eq(&error),
    }
}

#[test]
fn a_path_is_fields_and_indices() {
    check("a", expect![[r#"[Field("a")]"#]]);
    check("a.b_1[0][\"c d\"].e", expect![[r#"[Field("a"), Field("b_1"), Index(0), Field("c d"), Field("e")]"#]]);
    check("[\"a\"][12]", expect![[r#"[Field("a"), Index(12)]"#]]);
    check(" a . b [ 0 ] ", expect![[r#"[Field("a"), Field("b"), Index(0)]"#]]);
    check("[0].a", expect![[r#"[Index(0), Field("a")]"#]]);
}

#[test]
fn broken_paths_are_refused() {
    check("", expect!["syntax error"]);
    check(".a", expect!["syntax error"]);
    check("a.", expect!["syntax error"]);
    check("a b", expect!["syntax error"]);
    check("a-b", expect!["unexpected char -"]);
    check("1a", expect!["syntax error"]);
    check("a[", expect!["syntax error"]);
    check("a[0", expect!["syntax error"]);
    check("a[1.5]", expect!["cannot use float as array index"]);
    check("a[b]", expect!["syntax error"]);
    check("a[\"b]", expect!["syntax error"]);
    check("a[99999999999999999999]", expect!["syntax error"]);
}

#[test]
fn a_logfmt_key_is_a_word_or_quoted() {
    assert_eq!(key("http.status").as_deref(), Ok("http.status"));
    assert_eq!(key("\"a-b\"").as_deref(), Ok("a-b"));
    assert_eq!(key("").unwrap_err(), "syntax error");
    assert_eq!(key("a b").unwrap_err(), "unexpected char  ");
    assert_eq!(key("a=b").unwrap_err(), "unexpected char =");
}
