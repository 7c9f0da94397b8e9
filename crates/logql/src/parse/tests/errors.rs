//! What Loki says about broken queries, and where.

use expect_test::expect;

use super::check;

#[test]
fn selectors() {
    check("", expect!["parse error : syntax error: unexpected $end"]);
    check("{", expect!["parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }"]);
    check("{a", expect!["parse error at line 1, col 3: syntax error: unexpected $end, expecting = or =~ or !~ or !="]);
    check("{a}", expect!["parse error at line 1, col 3: syntax error: unexpected }, expecting = or =~ or !~ or !="]);
    check("{a=b}", expect!["parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"]);
    check(r#"{a="b""#, expect!["parse error at line 1, col 7: syntax error: unexpected $end, expecting } or ,"]);
    check(r#"{a="b",}"#, expect!["parse error at line 1, col 8: syntax error: unexpected }, expecting IDENTIFIER"]);
    check(
        r#"{a="b" c="d"}"#,
        expect!["parse error at line 1, col 8: syntax error: unexpected IDENTIFIER, expecting } or ,"],
    );
    check(r#"{a="b"} foo"#, expect!["parse error at line 1, col 9: syntax error: unexpected IDENTIFIER"]);
    check(
        r#"{a=="b"}"#,
        expect!["parse error at line 0, col 3: syntax error: unexpected ==, expecting = or =~ or !~ or !="],
    );
    check(
        r#"{json="b"}"#,
        expect!["parse error at line 1, col 2: syntax error: unexpected json, expecting IDENTIFIER or }"],
    );
    check(r#"{a=~"(b"}"#, expect!["parse error : error parsing regexp: missing closing ): `(b`"]);
    check("foo", expect!["parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"]);
    check("rate", expect!["parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"]);
}

#[test]
fn lines_and_columns_are_those_of_the_token_at_fault() {
    check("{a=\"b\"}\n  | json\n  foo", expect![[r#"{a="b"} | json foo"#]]);
    check("{a=\"привет\"} foo", expect!["parse error at line 1, col 14: syntax error: unexpected IDENTIFIER"]);
    check("{a=\"b\"} |\n", expect!["parse error at line 2, col 1: syntax error: unexpected $end"]);
    check(r#"{a="b"} | x >= >= 1"#, expect!["parse error at line 0, col 16: syntax error: unexpected >="]);
    check(r#"{a="b"} [5m]"#, expect!["parse error at line 0, col 9: syntax error: unexpected RANGE"]);
}

#[test]
fn strings_numbers_and_ranges() {
    check(r#"{a="b}"#, expect!["parse error at line 1, col 4: literal not terminated"]);
    check("{a=`b}", expect!["parse error at line 1, col 4: literal not terminated"]);
    check("{a=\"b\nc\"}", expect!["parse error at line 1, col 4: literal not terminated"]);
    check(r#"{a="\q"}"#, expect!["parse error at line 1, col 4: invalid char escape"]);
    check(r#"{a="\xff"}"#, expect!["parse error at line 1, col 4: invalid UTF-8 rune"]);
    check(r#"{a='b'}"#, expect!["parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"]);
    check(r#"{a='bc'}"#, expect!["parse error at line 1, col 4: illegal char literal"]);
    check(r#"rate({a="b"}[5m)"#, expect!["parse error at line 0, col 13: missing closing ']' in duration"]);
    check(r#"rate({a="b"}[5])"#, expect![[r#"parse error at line 0, col 13: not a valid duration string: "5""#]]);
    check(r#"rate({a="b"}[])"#, expect!["parse error at line 0, col 13: empty duration string"]);
    check(
        r#"rate({a="b"}[5m:1m])"#,
        expect![[r#"parse error at line 0, col 13: unknown unit "m:" in duration "5m:1m""#]],
    );
    check(r#"rate({a="b"}[1m5h])"#, expect![[r#"parse error at line 0, col 13: not a valid duration string: "1m5h""#]]);
    check(r#"rate({a="b"}[300y])"#, expect!["parse error at line 0, col 13: duration out of range"]);
    check(
        "0x1A",
        expect![[
            r#"parse error : unable to parse literal as a float: strconv.ParseFloat: parsing "0x1A": invalid syntax"#
        ]],
    );
    check(
        "1e999",
        expect![[
            r#"parse error : unable to parse literal as a float: strconv.ParseFloat: parsing "1e999": value out of range"#
        ]],
    );
    check("1e", expect!["parse error at line 1, col 1: exponent has no digits"]);
    check(
        "1_000",
        expect![[
            r#"parse error : unable to parse literal as a float: strconv.ParseFloat: parsing "1_000": invalid syntax"#
        ]],
    );
    check(
        "vector(0x1A)",
        expect![[
            r#"parse error : unable to parse vectorExpr as a float: strconv.ParseFloat: parsing "0x1A": invalid syntax"#
        ]],
    );
    check("1 /* x", expect!["parse error at line 1, col 3: comment not terminated"]);
}

#[test]
fn stages() {
    check(r#"{a="b"} |"#, expect!["parse error at line 1, col 10: syntax error: unexpected $end"]);
    check(
        r#"{a="b"} |= foo"#,
        expect!["parse error at line 1, col 12: syntax error: unexpected IDENTIFIER, expecting STRING or ip"],
    );
    check(
        r#"{a="b"} |= "x" or 5"#,
        expect!["parse error at line 1, col 19: syntax error: unexpected NUMBER, expecting STRING or ip"],
    );
    check(r#"{a="b"} |= "x" "y""#, expect!["parse error at line 1, col 16: syntax error: unexpected STRING"]);
    check(
        r#"{a="b"} |~ "(x""#,
        expect![[r#"parse error : stage '|~ "(x"' : error parsing regexp: missing closing ): `(x`"#]],
    );
    check(r#"{a="b"} |> "<x>""#, expect![[r#"parse error : stage '|> "<x>"' : named captures are not allowed"#]]);
    check(r#"{a="b"} |= ip("x")"#, expect![[r#"parse error : stage '|= ip("x")' : ip: invalid pattern: "x""#]]);
    check(r#"{a="b"} |~ ip("::1")"#, expect![[r#"parse error : stage '|~ ip("::1")' : ip: invalid operation"#]]);
    check(r#"{a="b"} | unwrap x"#, expect!["parse error at line 1, col 11: syntax error: unexpected unwrap"]);
    check(r#"{a="b"} | distinct x"#, expect!["parse error at line 1, col 20: syntax error: unexpected IDENTIFIER"]);
    check(r#"{a="b"} | json x="a["#, expect!["parse error at line 1, col 18: literal not terminated"]);
    check(r#"{a="b"} | json x="a[""#, expect!["parse error : cannot parse expression [a[]: syntax error"]);
    check(
        r#"{a="b"} | json x=5"#,
        expect!["parse error at line 1, col 18: syntax error: unexpected NUMBER, expecting STRING"],
    );
    check(
        r#"{a="b"} | json x,"#,
        expect!["parse error at line 1, col 18: syntax error: unexpected $end, expecting IDENTIFIER"],
    );
    check(
        r#"{a="b"} | logfmt --loose"#,
        expect!["parse error at line 1, col 20: syntax error: unexpected IDENTIFIER, expecting NUMBER"],
    );
}

#[test]
fn stages_with_patterns_and_formats() {
    check(
        r#"{a="b"} | regexp "x""#,
        expect!["parse error : invalid regexp parser: at least one named capture must be supplied"],
    );
    check(
        r#"{a="b"} | regexp "(?P<x>""#,
        expect!["parse error : invalid regexp parser: error parsing regexp: missing closing ): `(?P<x>`"],
    );
    check(
        r#"{a="b"} | pattern "<_>""#,
        expect!["parse error : invalid pattern parser: at least one capture is required"],
    );
    check(
        r#"{a="b"} | pattern "<x><y>""#,
        expect!["parse error : invalid pattern parser: found consecutive capture: invalid expression"],
    );
    check(
        r#"{a="b"} | pattern "<x> <x>""#,
        expect!["parse error : invalid pattern parser: duplicate capture name (x): invalid expression"],
    );
    check(
        r#"{a="b"} | line_format x"#,
        expect!["parse error at line 1, col 23: syntax error: unexpected IDENTIFIER, expecting STRING"],
    );
    check(
        r#"{a="b"} | label_format x"#,
        expect!["parse error at line 1, col 25: syntax error: unexpected $end, expecting ="],
    );
    check(
        r#"{a="b"} | label_format x=5"#,
        expect!["parse error at line 1, col 26: syntax error: unexpected NUMBER, expecting IDENTIFIER or STRING"],
    );
    check(
        r#"{a="b"} | label_format x=y,x="z""#,
        expect![[
            r#"parse error : stage '| label_format x=y, x="z"' : multiple label name 'x' not allowed in a single format operation"#
        ]],
    );
    check(
        r#"{a="b"} | label_format __error__=y"#,
        expect!["parse error : stage '| label_format __error__=y' : __error__ cannot be formatted"],
    );
    check(
        r#"{a="b"} | drop"#,
        expect!["parse error at line 1, col 15: syntax error: unexpected $end, expecting IDENTIFIER"],
    );
    check(
        r#"{a="b"} | keep x="#,
        expect!["parse error at line 1, col 18: syntax error: unexpected $end, expecting STRING"],
    );
}

#[test]
fn label_filters() {
    check(r#"{a="b"} | x"#, expect!["parse error at line 1, col 12: syntax error: unexpected $end"]);
    check(r#"{a="b"} | x="#, expect!["parse error at line 1, col 13: syntax error: unexpected $end"]);
    check(r#"{a="b"} | x=="y""#, expect!["parse error at line 1, col 14: syntax error: unexpected STRING"]);
    check(r#"{a="b"} | x>"y""#, expect!["parse error at line 1, col 13: syntax error: unexpected STRING"]);
    check(
        r#"{a="b"} | x=~5"#,
        expect!["parse error at line 1, col 14: syntax error: unexpected NUMBER, expecting STRING"],
    );
    check(
        r#"{a="b"} | x>-y"#,
        expect!["parse error at line 1, col 14: syntax error: unexpected IDENTIFIER, expecting NUMBER"],
    );
    check(r#"{a="b"} | (x=1"#, expect!["parse error at line 1, col 15: syntax error: unexpected $end"]);
    check(
        r#"{a="b"} | x=1 and"#,
        expect!["parse error at line 1, col 18: syntax error: unexpected $end, expecting IDENTIFIER or ("],
    );
    check(r#"{a="b"} | x=1 unless y=2"#, expect!["parse error at line 1, col 22: syntax error: unexpected IDENTIFIER"]);
    check(r#"{a="b"} | x=ip("y")"#, expect![[r#"parse error : stage '| x=ip("y")' : ip: invalid pattern: "y""#]]);
    check(r#"{a="b"} | x=1EB"#, expect!["parse error at line 1, col 13: exponent has no digits"]);
}

#[test]
fn range_aggregations() {
    check("rate()", expect!["parse error at line 1, col 6: syntax error: unexpected ), expecting NUMBER or { or ("]);
    check(r#"rate({a="b"})"#, expect!["parse error at line 1, col 13: syntax error: unexpected )"]);
    check(r#"rate({a="b"}[5m]"#, expect!["parse error at line 1, col 17: syntax error: unexpected $end, expecting )"]);
    check(
        r#"rate(({a="b"} | json))"#,
        expect!["parse error at line 1, col 22: syntax error: unexpected ), expecting RANGE"],
    );
    check(
        r#"rate(({a="b"} | unwrap x |= "y"))"#,
        expect!["parse error at line 0, col 26: syntax error: unexpected |=, expecting RANGE or ) or |"],
    );
    check(
        r#"rate({a="b"} | unwrap x)"#,
        expect!["parse error at line 1, col 24: syntax error: unexpected ), expecting RANGE or |"],
    );
    check(
        r#"rate({a="b"} | unwrap x | json [5m])"#,
        expect!["parse error at line 1, col 27: syntax error: unexpected json, expecting IDENTIFIER or ("],
    );
    check(
        r#"rate({a="b"} | unwrap 5 [5m])"#,
        expect![
            "parse error at line 1, col 23: syntax error: unexpected NUMBER, expecting IDENTIFIER or BYTES_CONV or DURATION_CONV or DURATION_SECONDS_CONV"
        ],
    );
    check(
        r#"rate({a="b"}[5m] offset 5)"#,
        expect!["parse error at line 1, col 25: syntax error: unexpected NUMBER, expecting DURATION"],
    );
    check(
        r#"rate({a="b"}[5m] @ 5)"#,
        expect!["parse error at line 1, col 18: syntax error: unexpected IDENTIFIER, expecting )"],
    );
    check(r#"rate(5, {a="b"}[5m])"#, expect!["parse error : parameter 5 not supported for operation rate"]);
    check(r#"rate({a="b"}[5m]) by (x)"#, expect!["parse error : grouping not allowed for rate aggregation"]);
    check(
        r#"bytes_rate({a="b"} | unwrap x [5m])"#,
        expect!["parse error : invalid aggregation bytes_rate with unwrap"],
    );
    check(r#"sum_over_time({a="b"}[5m])"#, expect!["parse error : invalid aggregation sum_over_time without unwrap"]);
    check(
        r#"quantile_over_time({a="b"} | unwrap x [5m])"#,
        expect!["parse error : parameter required for operation quantile_over_time"],
    );
    check(
        r#"quantile_over_time(0x1, {a="b"} | unwrap x [5m])"#,
        expect![[
            r#"parse error : invalid parameter for operation quantile_over_time: strconv.ParseFloat: parsing "0x1": invalid syntax"#
        ]],
    );
    check(
        r#"quantile_over_time(-1, {a="b"} | unwrap x [5m])"#,
        expect!["parse error at line 1, col 20: syntax error: unexpected -, expecting NUMBER or { or ("],
    );
}

#[test]
fn vector_aggregations() {
    check(r#"sum({a="b"})"#, expect!["parse error at line 1, col 12: syntax error: unexpected )"]);
    check("sum()", expect!["parse error at line 1, col 5: syntax error: unexpected )"]);
    check("sum(vector(1)", expect!["parse error at line 1, col 14: syntax error: unexpected $end"]);
    check("sum by x (vector(1))", expect!["parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"]);
    check(
        "sum by (x y) (vector(1))",
        expect!["parse error at line 1, col 11: syntax error: unexpected IDENTIFIER, expecting , or )"],
    );
    check(
        "sum by (x,) (vector(1))",
        expect!["parse error at line 1, col 11: syntax error: unexpected ), expecting IDENTIFIER"],
    );
    check(
        "sum by (5) (vector(1))",
        expect!["parse error at line 1, col 9: syntax error: unexpected NUMBER, expecting IDENTIFIER or )"],
    );
    check("sum by (x) (vector(1)) by (y)", expect!["parse error at line 1, col 24: syntax error: unexpected by"]);
    check("sum(2, vector(1))", expect!["parse error : unsupported parameter for operation sum(2,"]);
    check("topk(vector(1))", expect!["parse error : parameter required for operation topk"]);
    check("topk(0, vector(1))", expect!["parse error : invalid parameter (must be greater than 0) topk(0"]);
    check("topk(1.5, vector(1))", expect!["parse error : invalid parameter topk(1.5,"]);
    check("topk(-1, vector(1))", expect!["parse error at line 1, col 8: syntax error: unexpected ,"]);
    check("sort by (x) (vector(1))", expect!["parse error : sort and sort_desc doesn't allow grouping by "]);
    check(
        "approx_topk(5, vector(1)) by (x)",
        expect!["parse error : grouping not allowed for approx_topk aggregation"],
    );
    check("group(vector(1))", expect!["parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"]);
}

#[test]
fn functions_and_operators() {
    check("vector()", expect!["parse error at line 1, col 8: syntax error: unexpected ), expecting NUMBER"]);
    check("vector(-1)", expect!["parse error at line 1, col 8: syntax error: unexpected -, expecting NUMBER"]);
    check("1 +", expect!["parse error at line 1, col 4: syntax error: unexpected $end"]);
    check("1 + )", expect!["parse error at line 1, col 5: syntax error: unexpected )"]);
    check("(1", expect!["parse error at line 1, col 3: syntax error: unexpected $end"]);
    check(
        "1 or vector(1)",
        expect!["parse error : unexpected literal for left leg of logical/set binary operation (or): 1.000000"],
    );
    check(
        "vector(1) and (2 + 3)",
        expect!["parse error : unexpected literal for right leg of logical/set binary operation (and): 5.000000"],
    );
    check(
        r#"{a="b"} + 1"#,
        expect!["parse error : unexpected type for left leg of binary operation (+): *syntax.MatchersExpr"],
    );
    check(
        r#"1 + ({a="b"} | json)"#,
        expect!["parse error : unexpected type for right leg of binary operation (+): *syntax.PipelineExpr"],
    );
    check(
        "vector(1) + on x vector(1)",
        expect!["parse error at line 1, col 16: syntax error: unexpected IDENTIFIER, expecting ("],
    );
    check(
        "vector(1) + group_left vector(1)",
        expect!["parse error at line 1, col 13: syntax error: unexpected group_left"],
    );
    check(
        "vector(1) + on () group_left (vector(1))",
        expect!["parse error at line 1, col 31: syntax error: unexpected VECTOR, expecting IDENTIFIER or )"],
    );
    check(
        r#"label_replace(vector(1) "a", "b", "c", "d")"#,
        expect!["parse error at line 1, col 25: syntax error: unexpected STRING"],
    );
    check(
        r#"label_replace(vector(1), "a", "b", "c")"#,
        expect!["parse error at line 1, col 39: syntax error: unexpected ), expecting ,"],
    );
    check(
        r#"label_replace(vector(1), "a", "b", "c", "(")"#,
        expect!["parse error : invalid regex in label_replace: error parsing regexp: missing closing ): `(`"],
    );
}
