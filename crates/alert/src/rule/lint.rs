//! What is well formed and yet probably not meant.

use std::collections::BTreeSet;

use logql::Expr;
use logql::ast::MetricExpr;

use super::{Group, Kind, Role, Rule};

/// A remark about a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lint {
    /// The group.
    pub group: String,
    /// The rule.
    pub rule: String,
    /// What is odd, and what to do about it.
    pub text: String,
}

/// Remarks about the rules of a file; none means that nothing looks odd.
pub fn lint(groups: &[Group]) -> Vec<Lint> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for group in groups {
        let mut say = |rule: &Rule, text: String| {
            found.push(Lint { group: group.name.clone(), rule: rule.name.clone(), text });
        };
        if group.rules.is_empty() {
            found.push(Lint {
                group: group.name.clone(),
                rule: String::new(),
                text: "the group has no rules".to_owned(),
            });
            continue;
        }
        for rule in &group.rules {
            if !names.insert(format!("{}/{}", group.name, rule.key())) {
                say(
                    rule,
                    "another rule of this group has the same name and labels; their alerts cannot be told apart"
                        .to_owned(),
                );
            }
            of_rule(group, rule, &mut |text| say(rule, text));
        }
    }
    found
}

fn of_rule(group: &Group, rule: &Rule, say: &mut dyn FnMut(String)) {
    if rule.role == Role::Alert {
        if !["summary", "description"].iter().any(|name| rule.annotations.contains_key(*name)) {
            say("has neither `summary` nor `description`: its messages say nothing but labels".to_owned());
        }
        if !rule.labels.contains_key("severity") {
            say("has no label `severity`, by which alerts are usually routed".to_owned());
        }
        for (name, text) in &rule.labels {
            if text.source.contains("$value") || text.source.contains(".Value") {
                say(format!(
                    "label `{name}` holds the value: each new value is a new alert, and none ever fires with `for`"
                ));
            }
        }
        if !rule.wait.is_zero() && rule.wait < group.interval {
            say(format!(
                "`for: {}` is shorter than the interval {} of its group and acts as one interval",
                super::Span(rule.wait),
                super::Span(group.interval)
            ));
        }
    }
    if let Kind::Logql(text) = &rule.kind
        && let Ok(Expr::Metric(expr)) = logql::parse(text)
    {
        of_expression(group, rule, &expr, say);
    }
}

fn of_expression(group: &Group, rule: &Rule, expr: &MetricExpr, say: &mut dyn FnMut(String)) {
    if rule.role == Role::Alert && !can_be_empty(expr) {
        say("compares nothing, so it fires as long as there are lines at all; add `> 0` or a threshold".to_owned());
    }
    let mut ranges = Vec::new();
    windows(expr, &mut ranges);
    for range in ranges {
        let nanos = i64::try_from(group.interval.as_nanos()).unwrap_or(i64::MAX);
        if range < nanos {
            let length = super::Span(std::time::Duration::from_nanos(u64::try_from(range).unwrap_or(0)));
            say(format!(
                "looks at {length} every {}: what comes in between is never seen",
                super::Span(group.interval)
            ));
        }
    }
}

/// Whether an expression has a comparison, an `absent_over_time` or something else that leaves series out.
fn can_be_empty(expr: &MetricExpr) -> bool {
    match expr {
        MetricExpr::Binary(binary) => {
            let compares = binary.op.comparison().is_some() && !binary.return_bool;
            compares || binary.op.is_set() || can_be_empty(&binary.left) || can_be_empty(&binary.right)
        }
        MetricExpr::Vector(vector) => can_be_empty(&vector.expr),
        MetricExpr::LabelReplace(replace) => can_be_empty(&replace.expr),
        MetricExpr::Range(range) => {
            range.op == logql::ast::RangeOp::AbsentOverTime || !range.range.log.stages.is_empty()
        }
        MetricExpr::Constant(_) | MetricExpr::Number(_) => false,
    }
}

fn windows(expr: &MetricExpr, found: &mut Vec<i64>) {
    match expr {
        MetricExpr::Binary(binary) => {
            windows(&binary.left, found);
            windows(&binary.right, found);
        }
        MetricExpr::Vector(vector) => windows(&vector.expr, found),
        MetricExpr::LabelReplace(replace) => windows(&replace.expr, found),
        MetricExpr::Range(range) => found.push(range.range.range.0),
        MetricExpr::Constant(_) | MetricExpr::Number(_) => {}
    }
}
