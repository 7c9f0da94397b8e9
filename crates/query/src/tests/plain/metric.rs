//! Series by their definition: every point by itself.

use std::collections::{BTreeMap, BTreeSet};

use logql::ast::{
    BinaryOp, Conversion, GroupSide, Grouping, Matching, MetricExpr, On, RangeAggregation, RangeOp, Stage, ValueTest,
    VectorAggregation, VectorOp,
};
use logql::{ByteCount, LogExpr, Nanos};

use super::rows;
use crate::tests::world::Line;

pub(in crate::tests) type Labels = BTreeMap<String, String>;
/// Series at one time.
pub(in crate::tests) type Vector = BTreeMap<Labels, f64>;

/// A vector or a number.
enum Value {
    Number(f64),
    Vector(Vector),
}

/// What an expression comes to at one time; `None` when it has to fail.
pub(in crate::tests) fn points(expr: &MetricExpr, lines: &[Line], time: i64) -> Option<Vector> {
    Some(match value(expr, lines, time)? {
        Value::Number(number) => Vector::from([(Labels::new(), number)]),
        Value::Vector(vector) => vector,
    })
}

fn value(expr: &MetricExpr, lines: &[Line], time: i64) -> Option<Value> {
    Some(match expr {
        MetricExpr::Number(number) => Value::Number(number.value),
        MetricExpr::Constant(number) => Value::Vector(Vector::from([(Labels::new(), number.value)])),
        MetricExpr::Range(range) => Value::Vector(over_time(range, None, lines, time)?),
        MetricExpr::Vector(outer) => {
            let inner = match &outer.expr {
                MetricExpr::Range(range) if outer.op == VectorOp::Sum => {
                    over_time(range, outer.grouping.as_ref(), lines, time)?
                }
                other => points(other, lines, time)?,
            };
            Value::Vector(aggregated(outer, inner))
        }
        MetricExpr::LabelReplace(replace) => {
            let regex = replace.regex.full_matcher();
            let mut result = Vector::new();
            for (mut labels, value) in points(&replace.expr, lines, time)? {
                let source = labels.get(&replace.source).cloned().unwrap_or_default();
                let mut captures = regex.create_captures();
                regex.captures(&source, &mut captures);
                if captures.is_match() {
                    let first = captures.get_group(1).map_or("", |span| source.get(span.range()).unwrap());
                    put(&mut labels, &replace.target, &replace.replacement.replace("$1", first));
                }
                if result.insert(labels, value).is_some() {
                    return None;
                }
            }
            Value::Vector(result)
        }
        MetricExpr::Binary(binary) => {
            let (left, right) = (value(&binary.left, lines, time)?, value(&binary.right, lines, time)?);
            binary_value(binary, left, right)?
        }
    })
}

fn put(labels: &mut Labels, name: &str, value: &str) {
    labels.remove(name);
    if !value.is_empty() {
        labels.insert(name.to_owned(), value.to_owned());
    }
}

