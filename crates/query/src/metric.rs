//! Metric queries: range aggregations become plans, everything above them plain code.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Float64Array, UInt32Array};
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use logline::Timestamp;
use logql::ast::{self, MetricExpr, RangeAggregation, RangeOp, Stage, VectorAggregation, VectorOp};
use storage::TimeRange;

use crate::answer::{Data, Sample, Series};
use crate::cache::Lookup;
use crate::error::{Error, Failure};
use crate::eval::{Curve, Leaves, Value, evaluate, falling, order, rising};
use crate::exec::{Part, Range, Samples, UnaryExec, column, range_fields};
use crate::matchers::predicate;
use crate::params::Grid;
use crate::pipeline::labels::ERROR;
use crate::pipeline::series::{Grouping, read_key};
use crate::pipeline::{filter_names, names_used};
use crate::range::{Aggregate, Top, Windows};
use crate::run::Run;
use crate::view::{View, Want};

/// A range aggregation as it is computed: its text, the labels its series keep, and the ranking of which only the first
/// are wanted. Equal ones are computed once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leaf {
    query: String,
    grouping: Grouping,
    top: Option<Top>,
}

impl Leaf {
    /// Whether it comes to the same whenever it is computed: templates know the time of the query.
    pub(crate) fn is_repeatable(&self) -> bool {
        !(self.query.contains("now") && self.query.contains("_format"))
    }

    /// The same, but of all series only the first.
    pub(crate) fn ranked(&self, top: Top) -> Self {
        Self { top: Some(top), ..self.clone() }
    }

    /// Bytes of its text.
    pub(crate) fn text_bytes(&self) -> usize {
        let (Grouping::By(names) | Grouping::Without(names)) = &self.grouping;
        self.query.len() + names.iter().map(|name| size_of::<String>() + name.len()).sum::<usize>()
    }

    /// The same with all series.
    fn whole(&self) -> Self {
        Self { top: None, ..self.clone() }
    }
}

