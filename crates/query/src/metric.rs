//! Metric queries: range aggregations become plans, everything above them plain code.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, UInt32Array};
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use logline::Timestamp;
use logql::ast::{self, MetricExpr, RangeAggregation, RangeOp, VectorAggregation, VectorOp};
use storage::TimeRange;

use crate::answer::{Data, Sample, Series};
use crate::error::{Error, Failure};
use crate::eval::{Curve, Leaves, Value, evaluate, falling, order, rising};
use crate::exec::{Part, Range, Samples, UnaryExec, column, range_fields};
use crate::matchers::predicate;
use crate::params::Grid;
use crate::pipeline::labels::ERROR;
use crate::pipeline::series::{Grouping, read_key};
use crate::pipeline::{filter_names, names_used};
use crate::range::Aggregate;
use crate::run::Run;
use crate::view::{View, Want};

/// A range aggregation as it is computed: its text, and the labels its series keep. Equal ones are computed once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leaf {
    query: String,
    grouping: Grouping,
}

/// How a range aggregation below `outer` is computed. When the outer one only adds up what the inner one adds up, the
/// inner one groups by the outer labels right away.
pub(crate) fn leaf_of(range: &RangeAggregation, outer: Option<&VectorAggregation>) -> Leaf {
    let merged = outer.filter(|outer| range.grouping.is_none() && merges(outer.op, range.op));
    let nothing = ast::Grouping { without: false, labels: Vec::new(), span: range.span };
    let grouping = match merged {
        Some(outer) => Some(outer.grouping.as_ref().unwrap_or(&nothing)),
        None => range.grouping.as_ref(),
    };
    let grouping = match grouping {
        Some(grouping) if !grouping.without => Grouping::by(grouping.labels.iter().cloned()),
        Some(grouping) => Grouping::Without(grouping.labels.clone()),
        None if range.op == RangeOp::AbsentOverTime => Grouping::by([]),
        None => Grouping::Without(Vec::new()),
    };
    let grouping = match &range.range.unwrap {
        Some(unwrap) => grouping.less(&unwrap.label),
        None => grouping,
    };
    Leaf { query: range.to_string(), grouping }
}

/// Whether aggregating over series first and over time afterwards comes to the same.
const fn merges(outer: VectorOp, inner: RangeOp) -> bool {
    matches!(
        (outer, inner),
        (
            VectorOp::Sum,
            RangeOp::CountOverTime | RangeOp::Rate | RangeOp::BytesOverTime | RangeOp::BytesRate | RangeOp::SumOverTime
        ) | (VectorOp::Max, RangeOp::MaxOverTime)
            | (VectorOp::Min, RangeOp::MinOverTime)
    )
}

/// The range aggregations of an expression, each as it is to be computed.
fn leaves_of<'e>(expr: &'e MetricExpr, leaves: &mut Vec<(Leaf, &'e RangeAggregation)>) {
    match expr {
        MetricExpr::Number(_) | MetricExpr::Constant(_) => {}
        MetricExpr::Range(range) => leaves.push((leaf_of(range, None), range)),
        MetricExpr::Vector(outer) => match &outer.expr {
            MetricExpr::Range(range) => leaves.push((leaf_of(range, Some(outer)), range)),
            other => leaves_of(other, leaves),
        },
        MetricExpr::LabelReplace(replace) => leaves_of(&replace.expr, leaves),
        MetricExpr::Binary(binary) => {
            leaves_of(&binary.left, leaves);
            leaves_of(&binary.right, leaves);
        }
    }
}

/// How a range aggregation is computed.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    keeps_errors: bool,
}

/// The different range aggregations of an expression.
pub(crate) fn leaves(expr: &MetricExpr) -> Vec<(Leaf, &RangeAggregation)> {
    let mut leaves = Vec::new();
    leaves_of(expr, &mut leaves);
    let mut seen = BTreeSet::new();
    leaves.retain(|(leaf, _)| seen.insert(format!("{leaf:?}")));
    leaves
}

