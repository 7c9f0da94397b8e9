//! Queries laid out for people.

use expect_test::{Expect, expect};

use crate::parse;

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` reads better at the call than a reference to it")]
fn check(query: &str, want: Expect) {
    let expr = parse(query).unwrap();
    let pretty = expr.pretty();
    want.assert_eq(&pretty);
    assert_eq!(parse(&pretty).unwrap(), expr);
}

#[test]
fn a_short_query_stays_on_one_line() {
    check(r#"sum(rate({a="b"}[5m]))by(c)"#, expect![[r#"sum by (c) (rate({a="b"}[5m]))"#]]);
}

#[test]
fn a_long_pipeline_gets_a_line_a_stage() {
    check(
        r#"{app="shop", env="production"} |= "error" != "timeout" | json | status >= 500 and method = "POST" | line_format "{{.message}}""#,
        expect![[r#"
            {app="shop", env="production"}
              |= "error"
              != "timeout"
              | json
              | status>=500 and method="POST"
              | line_format "{{.message}}""#]],
    );
}

#[test]
fn a_long_metric_query_gets_a_line_an_argument() {
    check(
        r#"topk(10, sum by (service, endpoint) (quantile_over_time(0.99, {app="shop", env="production"} | logfmt --strict | unwrap duration(took) | __error__="" [5m] offset 1h) by (service)))"#,
        expect![[r#"
            topk(
              10,
              sum by (service, endpoint) (
                quantile_over_time(
                  0.99,
                  {app="shop", env="production"}
                    | logfmt --strict
                    | unwrap duration(took) | __error__="" [5m] offset 1h
                ) by (service)
              )
            )"#]],
    );
    check(
        r#"label_replace(sum(rate({app="shop", env="production"} |= "error" | json | status >= 500 [5m])), "short", "$1", "service", "(.*)-service")"#,
        expect![[r#"
            label_replace(
              sum(rate({app="shop", env="production"} |= "error" | json | status>=500 [5m])),
              "short",
              "$1",
              "service",
              "(.*)-service"
            )"#]],
    );
}

#[test]
fn a_long_operation_gets_its_operator_on_a_line() {
    check(
        r#"(sum(rate({app="shop", env="production"} |= "error" [5m])) + sum(rate({app="crm"}[5m]))) / on (service) group_left (team) sum(rate({app="shop"}[5m]))"#,
        expect![[r#"
            (
              sum(rate({app="shop", env="production"} |= "error" [5m])) + sum(rate({app="crm"}[5m]))
            )
            / on (service) group_left (team)
            sum(rate({app="shop"}[5m]))"#]],
    );
}
