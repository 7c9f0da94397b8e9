//! Queries in, the same queries as the parser understood them out; for broken ones the error.

mod errors;
mod limits;
mod roundtrip;

use expect_test::{Expect, expect};

use crate::{parse, parse_selector};

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` reads better at the call than a reference to it")]
fn check(query: &str, expect: Expect) {
    let read = match parse(query) {
        Ok(expr) => expr.to_string(),
        Err(error) => error.to_string(),
    };
    expect.assert_eq(&read);
}

/// Both texts mean the same query.
#[track_caller]
fn same(left: &str, right: &str) {
    assert_eq!(parse(left).unwrap(), parse(right).unwrap(), "{left}   {right}");
}

#[test]
fn a_selector_has_four_kinds_of_matchers() {
    check(
        r#"{app = "shop",env!="test" , pod=~"a.*|b", host!~`x\d`}"#,
        expect![[r#"{app="shop", env!="test", pod=~"a.*|b", host!~"x\\d"}"#]],
    );
    check("{}", expect!["{}"]);
    check(r#"({app="shop"})"#, expect![[r#"{app="shop"}"#]]);
    check(r#"{app="sh\"op\\\n\u00e9\x41\101"}"#, expect![[r#"{app="sh\"op\\\néAA"}"#]]);
    check("{app=`sh\"op`}", expect![[r#"{app="sh\"op"}"#]]);
}

#[test]
fn a_bare_selector_can_be_read_alone() {
    let matchers = parse_selector(r#"{app="shop", env!=""}"#).unwrap();
    assert_eq!(matchers.iter().map(ToString::to_string).collect::<Vec<_>>(), [r#"app="shop""#, r#"env!="""#]);
    assert_eq!(parse_selector("{}").unwrap(), []);
    assert_eq!(
        parse_selector(r#"{app="shop"} |= "x""#).unwrap_err().to_string(),
        "parse error : only label matchers are supported"
    );
    assert!(parse_selector("vector(1)").is_err());
}

#[test]
fn line_filters_chain_and_offer_alternatives() {
    check(
        r#"{a="b"} |= "x" != "y" |~ "z.*" !~ `w\d` |> "<_> took <_>" !> "a <_>""#,
        expect![[r#"{a="b"} |= "x" != "y" |~ "z.*" !~ "w\\d" |> "<_> took <_>" !> "a <_>""#]],
    );
    check(
        r#"{a="b"}|="x" or "y" or "z"!="u" or "v"|~"p" or "q""#,
        expect![[r#"{a="b"} |= "x" or "y" or "z" != "u" or "v" |~ "p" or "q""#]],
    );
    check(
        r#"{a="b"} |= ip("10.0.0.0/8") or "x" or ip("::1") != ip("1.1.1.1-1.1.1.9")"#,
        expect![[r#"{a="b"} |= ip("10.0.0.0/8") or "x" or ip("::1") != ip("1.1.1.1-1.1.1.9")"#]],
    );
    check(r#"{a="b"} |= """#, expect![[r#"{a="b"} |= """#]]);
}

#[test]
fn parsers_take_fields_and_flags() {
    check(
        r#"{a="b"} | json | logfmt | unpack | decolorize"#,
        expect![[r#"{a="b"} | json | logfmt | unpack | decolorize"#]],
    );
    check(
        r#"{a="b"} | json x, y="a.b[0][\"c d\"].e", z="[\"k\"]""#,
        expect![[r#"{a="b"} | json x, y="a.b[0][\"c d\"].e", z="[\"k\"]""#]],
    );
    check(
        r#"{a="b"} | logfmt --keep-empty --strict x, y="http.status""#,
        expect![[r#"{a="b"} | logfmt --strict --keep-empty x, y="http.status""#]],
    );
    check(r#"{a="b"} | logfmt --strict | logfmt x"#, expect![[r#"{a="b"} | logfmt --strict | logfmt x"#]]);
    check(
        r#"{a="b"} | regexp "(?P<code>\\d+) (\\w+)" | pattern `<ip> - <_> "<method>`"#,
        expect![[r#"{a="b"} | regexp "(?P<code>\\d+) (\\w+)" | pattern "<ip> - <_> \"<method>""#]],
    );
}

#[test]
fn label_filters_are_typed() {
    check(r#"{a="b"} | x="y" | x!="y" | x=~"y" | x!~"y""#, expect![[r#"{a="b"} | x="y" | x!="y" | x=~"y" | x!~"y""#]]);
    check(
        r#"{a="b"} | x=1 | x==1 | x!=-1.5 | x>1e3 | x>=+2 | x<.5 | x<=0x1p4"#,
        expect![[r#"{a="b"} | x==1 | x==1 | x!=-1.5 | x>1000 | x>=2 | x<0.5 | x<=16"#]],
    );
    check(
        r#"{a="b"} | x>1s | x>=1h30m | x<1.5s | x<=7d | x==-3ms | x!=2us"#,
        expect![[r#"{a="b"} | x>1s | x>=1h30m | x<1s500ms | x<=1w | x==-3ms | x!=2us"#]],
    );
    check(
        r#"{a="b"} | x>1B | x>=5KB | x<1.5MiB | x<=2G | x==3PB | x!=1kB"#,
        expect![[r#"{a="b"} | x>1B | x>=5000B | x<1572864B | x<=2000000000B | x==3000000000000000B | x!=1000B"#]],
    );
    check(
        r#"{a="b"} | x=ip("10.0.0.1") | x!=ip("::/64")"#,
        expect![[r#"{a="b"} | x=ip("10.0.0.1") | x!=ip("::/64")"#]],
    );
}

#[test]
fn in_label_filters_and_binds_tighter_than_or_and_a_comma_takes_all_that_follows() {
    check(r#"{a="b"} | x=1 or y=2 and z=3"#, expect![[r#"{a="b"} | x==1 or (y==2 and z==3)"#]]);
    check(r#"{a="b"} | x=1 and y=2 or z=3 and w=4"#, expect![[r#"{a="b"} | (x==1 and y==2) or (z==3 and w==4)"#]]);
    check(r#"{a="b"} | (x=1 or y=2) and z=3"#, expect![[r#"{a="b"} | (x==1 or y==2) and z==3"#]]);
    check(r#"{a="b"} | x=1, y=2 z=3"#, expect![[r#"{a="b"} | x==1 and y==2 and z==3"#]]);
    check(r#"{a="b"} | x=1 y=2, z=3 or w=4"#, expect![[r#"{a="b"} | x==1 and y==2 and (z==3 or w==4)"#]]);
    check(r#"{a="b"} | x=1 or y=2, z=3"#, expect![[r#"{a="b"} | x==1 or (y==2 and z==3)"#]]);
    check(
        r#"{a="b"} | x=1 or y=2, z=3 or w=4 v=5"#,
        expect![[r#"{a="b"} | x==1 or (y==2 and (z==3 or (w==4 and v==5)))"#]],
    );
    check(r#"{a="b"} | x=1 and y=2, z=3 or w=4"#, expect![[r#"{a="b"} | x==1 and y==2 and (z==3 or w==4)"#]]);
    check(r#"{a="b"} | ((x=1) and (y=2 and z=3))"#, expect![[r#"{a="b"} | x==1 and y==2 and z==3"#]]);
}

#[test]
fn formats_rename_and_fill_templates() {
    check(
        r#"{a="b"} | line_format "{{.x}} \"q\"" | label_format x=y, z="{{.w}}""#,
        expect![[r#"{a="b"} | line_format "{{.x}} \"q\"" | label_format x=y, z="{{.w}}""#]],
    );
    check(
        r#"{a="b"} | drop x, y="z", w=~"v.*" | keep x, y!="z", w!~"v""#,
        expect![[r#"{a="b"} | drop x, y="z", w=~"v.*" | keep x, y!="z", w!~"v""#]],
    );
}

#[test]
fn every_range_function_is_known() {
    for op in ["count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time"] {
        let query = format!(r#"{op}({{a="b"}}[5m])"#);
        assert_eq!(parse(&query).unwrap().to_string(), query);
    }
    for op in ["rate", "rate_counter", "sum_over_time", "avg_over_time", "min_over_time", "max_over_time"] {
        let query = format!(r#"{op}({{a="b"}} | unwrap x [5m])"#);
        assert_eq!(parse(&query).unwrap().to_string(), query);
    }
    for op in ["stddev_over_time", "stdvar_over_time", "first_over_time", "last_over_time", "max_over_time"] {
        let query = format!(r#"{op}({{a="b"}} | unwrap x [5m]) without (y)"#);
        assert_eq!(parse(&query).unwrap().to_string(), query);
    }
    check(
        r#"quantile_over_time(.99,{a="b"}|unwrap duration(x)|__error__=""[5m])by(y,z)"#,
        expect![[r#"quantile_over_time(0.99, {a="b"} | unwrap duration(x) | __error__="" [5m]) by (y, z)"#]],
    );
}

#[test]
fn a_range_may_stand_anywhere_and_in_parentheses() {
    let plain = r#"rate({a="b"}[5m])"#;
    for query in [r#"rate(({a="b"})[5m])"#, r#"rate(({a="b"}[5m]))"#, r#"rate((({a="b"}[5m])))"#] {
        same(plain, query);
    }
    let stages = r#"rate({a="b"} |= "x" | json [5m] offset 1h)"#;
    for query in [
        r#"rate({a="b"}[5m] offset 1h |= "x" | json)"#,
        r#"rate(({a="b"} |= "x" | json)[5m] offset 1h)"#,
        r#"rate(({a="b"} |= "x" | json [5m] offset 1h))"#,
    ] {
        same(stages, query);
    }
    let unwrap = r#"sum_over_time({a="b"} | unwrap x | y>1 [5m] offset -1h)"#;
    for query in [
        r#"sum_over_time({a="b"}[5m] offset -1h | unwrap x | y>1)"#,
        r#"sum_over_time(({a="b"})[5m] offset -1h | unwrap x | y>1)"#,
        r#"sum_over_time(({a="b"} | unwrap x | y>1)[5m] offset -1h)"#,
        r#"sum_over_time(({a="b"}[5m] offset -1h | unwrap x | y>1))"#,
    ] {
        same(unwrap, query);
    }
    same(r#"rate({a="b"} | json | unwrap x [5m])"#, r#"rate({a="b"}[5m] | json | unwrap x)"#);
    check(
        r#"sum_over_time({a="b"} | unwrap bytes(x) | y="1" | z>2 [1d12h] offset 90s)"#,
        expect![[r#"sum_over_time({a="b"} | unwrap bytes(x) | y="1" | z>2 [1d12h] offset 1m30s)"#]],
    );
    check(
        r#"sum_over_time({a="b"} | unwrap duration_seconds(x) [1w])"#,
        expect![[r#"sum_over_time({a="b"} | unwrap duration(x) [1w])"#]],
    );
}

#[test]
fn vector_functions_group_before_or_after() {
    check(r#"sum(rate({a="b"}[5m])) by (x, y)"#, expect![[r#"sum by (x, y) (rate({a="b"}[5m]))"#]]);
    check(r#"topk by (x) (3, rate({a="b"}[5m]))"#, expect![[r#"topk by (x) (3, rate({a="b"}[5m]))"#]]);
    check(r#"bottomk(3, rate({a="b"}[5m])) without ()"#, expect![[r#"bottomk without () (3, rate({a="b"}[5m]))"#]]);
    check(r#"approx_topk(10, count(rate({a="b"}[5m])))"#, expect![[r#"approx_topk(10, count(rate({a="b"}[5m])))"#]]);
    check(
        r#"sort_desc(avg(min(max(stddev(stdvar(sort(rate({a="b"}[5m])))))))) "#,
        expect![[r#"sort_desc(avg(min(max(stddev(stdvar(sort(rate({a="b"}[5m]))))))))"#]],
    );
    check(r#"sort by () (vector(1))"#, expect!["sort by () (vector(1))"]);
}

#[test]
fn functions_of_metrics() {
    check(
        r#"label_replace(rate({a="b"}[5m]), "dst", "$1", "src", "(.*):.*")"#,
        expect![[r#"label_replace(rate({a="b"}[5m]), "dst", "$1", "src", "(.*):.*")"#]],
    );
    check("vector(1)+vector(1)", expect!["vector(1) + vector(1)"]);
    check("vector(0.5)", expect!["vector(0.5)"]);
    check("- 1.5", expect!["-1.5"]);
    check("+0x1.8p1", expect!["3"]);
}

#[test]
fn operators_bind_as_in_promql() {
    same("1 + 2 * 3", "1 + (2 * 3)");
    same("1 * 2 + 3", "(1 * 2) + 3");
    same("1 - 2 - 3", "(1 - 2) - 3");
    same("2 ^ 3 ^ 4", "2 ^ (3 ^ 4)");
    same("1 > 2 + 3", "1 > (2 + 3)");
    same("vector(1) or vector(2) and vector(3)", "vector(1) or (vector(2) and vector(3))");
    same("vector(1) unless vector(2) and vector(3)", "(vector(1) unless vector(2)) and vector(3)");
    same("vector(1) and vector(2) > 3", "vector(1) and (vector(2) > 3)");
    same("- 1 ^ 2", "(-1) ^ 2");
    same("1 -1", "1 - 1");
    check("(1 + 2) * 3 - (4 - 5) ^ (6 ^ 7) ^ 8", expect!["(1 + 2) * 3 - (4 - 5) ^ (6 ^ 7) ^ 8"]);
    check("(2 ^ 3) ^ 4 / (5 % (6 / 7))", expect!["(2 ^ 3) ^ 4 / (5 % (6 / 7))"]);
    check("1 - -1", expect!["1 - -1"]);
}

#[test]
fn operators_take_modifiers() {
    check("vector(1) > bool vector(2)", expect!["vector(1) > bool vector(2)"]);
    check("vector(1) / on (a,b) group_left (c) vector(2)", expect!["vector(1) / on (a, b) group_left (c) vector(2)"]);
    check("vector(1) * ignoring() group_right vector(2)", expect!["vector(1) * ignoring () group_right () vector(2)"]);
    check(
        "vector(1) == bool on (a) group_right () vector(2)",
        expect!["vector(1) == bool on (a) group_right () vector(2)"],
    );
}

#[test]
fn words_are_case_insensitive_and_functions_only_before_arguments() {
    same(r#"SUM BY (x) (RATE({a="b"} | JSON | Unwrap y [5m] OFFSET 1m)) OR Vector(1)"#, {
        r#"sum by (x) (rate({a="b"} | json | unwrap y [5m] offset 1m)) or vector(1)"#
    });
    check(
        r#"{rate="x", sum="y"} | bytes>1 | duration>2s | ip="z" | count=1"#,
        expect![[r#"{rate="x", sum="y"} | bytes>1 | duration>2s | ip="z" | count==1"#]],
    );
    check(r#"sum without(vector) (rate({a="b"}[5m]))"#, expect![[r#"sum without (vector) (rate({a="b"}[5m]))"#]]);
    check(
        r#"sum by (sum, rate) (rate({a="b"} | unwrap bytes [5m]))"#,
        expect![[r#"sum by (sum, rate) (rate({a="b"} | unwrap bytes [5m]))"#]],
    );
    check(
        r#"sum_over_time({a="b"} | unwrap bytes (bytes) [5m])"#,
        expect![[r#"sum_over_time({a="b"} | unwrap bytes(bytes) [5m])"#]],
    );
}

#[test]
fn comments_and_blanks_are_skipped() {
    check(
        "# what\n{a=\"b\"} # why\n  // how\n |= \"# no // comment\" /* where\n */ | json",
        expect![[r##"{a="b"} |= "# no // comment" | json"##]],
    );
    check("\u{feff}{a=\"b\"}\r\n\t", expect![[r#"{a="b"}"#]]);
}

#[test]
fn spans_say_where_a_node_stands() {
    let text = r#"sum(rate({a="b"} | x > 5 [5m])) > 1"#;
    let crate::Expr::Metric(crate::MetricExpr::Binary(binary)) = parse(text).unwrap() else { unreachable!() };
    let crate::MetricExpr::Vector(sum) = &binary.left else { unreachable!() };
    let crate::MetricExpr::Range(rate) = &sum.expr else { unreachable!() };
    let log = &rate.range.log;
    let part = |span: crate::Span| text.get(span.start..span.end).unwrap();
    assert_eq!(part(binary.span), text);
    assert_eq!(part(sum.span), "sum(rate({a=\"b\"} | x > 5 [5m]))");
    assert_eq!(part(rate.span), "rate({a=\"b\"} | x > 5 [5m])");
    assert_eq!(part(rate.range.span), "{a=\"b\"} | x > 5 [5m]");
    assert_eq!(part(log.span), "{a=\"b\"} | x > 5");
    assert_eq!(part(log.selector.matchers[0].span), "a=\"b\"");
}