/// The plans of an expression, one for each different range aggregation that reads anything.
pub(crate) fn plans(view: &View, expr: &MetricExpr, grid: Grid) -> Result<Vec<Planned>, Error> {
    leaves(expr).into_iter().map(|(leaf, range)| planned(view, &leaf, range, grid)).collect()
}

fn planned(view: &View, leaf: &Leaf, range: &RangeAggregation, grid: Grid) -> Result<Planned, Error> {
    Ok(Planned { plan: plan(view, leaf, range, grid)?, keeps_errors: keeps_errors(leaf, range) })
}

fn plan(view: &View, leaf: &Leaf, range: &RangeAggregation, grid: Grid) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let windows = grid.windows(range.range.range, range.range.offset);
    let (first, last) = windows.span().unwrap_or((0, -1));
    let aggregate = aggregate(range);
    let panes = matches!(aggregate, Aggregate::Count | Aggregate::CountRate).then_some(windows);
    let samples = Samples { query: leaf.query.clone(), grouping: leaf.grouping.clone(), panes };
    let compiled = samples.compile()?;
    let want = Want {
        range: TimeRange { start: Timestamp(first), end: Timestamp(last.saturating_add(1)) },
        predicate: predicate(&range.range.log.selector.matchers).and(compiled.split.predicate.clone()),
        columns: compiled.columns(),
        pairs: compiled.pairs,
    };
    let part = |part| Range { aggregate, windows, part };
    let samples: Arc<dyn ExecutionPlan> = Arc::new(UnaryExec::new(samples, view.scan(&want)?));
    if samples.output_partitioning().partition_count() == 1 {
        return Ok(Arc::new(UnaryExec::new(part(Part::Whole), samples)));
    }
    let panes = Arc::new(UnaryExec::new(part(Part::Partial), samples));
    Ok(Arc::new(UnaryExec::new(part(Part::Final), Arc::new(CoalescePartitionsExec::new(panes)))))
}

fn aggregate(range: &RangeAggregation) -> Aggregate {
    let is_unwrapped = range.range.unwrap.is_some();
    match range.op {
        RangeOp::CountOverTime | RangeOp::AbsentOverTime => Aggregate::Count,
        RangeOp::Rate if is_unwrapped => Aggregate::SumRate,
        RangeOp::Rate => Aggregate::CountRate,
        RangeOp::RateCounter => Aggregate::CounterRate,
        RangeOp::BytesOverTime | RangeOp::SumOverTime => Aggregate::Sum,
        RangeOp::BytesRate => Aggregate::SumRate,
        RangeOp::AvgOverTime => Aggregate::Mean,
        RangeOp::MinOverTime => Aggregate::Min,
        RangeOp::MaxOverTime => Aggregate::Max,
        RangeOp::StdvarOverTime => Aggregate::Variance,
        RangeOp::StddevOverTime => Aggregate::Deviation,
        RangeOp::QuantileOverTime => Aggregate::Quantile(range.quantile.unwrap_or(f64::NAN)),
        RangeOp::FirstOverTime => Aggregate::First,
        RangeOp::LastOverTime => Aggregate::Last,
    }
}

/// Computes an expression at the points of a grid.
pub(crate) async fn run(run: &Run, view: &View, expr: &MetricExpr, grid: Grid) -> Result<Value, Error> {
    let mut computed = Leaves::new();
    for (leaf, range) in leaves(expr) {
        let curves = compute(run, view, &leaf, range, grid).await?;
        computed.insert(leaf, Arc::new(curves));
    }
    evaluate(expr, &computed, grid.points)
}

