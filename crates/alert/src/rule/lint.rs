//! What is well formed and yet probably not meant.

use std::collections::BTreeSet;

use logql::Expr;
use logql::ast::{Binary, BinaryOp, MetricExpr};
use orders::{Graph, Graphs};

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
    /// Whether the status graphs say so.
    pub by_graphs: bool,
}

/// Remarks about the rules of a file, for objects with these graphs; none means that nothing looks odd.
pub fn lint(groups: &[Group], graphs: &Graphs) -> Vec<Lint> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for group in groups {
        let mut say = |rule: &str, text: String, by_graphs: bool| {
            found.push(Lint { group: group.name.clone(), rule: rule.to_owned(), text, by_graphs });
        };
        if group.rules.is_empty() {
            say("", "the group has no rules".to_owned(), false);
            continue;
        }
        for rule in &group.rules {
            if !names.insert(format!("{}/{}", group.name, rule.key())) {
                let same = "another rule of this group has the same name and labels; their alerts cannot be told apart";
                say(&rule.name, same.to_owned(), false);
            }
            of_rule(group, rule, &mut |text| say(&rule.name, text, false));
            of_objects(&rule.kind, graphs, &mut |text| say(&rule.name, text, true));
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

/// Whether the graphs have what a rule about objects names.
fn of_objects(kind: &Kind, graphs: &Graphs, say: &mut dyn FnMut(String)) {
    let (object, names) = match kind {
        Kind::OrderStuck(with) => (&with.object, [("status", &with.status), ("owner", &with.owner)].to_vec()),
        Kind::OrderSla(with) => (&with.object, [("objective", &with.objective)].to_vec()),
        _ => return,
    };
    let versions = graphs.versions(object);
    if versions.is_empty() {
        let known: BTreeSet<&str> = graphs.iter().map(Graph::object).collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        say(format!("`object`: there is no graph of `{object}`; there is one of {known}"));
        return;
    }
    for (setting, name) in names {
        let Some(name) = name else { continue };
        let known: Vec<&str> = versions.iter().flat_map(|graph| all(graph, setting)).collect();
        if !known.contains(&name.as_str()) {
            let mut seen = BTreeSet::new();
            let known: Vec<&str> = known.into_iter().filter(|name| seen.insert(*name)).collect();
            let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            say(format!("`{setting}`: no graph of `{object}` has `{name}`; it has {has}"));
        }
    }
}

/// All names that a graph has for a setting.
fn all<'g>(graph: &'g Graph, setting: &str) -> Vec<&'g str> {
    match setting {
        "status" => graph.statuses().iter().map(|status| status.name.as_str()).collect(),
        "owner" => graph.statuses().iter().map(|status| status.owner.as_str()).collect(),
        _ => graph.objectives().iter().map(|one| one.name.as_str()).collect(),
    }
}

fn of_expression(group: &Group, rule: &Rule, expr: &MetricExpr, say: &mut dyn FnMut(String)) {
    if rule.role == Role::Alert && !can_be_empty(expr) {
        say("compares nothing, so it fires as long as there are lines at all; add `> 0` or a threshold".to_owned());
    }
    if let MetricExpr::Binary(binary) = expr {
        say_impossible(binary, say);
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

/// Tells of thresholds that counts are always, or never, beyond.
fn say_impossible(binary: &Binary, say: &mut dyn FnMut(String)) {
    let (left, right) = (binary.left.scalar(), binary.right.scalar());
    let (number, counts, op) = match (left, right) {
        (None, Some(number)) => (number, &binary.left, binary.op),
        (Some(number), None) => (number, &binary.right, mirrored(binary.op)),
        _ => return,
    };
    let often = match op {
        BinaryOp::Less if number <= 0.0 => "never",
        BinaryOp::LessOrEqual | BinaryOp::Equal if number < 0.0 => "never",
        BinaryOp::Greater | BinaryOp::NotEqual if number < 0.0 => "always",
        BinaryOp::GreaterOrEqual if number <= 0.0 => "always",
        _ => return,
    };
    if !binary.return_bool && is_count(counts) {
        say(format!(
            "compares counts with {number}: they are never negative, so it {often} fires; want a threshold above 0"
        ));
    }
}

/// The comparison with its sides exchanged.
fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::LessOrEqual => BinaryOp::GreaterOrEqual,
        BinaryOp::GreaterOrEqual => BinaryOp::LessOrEqual,
        op => op,
    }
}

/// Whether an expression counts lines or bytes.
fn is_count(expr: &MetricExpr) -> bool {
    match expr {
        MetricExpr::Vector(vector) => is_count(&vector.expr),
        MetricExpr::LabelReplace(replace) => is_count(&replace.expr),
        MetricExpr::Range(range) => range.range.unwrap.is_none(),
        _ => false,
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
