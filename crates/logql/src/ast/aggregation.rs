//! Aggregations over time and over series: `rate({…}[5m])`, `sum by (a) (…)`.

use std::fmt;

use super::{LabelFilter, LogExpr, MetricExpr};
use crate::words::words;
use crate::{Nanos, Span};

/// A function of the lines in a window of time, one series per label set.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregation {
    /// The function.
    pub op: RangeOp,
    /// The quantile of `quantile_over_time`, in no particular bounds; `None` for every other function.
    pub quantile: Option<f64>,
    /// Which lines, and how far back.
    pub range: LogRange,
    /// Labels of the result; only where [`RangeOp::allows_grouping`].
    pub grouping: Option<Grouping>,
    /// Name to closing parenthesis or grouping.
    pub span: Span,
}

/// `{…} | … | unwrap x [5m] offset 1h`
#[derive(Debug, Clone, PartialEq)]
pub struct LogRange {
    /// Which lines; all stages before `unwrap`, on whichever side of the range they were written.
    pub log: LogExpr,
    /// What number a line stands for; `None` counts lines or bytes.
    pub unwrap: Option<Unwrap>,
    /// Length of the window; `[0s]` is legal.
    pub range: Nanos,
    /// How far the window is moved into the past; negative is into the future, zero is none.
    pub offset: Nanos,
    /// Selector to last part.
    pub span: Span,
}

/// `unwrap bytes(size) | __error__=""`: the label whose value is the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How its value is read.
    pub conversion: Conversion,
    /// Conditions on the line after conversion; all must hold.
    pub filters: Vec<LabelFilter>,
    /// Keyword to last filter.
    pub span: Span,
}

/// How `unwrap` reads a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// As a float.
    Number,
    /// `bytes(l)`: as a size, in bytes.
    Bytes,
    /// `duration(l)` or `duration_seconds(l)`: as a duration, in seconds.
    Duration,
}

/// `by (…)` or `without (…)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// The labels are removed instead of kept.
    pub without: bool,
    /// May be empty.
    pub labels: Vec<String>,
    /// Keyword to closing parenthesis.
    pub span: Span,
}

/// A function of series at one time, one result per group.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregation {
    /// The function.
    pub op: VectorOp,
    /// How many series `topk`, `bottomk` and `approx_topk` keep, at least 1; `None` for every other function.
    pub k: Option<u64>,
    /// The series.
    pub expr: MetricExpr,
    /// The groups; `None` puts all series into one.
    pub grouping: Option<Grouping>,
    /// Name to closing parenthesis or grouping.
    pub span: Span,
}

words! {
    /// A function of the lines in a window.
    pub enum RangeOp {
        /// Lines.
        CountOverTime = "count_over_time",
        /// Lines, or the sum of samples when unwrapped, per second.
        Rate = "rate",
        /// Samples of a counter, per second, resets counted.
        RateCounter = "rate_counter",
        /// Bytes of the lines.
        BytesOverTime = "bytes_over_time",
        /// Bytes of the lines, per second.
        BytesRate = "bytes_rate",
        /// Mean of samples.
        AvgOverTime = "avg_over_time",
        /// Sum of samples.
        SumOverTime = "sum_over_time",
        /// Smallest sample.
        MinOverTime = "min_over_time",
        /// Largest sample.
        MaxOverTime = "max_over_time",
        /// Population variance of samples.
        StdvarOverTime = "stdvar_over_time",
        /// Population deviation of samples.
        StddevOverTime = "stddev_over_time",
        /// Quantile of samples.
        QuantileOverTime = "quantile_over_time",
        /// Sample of the earliest line.
        FirstOverTime = "first_over_time",
        /// Sample of the latest line.
        LastOverTime = "last_over_time",
        /// 1 when there is no line.
        AbsentOverTime = "absent_over_time",
    }
}

words! {
    /// A function of series.
    pub enum VectorOp {
        /// Sum.
        Sum = "sum",
        /// Mean.
        Avg = "avg",
        /// Largest.
        Max = "max",
        /// Smallest.
        Min = "min",
        /// Number of series.
        Count = "count",
        /// Population deviation.
        Stddev = "stddev",
        /// Population variance.
        Stdvar = "stdvar",
        /// The `k` smallest series, labels kept.
        Bottomk = "bottomk",
        /// The `k` largest series, labels kept.
        Topk = "topk",
        /// The `k` largest series, perhaps estimated.
        ApproxTopk = "approx_topk",
        /// All series, smallest first.
        Sort = "sort",
        /// All series, largest first.
        SortDesc = "sort_desc",
    }
}

impl RangeOp {
    /// Whether `by` and `without` may follow.
    #[must_use]
    pub fn allows_grouping(self) -> bool {
        matches!(
            self,
            Self::AvgOverTime
                | Self::StddevOverTime
                | Self::StdvarOverTime
                | Self::QuantileOverTime
                | Self::MaxOverTime
                | Self::MinOverTime
                | Self::FirstOverTime
                | Self::LastOverTime
        )
    }

    /// Whether it works on unwrapped samples.
    #[must_use]
    pub fn allows_unwrap(self) -> bool {
        !matches!(self, Self::CountOverTime | Self::BytesOverTime | Self::BytesRate)
    }

    /// Whether it works only on unwrapped samples.
    #[must_use]
    pub fn needs_unwrap(self) -> bool {
        !matches!(self, Self::CountOverTime | Self::BytesOverTime | Self::BytesRate | Self::Rate | Self::AbsentOverTime)
    }
}

impl VectorOp {
    /// Whether the first argument is a number of series.
    #[must_use]
    pub fn needs_k(self) -> bool {
        matches!(self, Self::Bottomk | Self::Topk | Self::ApproxTopk)
    }
}

impl fmt::Display for RangeAggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op)?;
        if let Some(quantile) = self.quantile {
            write!(f, "{quantile}, ")?;
        }
        write!(f, "{})", self.range)?;
        match &self.grouping {
            Some(grouping) => write!(f, " {grouping}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for LogRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log.fmt(f)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        f.write_str(&self.window())
    }
}

impl LogRange {
    /// Range and offset as they stand behind the rest.
    pub(crate) fn window(&self) -> String {
        let blank = if self.log.stages.is_empty() && self.unwrap.is_none() { "" } else { " " };
        match self.offset {
            Nanos(0) => format!("{blank}[{}]", self.range),
            offset => format!("{blank}[{}] offset {offset}", self.range),
        }
    }
}

impl fmt::Display for Unwrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.conversion {
            Conversion::Number => write!(f, "| unwrap {}", self.label)?,
            Conversion::Bytes => write!(f, "| unwrap bytes({})", self.label)?,
            Conversion::Duration => write!(f, "| unwrap duration({})", self.label)?,
        }
        for filter in &self.filters {
            write!(f, " | {filter}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", if self.without { "without" } else { "by" }, self.labels.join(", "))
    }
}

impl fmt::Display for VectorAggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.op.fmt(f)?;
        match &self.grouping {
            Some(grouping) => write!(f, " {grouping} (")?,
            None => f.write_str("(")?,
        }
        if let Some(k) = self.k {
            write!(f, "{k}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}