/// Computes one range aggregation at the points of a grid.
pub(crate) async fn compute(
    run: &Run,
    view: &View,
    leaf: &Leaf,
    range: &RangeAggregation,
    grid: Grid,
) -> Result<Vec<Curve>, Error> {
    let planned = planned(view, leaf, range, grid)?;
    let curves = curves(&run.collect(planned.plan).await?)?;
    let failed = curves.iter().find(|curve| curve.labels.get(ERROR).is_some());
    match failed.filter(|_| !planned.keeps_errors) {
        Some(curve) => Err(Error::pipeline(curve.labels.clone())),
        None => Ok(curves),
    }
}

/// Whether the query looks at `__error__`, which means that it knows of errors and wants no complaint.
fn keeps_errors(leaf: &Leaf, range: &RangeAggregation) -> bool {
    let mut names = names_used(&range.range.log.stages);
    let filters = range.range.unwrap.iter().flat_map(|unwrap| &unwrap.filters);
    filters.for_each(|filter| filter_names(filter, &mut names));
    names.contains(ERROR) || matches!(&leaf.grouping, Grouping::By(kept) if kept.iter().any(|name| name == ERROR))
}

/// Reads the points that a plan gave, series by labels.
fn curves(batches: &[RecordBatch]) -> Result<Vec<Curve>, Error> {
    let mut curves: Vec<Curve> = Vec::new();
    let mut last = None;
    for batch in batches {
        let series: &arrow::array::DictionaryArray<arrow::datatypes::Int32Type> = column(batch, range_fields::SERIES)?;
        let texts = series.values().as_string::<i32>();
        let points: &UInt32Array = column(batch, range_fields::POINT)?;
        let values: &Float64Array = column(batch, range_fields::VALUE)?;
        for (index, (point, value)) in points.values().iter().zip(values.values()).enumerate() {
            let key = texts.value(series.key(index).unwrap_or(0));
            if last != Some(key) {
                // A series may go on in the next batch.
                let goes_on = index == 0 && curves.last().is_some_and(|curve| curve.labels == read_key(key));
                if !goes_on {
                    curves.push(Curve { labels: read_key(key), points: Vec::new() });
                }
                last = Some(key);
            }
            if let Some(curve) = curves.last_mut() {
                curve.points.push((*point, *value));
            }
        }
    }
    curves.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(curves)
}

/// The answer to a range query.
pub(crate) fn matrix(value: Value, grid: Grid, max_series: usize) -> Result<Data, Error> {
    let mut curves = value.curves(grid.points);
    check_series(curves.len(), max_series)?;
    curves.sort_by(|a, b| a.labels.cmp(&b.labels));
    let series = curves.into_iter().map(|curve| Series {
        labels: curve.labels,
        points: curve.points.into_iter().map(|(point, value)| (grid.time(point), value)).collect(),
    });
    Ok(Data::Matrix(series.collect()))
}

/// The answer to an instant query.
pub(crate) fn vector(expr: &MetricExpr, value: Value, grid: Grid, max_series: usize) -> Result<Data, Error> {
    let timestamp = grid.time(0);
    let mut curves = match value {
        Value::Scalar(value) => return Ok(Data::Scalar(timestamp, value)),
        Value::Vector(curves) => curves,
    };
    check_series(curves.len(), max_series)?;
    curves.sort_by(|a, b| a.labels.cmp(&b.labels));
    let samples = curves.into_iter().flat_map(|Curve { labels, points }| {
        points.into_iter().map(move |(_, value)| Sample { labels: labels.clone(), timestamp, value })
    });
    let mut samples: Vec<_> = samples.collect();
    match order(expr) {
        Some(VectorOp::Sort | VectorOp::Bottomk) => samples.sort_by(|a, b| rising(a.value, b.value)),
        Some(_) => samples.sort_by(|a, b| falling(a.value, b.value)),
        None => {}
    }
    Ok(Data::Vector(samples))
}

fn check_series(series: usize, max: usize) -> Result<(), Error> {
    if series <= max { Ok(()) } else { Err(Failure::Series(max).into()) }
}