fn group(grouping: Option<&Grouping>, labels: &Labels) -> Labels {
    let Some(grouping) = grouping else { return Labels::new() };
    let kept = labels.iter().filter(|(name, _)| grouping.labels.contains(name) != grouping.without);
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The query without formats of a line that nothing looks at: nobody notices their errors.
fn without_idle_formats(range: &RangeAggregation) -> LogExpr {
    let mut log = range.range.log.clone();
    let looks = |stage: &Stage| {
        matches!(stage, Stage::LineFilter(_) | Stage::Parser(_)) || stage.to_string().contains("__line__")
    };
    let is_bytes = matches!(range.op, RangeOp::BytesOverTime | RangeOp::BytesRate);
    for at in (0..log.stages.len()).rev().filter(|_| !is_bytes) {
        if matches!(log.stages[at], Stage::LineFormat(_)) && !log.stages[at + 1..].iter().any(looks) {
            log.stages.remove(at);
        }
    }
    log
}

/// `outer` is what a sum groups by. Who groups by errors knows of them.
fn over_time(range: &RangeAggregation, outer: Option<&Grouping>, lines: &[Line], time: i64) -> Option<Vector> {
    let end = time - range.range.offset.0;
    let mut windows: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
    let by_error = outer.is_some_and(|by| !by.without && by.labels.iter().any(|name| name == "__error__"));
    let knows_errors = by_error || range.to_string().contains("__error__");
    for mut row in rows(&without_idle_formats(range), lines) {
        let mut value = match range.op {
            RangeOp::BytesOverTime | RangeOp::BytesRate => row.line.len() as f64,
            _ => 1.0,
        };
        if let Some(unwrap) = &range.range.unwrap {
            let text = row.get(&unwrap.label).to_owned();
            if text.is_empty() {
                continue;
            }
            let converted = match unwrap.conversion {
                Conversion::Number => text.parse().ok(),
                Conversion::Bytes => ByteCount::parse(&text).map(|bytes| bytes.0 as f64),
                Conversion::Duration => Nanos::parse_go(&text).map(|nanos| nanos.0 as f64 / 1e9),
            };
            if converted.is_none() {
                row.fail("SampleExtractionErr");
            }
            if !unwrap.filters.iter().all(|filter| row.label_filter(filter)) {
                continue;
            }
            value = converted.unwrap_or(0.0);
        }
        if row.time <= end - range.range.range.0 || end < row.time {
            continue;
        }
        let mut labels = row.shown();
        labels.retain(|_, value| !value.is_empty());
        if labels.contains_key("__error__") && !knows_errors {
            return None;
        }
        let keeps = |label: &String| range.grouping.as_ref().is_some_and(|by| !by.without && by.labels.contains(label));
        if let Some(unwrap) = range.range.unwrap.as_ref().filter(|unwrap| !keeps(&unwrap.label)) {
            labels.remove(&unwrap.label);
        }
        let labels = if range.grouping.is_some() { group(range.grouping.as_ref(), &labels) } else { labels };
        windows.entry(labels).or_default().push((row.time, value));
    }
    if range.op == RangeOp::AbsentOverTime {
        let matchers = &range.range.log.selector.matchers;
        let mut labels = Labels::new();
        for matcher in matchers {
            if let ValueTest::Equal(value) = &matcher.test {
                put(&mut labels, &matcher.name, value);
            }
        }
        return Some(if windows.is_empty() { Vector::from([(labels, 1.0)]) } else { Vector::new() });
    }
    Some(windows.into_iter().map(|(labels, values)| (labels, folded(range, &values))).collect())
}

/// Growth of a counter as Loki has it: Prometheus' extrapolation, but with the times of samples in microseconds against
/// a window in seconds.
fn counter(samples: &[(i64, f64)], seconds: f64) -> f64 {
    let [first, .., last] = samples else { return 0.0 };
    let mut growth = last.1 - first.1;
    for pair in samples.windows(2) {
        if pair[1].1 < pair[0].1 {
            growth += pair[0].1;
        }
    }
    let length = (last.0 - first.0) as f64 / 1_000.0;
    let average = length / (samples.len() - 1) as f64;
    let to_zero = if growth > 0.0 && first.1 >= 0.0 { length * (first.1 / growth) } else { f64::INFINITY };
    let start = seconds.min(to_zero);
    let more = if start < average * 1.1 { start } else { average / 2.0 };
    growth * ((length + more) / length) / seconds
}

fn folded(range: &RangeAggregation, samples: &[(i64, f64)]) -> f64 {
    let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    let values = values.as_slice();
    let count = values.len() as f64;
    let seconds = range.range.range.0 as f64 / 1e9;
    let sum: f64 = values.iter().sum();
    let variance = values.iter().map(|value| (value - sum / count).powi(2)).sum::<f64>() / count;
    match range.op {
        RangeOp::CountOverTime | RangeOp::AbsentOverTime => count,
        RangeOp::Rate | RangeOp::BytesRate => sum / seconds,
        RangeOp::BytesOverTime | RangeOp::SumOverTime => sum,
        RangeOp::AvgOverTime => sum / count,
        RangeOp::MinOverTime => values.iter().copied().fold(f64::NAN, f64::min),
        RangeOp::MaxOverTime => values.iter().copied().fold(f64::NAN, f64::max),
        RangeOp::StdvarOverTime => variance,
        RangeOp::StddevOverTime => variance.sqrt(),
        RangeOp::FirstOverTime => values[0],
        RangeOp::LastOverTime => values[values.len() - 1],
        RangeOp::QuantileOverTime => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let quantile = range.quantile.unwrap();
            if quantile < 0.0 {
                return f64::NEG_INFINITY;
            }
            if quantile > 1.0 {
                return f64::INFINITY;
            }
            let rank = quantile * (count - 1.0);
            let below = (0..values.len()).rfind(|index| *index as f64 <= rank).unwrap();
            let above = (below + 1).min(values.len() - 1);
            sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64)
        }
        RangeOp::RateCounter => counter(samples, seconds),
    }
}