/// The ranking that an aggregation is, when it chooses among all series that come straight from the table of a range
/// aggregation; and the expression that it ranks.
pub(crate) fn ranked(
    outer: &VectorAggregation,
    points: u32,
) -> Option<(Top, Option<&VectorAggregation>, &RangeAggregation)> {
    let is_falling = match outer.op {
        VectorOp::Topk | VectorOp::ApproxTopk => true,
        VectorOp::Bottomk => false,
        _ => return None,
    };
    let top = Top::new(outer.k?, is_falling, points).filter(|_| outer.grouping.is_none())?;
    let (inner, range): (Option<&VectorAggregation>, _) = match &outer.expr {
        MetricExpr::Range(range) if range.op != RangeOp::AbsentOverTime => (None, range),
        MetricExpr::Vector(inner) => match &inner.expr {
            MetricExpr::Range(range) if range.grouping.is_none() && merges(inner.op, range.op) => (Some(inner), range),
            _ => return None,
        },
        _ => return None,
    };
    // Series with errors have all their labels: only what stands above them adds them up to those that are ranked.
    (!keeps_errors(&leaf_of(range, inner), range)).then_some((top, inner, range))
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
    Leaf { query: range.to_string(), grouping, top: None }
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
fn leaves_of<'e>(expr: &'e MetricExpr, points: u32, leaves: &mut Vec<(Leaf, &'e RangeAggregation)>) {
    match expr {
        MetricExpr::Number(_) | MetricExpr::Constant(_) => {}
        MetricExpr::Range(range) => leaves.push((leaf_of(range, None), range)),
        MetricExpr::Vector(outer) => match (ranked(outer, points), &outer.expr) {
            (Some((top, inner, range)), _) => {
                leaves.push((leaf_of(range, inner).ranked(top), range));
            }
            (None, MetricExpr::Range(range)) => leaves.push((leaf_of(range, Some(outer)), range)),
            (None, other) => leaves_of(other, points, leaves),
        },
        MetricExpr::LabelReplace(replace) => leaves_of(&replace.expr, points, leaves),
        MetricExpr::Binary(binary) => {
            leaves_of(&binary.left, points, leaves);
            leaves_of(&binary.right, points, leaves);
        }
    }
}

/// How many stages and needles of line filters there are.
pub(crate) fn parts(stages: &[Stage]) -> usize {
    let part = |stage: &Stage| match stage {
        Stage::LineFilter(filter) => filter.needles.len(),
        _ => 1,
    };
    stages.iter().map(part).sum()
}

/// The same in all range aggregations of an expression.
pub(crate) fn parts_of_all(expr: &MetricExpr) -> usize {
    let mut leaves = Vec::new();
    leaves_of(expr, 1, &mut leaves);
    leaves.iter().map(|(_, range)| parts(&range.range.log.stages)).sum()
}

/// The longest window of all range aggregations of an expression.
pub(crate) fn longest_window(expr: &MetricExpr) -> Duration {
    let mut leaves = Vec::new();
    leaves_of(expr, 1, &mut leaves);
    let windows = leaves.iter().map(|(_, range)| u64::try_from(range.range.range.0).unwrap_or_default());
    Duration::from_nanos(windows.max().unwrap_or_default())
}

/// The different range aggregations of an expression that read anything.
pub(crate) fn leaves(expr: &MetricExpr, points: u32) -> Vec<(Leaf, &RangeAggregation)> {
    let mut leaves = Vec::new();
    leaves_of(expr, points, &mut leaves);
    // Whoever has all series has the first of them too.
    let whole: HashSet<Leaf> = leaves.iter().map(|(leaf, _)| leaf.clone()).filter(|leaf| leaf.top.is_none()).collect();
    let mut seen = HashSet::new();
    leaves.retain(|(leaf, _)| seen.insert(leaf.clone()) && (leaf.top.is_none() || !whole.contains(&leaf.whole())));
    leaves
}

/// The plans of an expression, one for each different range aggregation that reads anything.
pub(crate) fn plans(view: &View, expr: &MetricExpr, grid: Grid) -> Result<Vec<Arc<dyn ExecutionPlan>>, Error> {
    let leaves = leaves(expr, grid.points).into_iter();
    leaves.map(|(leaf, range)| plan(view, &leaf, range, windows(range, grid))).collect()
}

fn windows(range: &RangeAggregation, grid: Grid) -> Windows {
    grid.windows(range.range.range, range.range.offset)
}

fn plan(view: &View, leaf: &Leaf, range: &RangeAggregation, windows: Windows) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let windows = windows.simple();
    let (first, last) = windows.span().unwrap_or((0, -1));
    let aggregate = aggregate(range);
    let samples = Samples { query: leaf.query.clone(), grouping: leaf.grouping.clone() };
    let compiled = samples.compile(aggregate, windows, (0, &Arc::default()))?;
    let want = Want {
        range: TimeRange { start: Timestamp(first), end: Timestamp(last.saturating_add(1)) },
        predicate: predicate(&range.range.log.selector.matchers).and(compiled.split.predicate.clone()),
        columns: compiled.columns(),
        stretches: compiled.stretches(),
        json: compiled.json,
        pairs: compiled.pairs,
    };
    let part = |part, top| Range { aggregate, windows, part, top };
    let lines = view.scan(&want)?;
    if lines.output_partitioning().partition_count() == 1 {
        return Ok(Arc::new(UnaryExec::new(part(Part::Whole(samples), leaf.top), lines)));
    }
    let panes = Arc::new(UnaryExec::new(part(Part::Partial(samples), None), lines));
    Ok(Arc::new(UnaryExec::new(part(Part::Final, leaf.top), Arc::new(CoalescePartitionsExec::new(panes)))))
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
    for (leaf, range) in leaves(expr, grid.points) {
        let curves = compute(run, view, &leaf, range, grid).await?;
        computed.insert(leaf, Arc::new(curves));
    }
    evaluate(expr, &computed, grid.points)
}

/// Computes the points of one range aggregation on a grid, as far as they are not known.
pub(crate) async fn compute(
    run: &Run,
    view: &View,
    leaf: &Leaf,
    range: &RangeAggregation,
    grid: Grid,
) -> Result<Vec<Curve>, Error> {
    let windows = windows(range, grid);
    let lookup = run.cache().look_up(view, leaf, &windows);
    let missing = lookup.as_ref().map_or(Some(windows), Lookup::windows);
    let computed = match missing {
        Some(windows) => curves(&run.collect(plan(view, leaf, range, windows)?).await?)?,
        None => Vec::new(),
    };
    let failed = computed.iter().find(|curve| curve.labels.get(ERROR).is_some());
    if let Some(curve) = failed.filter(|_| !keeps_errors(leaf, range)) {
        return Err(Error::pipeline(curve.labels.clone()));
    }
    Ok(match lookup {
        Some(lookup) => {
            run.cache().keep(&lookup, &computed);
            lookup.joined(computed)
        }
        None => computed,
    })
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
