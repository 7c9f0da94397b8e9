//! What happens to series after aggregation over time: plain code over a small matrix.

mod aggregate;
mod binary;
mod label_replace;

use std::collections::HashMap;
use std::sync::Arc;

use logline::Labels;
use logql::ast::{MetricExpr, RangeAggregation, RangeOp, ValueTest, VectorOp};

pub(crate) use self::aggregate::{falling, rising};
use crate::error::Error;
use crate::metric::{Leaf, leaf_of, ranked};

/// A series while it is computed: its labels, and its values by number of the point, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curve {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<(u32, f64)>,
}

/// What an expression comes to.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(f64),
    Vector(Vec<Curve>),
}

/// Results of the range aggregations of a query.
pub(crate) type Leaves = HashMap<Leaf, Arc<Vec<Curve>>>;

/// Computes an expression from the results of its range aggregations, at `points` points.
pub(crate) fn evaluate(expr: &MetricExpr, leaves: &Leaves, points: u32) -> Result<Value, Error> {
    Ok(match expr {
        MetricExpr::Number(number) => Value::Scalar(number.value),
        MetricExpr::Constant(number) => Value::Vector(vec![constant(number.value, points)]),
        MetricExpr::Range(range) => Value::Vector(range_curves(range, &leaf_of(range, None), leaves, points)?),
        MetricExpr::Vector(outer) => {
            let inner = match (ranked(outer, points), &outer.expr) {
                (Some((top, inner, range)), _) => {
                    let whole = leaf_of(range, inner);
                    let first = whole.ranked(top);
                    let leaf = if leaves.contains_key(&first) { first } else { whole };
                    range_curves(range, &leaf, leaves, points)?
                }
                (None, MetricExpr::Range(range)) => range_curves(range, &leaf_of(range, Some(outer)), leaves, points)?,
                (None, other) => evaluate(other, leaves, points)?.curves(points),
            };
            Value::Vector(aggregate::aggregate(outer, inner))
        }
        MetricExpr::LabelReplace(replace) => Value::Vector(label_replace::label_replace(
            replace,
            evaluate(&replace.expr, leaves, points)?.curves(points),
        )?),
        MetricExpr::Binary(binary) => {
            let left = evaluate(&binary.left, leaves, points)?;
            let right = evaluate(&binary.right, leaves, points)?;
            binary::binary(binary, left, right)?
        }
    })
}

/// Whether a vector keeps the order of its values instead of that of its labels.
pub(crate) fn order(expr: &MetricExpr) -> Option<VectorOp> {
    match expr {
        MetricExpr::Vector(outer) => match outer.op {
            VectorOp::Sort | VectorOp::SortDesc | VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk => {
                Some(outer.op)
            }
            VectorOp::Sum
            | VectorOp::Avg
            | VectorOp::Max
            | VectorOp::Min
            | VectorOp::Count
            | VectorOp::Stddev
            | VectorOp::Stdvar => None,
        },
        MetricExpr::Range(_)
        | MetricExpr::Binary(_)
        | MetricExpr::LabelReplace(_)
        | MetricExpr::Constant(_)
        | MetricExpr::Number(_) => None,
    }
}

impl Value {
    /// As series; a scalar is one without labels.
    pub(crate) fn curves(self, points: u32) -> Vec<Curve> {
        match self {
            Self::Scalar(value) => vec![constant(value, points)],
            Self::Vector(curves) => curves,
        }
    }
}

fn constant(value: f64, points: u32) -> Curve {
    Curve { labels: Labels::default(), points: (0..points).map(|point| (point, value)).collect() }
}

fn range_curves(range: &RangeAggregation, leaf: &Leaf, leaves: &Leaves, points: u32) -> Result<Vec<Curve>, Error> {
    let curves = leaves.get(leaf).ok_or_else(|| Error::internal("a range aggregation was not computed"))?;
    Ok(if range.op == RangeOp::AbsentOverTime { absent(range, curves, points) } else { curves.to_vec() })
}

/// 1 at every point where nothing was found, with the labels that the selector asks for by equality.
fn absent(range: &RangeAggregation, found: &[Curve], points: u32) -> Vec<Curve> {
    let mut is_there = vec![false; points as usize];
    for (point, _) in found.iter().flat_map(|curve| &curve.points) {
        if let Some(slot) = is_there.get_mut(*point as usize) {
            *slot = true;
        }
    }
    let missing: Vec<_> =
        (0..points).zip(is_there).filter(|(_, there)| !there).map(|(point, _)| (point, 1.0)).collect();
    if missing.is_empty() { Vec::new() } else { vec![Curve { labels: asked_labels(range), points: missing }] }
}

fn asked_labels(range: &RangeAggregation) -> Labels {
    let matchers = &range.range.log.selector.matchers;
    let mut labels = Labels::default();
    for matcher in matchers {
        let is_alone = matchers.iter().filter(|other| other.name == matcher.name).count() == 1;
        if let (ValueTest::Equal(value), true) = (&matcher.test, is_alone) {
            labels.set(&matcher.name, value);
        }
    }
    labels
}
