//! `sum by (a) (…)` and its siblings: series at one time become fewer.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use logline::Labels;
use logql::ast::{Grouping, VectorAggregation, VectorOp};

use super::Curve;

/// Aggregates at every point by itself.
pub(super) fn aggregate(aggregation: &VectorAggregation, curves: Vec<Curve>) -> Vec<Curve> {
    match aggregation.op {
        VectorOp::Sort | VectorOp::SortDesc => curves,
        VectorOp::Topk | VectorOp::ApproxTopk => ranked(aggregation, &curves, falling),
        VectorOp::Bottomk => ranked(aggregation, &curves, rising),
        VectorOp::Sum
        | VectorOp::Avg
        | VectorOp::Max
        | VectorOp::Min
        | VectorOp::Count
        | VectorOp::Stddev
        | VectorOp::Stdvar => folded(aggregation, &curves),
    }
}

/// Smaller first, what is not a number last.
pub(crate) fn rising(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(Ordering::Equal))
}

/// Larger first, what is not a number last.
pub(crate) fn falling(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(b.partial_cmp(&a).unwrap_or(Ordering::Equal))
}

/// The labels of the group a series belongs to.
pub(super) fn group_labels(grouping: Option<&Grouping>, labels: &Labels) -> Labels {
    let Some(grouping) = grouping else { return Labels::default() };
    let kept = labels.iter().filter(|(name, _)| grouping.labels.iter().any(|label| label == name) != grouping.without);
    let pairs = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Labels::new(pairs).unwrap_or_default()
}

/// Point, value and number of the series, by point.
type Points = Vec<(u32, f64, usize)>;

/// The points of each group's series together, in order of time.
fn grouped(grouping: Option<&Grouping>, curves: &[Curve]) -> BTreeMap<Labels, Points> {
    let mut groups: BTreeMap<Labels, Points> = BTreeMap::new();
    for (index, curve) in curves.iter().enumerate() {
        let group = groups.entry(group_labels(grouping, &curve.labels)).or_default();
        group.extend(curve.points.iter().map(|(point, value)| (*point, *value, index)));
    }
    groups.values_mut().for_each(|points| points.sort_by_key(|(point, ..)| *point));
    groups
}

fn folded(aggregation: &VectorAggregation, curves: &[Curve]) -> Vec<Curve> {
    let groups = grouped(aggregation.grouping.as_ref(), curves);
    let fold = |(labels, points): (Labels, Points)| {
        let points = points.chunk_by(|a, b| a.0 == b.0).filter_map(|same| {
            let values = same.iter().map(|(_, value, _)| *value);
            Some((same.first()?.0, fold(aggregation.op, values)))
        });
        Curve { labels, points: points.collect() }
    };
    groups.into_iter().map(fold).filter(|curve| !curve.points.is_empty()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 series")]
fn fold(op: VectorOp, values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = values.len() as f64;
    let mean = || values.clone().sum::<f64>() / count;
    let variance = || {
        let mean = mean();
        values.clone().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count
    };
    match op {
        VectorOp::Sum => values.sum(),
        VectorOp::Avg => mean(),
        VectorOp::Max => values.fold(f64::NAN, f64::max),
        VectorOp::Min => values.fold(f64::NAN, f64::min),
        VectorOp::Stdvar => variance(),
        VectorOp::Stddev => variance().sqrt(),
        VectorOp::Count
        | VectorOp::Topk
        | VectorOp::Bottomk
        | VectorOp::ApproxTopk
        | VectorOp::Sort
        | VectorOp::SortDesc => count,
    }
}

/// The first `k` of each group in an order, at every point by itself; among equals the series that came first.
fn ranked(aggregation: &VectorAggregation, curves: &[Curve], order: impl Fn(f64, f64) -> Ordering) -> Vec<Curve> {
    let k = usize::try_from(aggregation.k.unwrap_or(1)).unwrap_or(usize::MAX);
    let mut kept: Vec<Vec<(u32, f64)>> = vec![Vec::new(); curves.len()];
    for points in grouped(aggregation.grouping.as_ref(), curves).values_mut() {
        for same in points.chunk_by_mut(|a, b| a.0 == b.0) {
            same.sort_by(|a, b| order(a.1, b.1));
            for (point, value, index) in same.iter().take(k) {
                kept.get_mut(*index).into_iter().for_each(|points| points.push((*point, *value)));
            }
        }
    }
    let all = curves.iter().zip(kept).filter(|(_, points)| !points.is_empty());
    all.map(|(curve, points)| Curve { labels: curve.labels.clone(), points }).collect()
}