fn aggregated(outer: &VectorAggregation, inner: Vector) -> Vector {
    if matches!(outer.op, VectorOp::Sort | VectorOp::SortDesc) {
        return inner;
    }
    let mut groups: BTreeMap<Labels, Vec<(Labels, f64)>> = BTreeMap::new();
    for (labels, value) in inner {
        groups.entry(group(outer.grouping.as_ref(), &labels)).or_default().push((labels, value));
    }
    let mut result = Vector::new();
    for (labels, mut members) in groups {
        let values: Vec<f64> = members.iter().map(|(_, value)| *value).collect();
        let count = values.len() as f64;
        let sum: f64 = values.iter().sum();
        let variance = values.iter().map(|value| (value - sum / count).powi(2)).sum::<f64>() / count;
        let value = match outer.op {
            VectorOp::Sum => sum,
            VectorOp::Avg => sum / count,
            // What is no number counts only when there is nothing else.
            VectorOp::Max => values.iter().copied().fold(f64::NAN, f64::max),
            VectorOp::Min => values.iter().copied().fold(f64::NAN, f64::min),
            VectorOp::Count => count,
            VectorOp::Stddev => variance.sqrt(),
            VectorOp::Stdvar => variance,
            VectorOp::Topk | VectorOp::ApproxTopk | VectorOp::Bottomk => {
                let sign = if outer.op == VectorOp::Bottomk { 1.0 } else { -1.0 };
                // What is no number comes last; equal ones stay in the order of their labels.
                let rank = |value: f64| if value.is_nan() { (1, 0.0) } else { (0, value * sign) };
                members.sort_by(|a, b| rank(a.1).partial_cmp(&rank(b.1)).unwrap());
                result.extend(members.into_iter().take(usize::try_from(outer.k.unwrap()).unwrap()));
                continue;
            }
            VectorOp::Sort | VectorOp::SortDesc => unreachable!(),
        };
        result.insert(labels, value);
    }
    result
}

fn signature(labels: &Labels, matching: Option<&Matching>) -> Labels {
    let mut labels = labels.clone();
    match matching.map(|matching| &matching.on) {
        None => {}
        Some(On::On(names)) => labels.retain(|name, _| names.contains(name)),
        Some(On::Ignoring(names)) => labels.retain(|name, _| !names.contains(name)),
    }
    labels
}

