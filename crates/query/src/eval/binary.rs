//! `a / on (x) b`: operators between scalars and vectors.

use std::collections::{BTreeMap, HashMap, HashSet};

use logline::Labels;
use logql::ast::{Binary, BinaryOp, GroupSide, Matching, On};

use super::{Curve, Value};
use crate::error::Error;

/// Applies an operator at every point by itself.
pub(super) fn binary(binary: &Binary, left: Value, right: Value) -> Result<Value, Error> {
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(match binary.op.comparison() {
            Some(compare) => f64::from(compare.holds(&left, &right)),
            None => arithmetic(binary.op, left, right),
        }),
        (Value::Vector(curves), Value::Scalar(right)) => {
            Value::Vector(each(curves, |value| combine(binary, value, right, value)))
        }
        (Value::Scalar(left), Value::Vector(curves)) => {
            Value::Vector(each(curves, |value| combine(binary, left, value, value)))
        }
        (Value::Vector(left), Value::Vector(right)) => {
            let matching = binary.matching.as_ref();
            Value::Vector(match binary.op {
                BinaryOp::And => filtered(left, matching, &signatures(&right, matching), true),
                BinaryOp::Unless => filtered(left, matching, &signatures(&right, matching), false),
                BinaryOp::Or => union(left, right, matching),
                _ => paired(binary, left, right)?,
            })
        }
    })
}

/// The value of a pair; `None` when a comparison drops it. `kept` is what a comparison without `bool` keeps.
fn combine(binary: &Binary, left: f64, right: f64, kept: f64) -> Option<f64> {
    match binary.op.comparison() {
        Some(compare) if binary.return_bool => Some(f64::from(compare.holds(&left, &right))),
        Some(compare) => compare.holds(&left, &right).then_some(kept),
        None => Some(arithmetic(binary.op, left, right)),
    }
}

/// Division by zero is not a number, unlike in PromQL.
fn arithmetic(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div | BinaryOp::Mod if right == 0.0 => f64::NAN,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Or
        | BinaryOp::And
        | BinaryOp::Unless
        | BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterOrEqual
        | BinaryOp::Less
        | BinaryOp::LessOrEqual => f64::NAN,
    }
}

fn each(curves: Vec<Curve>, apply: impl Fn(f64) -> Option<f64>) -> Vec<Curve> {
    let applied = curves.into_iter().map(|Curve { labels, points }| {
        let points = points.into_iter().filter_map(|(point, value)| Some((point, apply(value)?))).collect();
        Curve { labels, points }
    });
    applied.filter(|curve| !curve.points.is_empty()).collect()
}

/// The labels by which series find each other.
fn signature(labels: &Labels, matching: Option<&Matching>) -> Labels {
    let keep = |name: &str| match matching.map(|matching| &matching.on) {
        None => true,
        Some(On::On(names)) => names.iter().any(|other| other == name),
        Some(On::Ignoring(names)) => !names.iter().any(|other| other == name),
    };
    let pairs = labels.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Labels::new(pairs).unwrap_or_default()
}

/// At which points each signature has a value.
type Signatures = HashMap<Labels, HashSet<u32>>;

fn signatures(curves: &[Curve], matching: Option<&Matching>) -> Signatures {
    let mut all = Signatures::new();
    for curve in curves {
        let points = all.entry(signature(&curve.labels, matching)).or_default();
        points.extend(curve.points.iter().map(|(point, _)| *point));
    }
    all
}

/// The points whose signature stands (or does not stand) on the other side.
fn filtered(curves: Vec<Curve>, matching: Option<&Matching>, others: &Signatures, keep: bool) -> Vec<Curve> {
    let filtered = curves.into_iter().map(|Curve { labels, mut points }| {
        let other = others.get(&signature(&labels, matching));
        points.retain(|(point, _)| other.is_some_and(|points| points.contains(point)) == keep);
        Curve { labels, points }
    });
    filtered.filter(|curve| !curve.points.is_empty()).collect()
}

fn union(left: Vec<Curve>, right: Vec<Curve>, matching: Option<&Matching>) -> Vec<Curve> {
    let right = filtered(right, matching, &signatures(&left, matching), false);
    let mut all: BTreeMap<Labels, Vec<(u32, f64)>> = BTreeMap::new();
    for curve in left.into_iter().chain(right) {
        all.entry(curve.labels).or_default().extend(curve.points);
    }
    let sorted = all.into_iter().map(|(labels, mut points)| {
        points.sort_by_key(|(point, _)| *point);
        Curve { labels, points }
    });
    sorted.collect()
}

/// Arithmetic and comparison between series of the same signature.
fn paired(binary: &Binary, left: Vec<Curve>, right: Vec<Curve>) -> Result<Vec<Curve>, Error> {
    let matching = binary.matching.as_ref();
    let group = matching.and_then(|matching| matching.group.as_ref());
    // The "one" side may have one series a signature and point; the other is looped over.
    let is_swapped = group.is_some_and(|group| group.many == GroupSide::Right);
    let (many, one) = if is_swapped { (right, left) } else { (left, right) };
    let one = by_signature(&one, matching, if is_swapped { "left" } else { "right" })?;
    let mut seen = HashSet::new();
    let mut results: BTreeMap<Labels, BTreeMap<u32, f64>> = BTreeMap::new();
    for curve in many {
        let key = signature(&curve.labels, matching);
        let Some(partners) = one.get(&key) else { continue };
        for (point, value) in curve.points {
            let Some((partner, other)) = partners.get(&point) else { continue };
            if group.is_none() && !seen.insert((key.clone(), point)) {
                return Err(Error::invalid(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                ));
            }
            let (left, right) = if is_swapped { (*other, value) } else { (value, *other) };
            let Some(result) = combine(binary, left, right, left) else { continue };
            let labels = result_labels(&curve.labels, partner, matching);
            if results.entry(labels).or_default().insert(point, result).is_some() {
                return Err(Error::invalid("multiple matches for labels: grouping labels must ensure unique matches"));
            }
        }
    }
    Ok(results.into_iter().map(|(labels, points)| Curve { labels, points: points.into_iter().collect() }).collect())
}

type Partners = HashMap<Labels, HashMap<u32, (Labels, f64)>>;

fn by_signature(curves: &[Curve], matching: Option<&Matching>, side: &str) -> Result<Partners, Error> {
    let mut partners = Partners::new();
    for curve in curves {
        let same = partners.entry(signature(&curve.labels, matching)).or_default();
        for (point, value) in &curve.points {
            if same.insert(*point, (curve.labels.clone(), *value)).is_some() {
                return Err(Error::invalid(format!(
                    "found duplicate series on the {side} hand-side; many-to-many matching not allowed: matching labels must be unique on one side"
                )));
            }
        }
    }
    Ok(partners)
}

/// The labels of a result: those of the "many" side with the labels it takes over, or what the sides have in common.
fn result_labels(many: &Labels, one: &Labels, matching: Option<&Matching>) -> Labels {
    match matching.and_then(|matching| matching.group.as_ref()) {
        Some(group) => {
            let mut labels = many.clone();
            group.include.iter().for_each(|name| labels.set(name, one.get(name).unwrap_or_default()));
            labels
        }
        None => signature(many, matching),
    }
}
