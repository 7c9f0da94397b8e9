//! The rules of the pattern filter, one by one.

use logql::Expr;
use logql::ast::{Needle, Stage};

use super::matches;

fn check(pattern: &str, line: &str, want: bool) {
    let Ok(Expr::Log(log)) = logql::parse(&format!(r#"{{a="b"}} |> `{pattern}`"#)) else { panic!("no log query") };
    let Some(Stage::LineFilter(filter)) = log.stages.first() else { panic!("no line filter") };
    let Needle::Pattern(pattern) = &filter.needles[0] else { panic!("no pattern") };
    assert_eq!(matches(pattern.parts(), line), want, "`{}` on `{line}`", pattern.source());
}

#[test]
fn literals_stand_in_order_with_something_in_every_capture() {
    check("a<_>b", "axb", true);
    check("a<_>b", "ab", false);
    check("a<_>b", "xx a y b", true);
    check("a<_>b", "axb and more", false);
    check("<_>a", "xa", true);
    check("<_>a", "a", false);
    check("a<_>", "xax", true);
    check("a<_>", "xa", false);
    check("<_>", "x", true);
    check("<_>", "", false);
    check("", "", true);
    check("", "x", false);
    check("abc", "xabc", true);
    check("abc", "abcx", false);
    check("<_>ы<_>", "выы", true);
}