/// The result of a pair; the inner `None` is one that a comparison drops.
fn pair(binary: &logql::ast::Binary, left: f64, right: f64, kept: f64) -> Option<f64> {
    let holds = match binary.op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        BinaryOp::Greater => left > right,
        BinaryOp::GreaterOrEqual => left >= right,
        BinaryOp::Less => left < right,
        BinaryOp::LessOrEqual => left <= right,
        BinaryOp::Add => return Some(left + right),
        BinaryOp::Sub => return Some(left - right),
        BinaryOp::Mul => return Some(left * right),
        BinaryOp::Div if right == 0.0 => return Some(f64::NAN),
        BinaryOp::Div => return Some(left / right),
        BinaryOp::Mod if right == 0.0 => return Some(f64::NAN),
        BinaryOp::Mod => return Some(left % right),
        BinaryOp::Pow => return Some(left.powf(right)),
        BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => unreachable!(),
    };
    if binary.return_bool { Some(f64::from(holds)) } else { holds.then_some(kept) }
}

fn binary_value(binary: &logql::ast::Binary, left: Value, right: Value) -> Option<Value> {
    let matching = binary.matching.as_ref();
    let each = |vector: Vector, apply: &dyn Fn(f64) -> Option<f64>| {
        Value::Vector(vector.into_iter().filter_map(|(labels, value)| Some((labels, apply(value)?))).collect())
    };
    let (left, right) = match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            return Some(Value::Number(match binary.op.comparison() {
                Some(_) => {
                    f64::from(pair(binary, left, right, left).is_some_and(|value| !binary.return_bool || value == 1.0))
                }
                None => pair(binary, left, right, left)?,
            }));
        }
        (Value::Vector(left), Value::Number(right)) => {
            return Some(each(left, &|value| pair(binary, value, right, value)));
        }
        (Value::Number(left), Value::Vector(right)) => {
            return Some(each(right, &|value| pair(binary, left, value, value)));
        }
        (Value::Vector(left), Value::Vector(right)) => (left, right),
    };
    let signatures =
        |vector: &Vector| -> BTreeSet<Labels> { vector.keys().map(|labels| signature(labels, matching)).collect() };
    if binary.op.is_set() {
        let (of_left, of_right) = (signatures(&left), signatures(&right));
        let within = |vector: Vector, others: &BTreeSet<Labels>, wanted: bool| -> Vector {
            vector.into_iter().filter(|(labels, _)| others.contains(&signature(labels, matching)) == wanted).collect()
        };
        return Some(Value::Vector(match binary.op {
            BinaryOp::And => within(left, &of_right, true),
            BinaryOp::Unless => within(left, &of_right, false),
            _ => {
                let mut all = left;
                all.extend(within(right, &of_left, false));
                all
            }
        }));
    }
    paired(binary, &left, &right).map(Value::Vector)
}

fn paired(binary: &logql::ast::Binary, left: &Vector, right: &Vector) -> Option<Vector> {
    let matching = binary.matching.as_ref();
    let side = matching.and_then(|matching| matching.group.as_ref());
    let mut result = Vector::new();
    let is_right_many = side.is_some_and(|side| side.many == GroupSide::Right);
    let (many, one) = if is_right_many { (right, left) } else { (left, right) };
    let same = |vector: &Vector, key: &Labels| vector.keys().filter(|other| signature(other, matching) == *key).count();
    // Nobody may stand twice on the "one" side, and on the other only where the query says so.
    if one.keys().any(|labels| same(one, &signature(labels, matching)) > 1) {
        return None;
    }
    for (labels, value) in left {
        for (other, right_value) in right {
            let key = signature(labels, matching);
            if key != signature(other, matching) {
                continue;
            }
            if side.is_none() && same(many, &key) > 1 {
                return None;
            }
            let Some(number) = pair(binary, *value, *right_value, *value) else { continue };
            let labels = match side {
                None => key,
                Some(side) => {
                    let (many, one) = if side.many == GroupSide::Left { (labels, other) } else { (other, labels) };
                    let mut labels = many.clone();
                    for name in &side.include {
                        put(&mut labels, name, one.get(name).map_or("", String::as_str));
                    }
                    labels
                }
            };
            if result.insert(labels, number).is_some() {
                return None;
            }
        }
    }
    Some(result)
}
