//! What the scan filters by and what is left.

use expect_test::{Expect, expect};
use logql::Expr;

use super::split;

fn check(query: &str, want: &Expect) {
    let Ok(Expr::Log(log)) = logql::parse(query) else { panic!("no log query") };
    let split = split(&log.stages);
    let stages: Vec<_> = split.stages.iter().map(ToString::to_string).collect();
    want.assert_eq(&format!("{:?}\n{}", split.predicate, stages.join(" / ")));
}

#[test]
fn the_scan_takes_over_filters_that_see_the_line_as_it_is_stored() {
    check(
        r#"{a="b"} |= "x" | json | c="d" != "y" or "z""#,
        &expect![[r#"
        And([Column { name: "line", text: Contains("x") }, Not(Or([Column { name: "line", text: Contains("y") }, Column { name: "line", text: Contains("z") }]))])
        | json / | c="d""#]],
    );
    check(
        r#"{a="b"} | line_format "{{.x}}" |= "x""#,
        &expect![[r#"
        True
        | line_format "{{.x}}" / |= "x""#]],
    );
    check(
        r#"{a="b"} | decolorize | json |~ "x""#,
        &expect![[r#"
        Column { name: "line", text: Regex("x") }
        | decolorize / | json"#]],
    );
    check(
        r#"{a="b"} | decolorize | c="d" |= "x""#,
        &expect![[r#"
        True
        | decolorize / | c="d" / |= "x""#]],
    );
    check(
        r#"{a="b"} |= ip("10.0.0.1") |> "<_>x""#,
        &expect![[r#"
        True
        |= ip("10.0.0.1") / |> "<_>x""#]],
    );
}
