//! The one error of this crate, in Loki's words where Loki has words; callers act on its [`Kind`].

use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
use logline::Labels;
use stdx::ByteSize;

use crate::pipeline::labels::ERROR;

/// Why a query got no answer. The message never holds the text of a line.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Failure>);

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fix the query.
    Invalid,
    /// Ask for less: a limit on series, bytes, memory or points was reached.
    TooLarge,
    /// Ask again a little later: too many questions of the asker wait.
    Busy,
    /// Ask for less, or again: it took too long.
    Timeout,
    /// The work was stopped before it ended.
    Cancelled,
    /// Ask again later: storage is not ready.
    Unavailable,
    /// A bug of ours.
    Internal,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Parse(#[from] logql::Error),
    #[error("{0}")]
    Invalid(String),
    #[error(
        "pipeline error: '{error}' for series: '{series}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline { error: String, series: Labels },
    #[error(
        "maximum number of series ({0}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
    )]
    Series(usize),
    #[error(
        "the query would read too many bytes (query: {read}, limit: {limit}); consider adding more specific stream selectors or reduce the time range of the query"
    )]
    Bytes { read: ByteSize, limit: ByteSize },
    #[error(
        "the query needs more memory than it may use; consider adding more specific stream selectors, reducing the time range, or aggregating over fewer labels"
    )]
    Memory,
    #[error("the query time range exceeds the limit (query length: {}, limit: {})", stdx::show_duration(*.length), stdx::show_duration(*.limit))]
    Length { length: Duration, limit: Duration },
    #[error("this data is no longer available, it is past now - max_query_lookback ({})", stdx::show_duration(*.0))]
    Lookback(Duration),
    #[error("max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {max})")]
    Entries { limit: usize, max: usize },
    #[error(
        "request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex match) to reduce the amount of data processed"
    )]
    Timeout,
    #[error("too many outstanding requests")]
    Busy,
    #[error("the request was cancelled by the client")]
    Cancelled,
    #[error(transparent)]
    Storage(storage::Error),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match &*self.0 {
            Failure::Parse(_) | Failure::Invalid(_) | Failure::Pipeline { .. } => Kind::Invalid,
            Failure::Series(_)
            | Failure::Bytes { .. }
            | Failure::Memory
            | Failure::Length { .. }
            | Failure::Lookback(_)
            | Failure::Entries { .. } => Kind::TooLarge,
            Failure::Busy => Kind::Busy,
            Failure::Timeout => Kind::Timeout,
            Failure::Cancelled => Kind::Cancelled,
            Failure::Storage(error) => match error.kind() {
                storage::Kind::Invalid | storage::Kind::NotFound => Kind::Invalid,
                storage::Kind::Busy { .. } | storage::Kind::Unavailable | storage::Kind::Full => Kind::Unavailable,
                storage::Kind::Locked | storage::Kind::Corrupt | storage::Kind::Internal => Kind::Internal,
            },
            Failure::Internal(_) => Kind::Internal,
        }
    }

    /// Whether memory did not suffice.
    pub(crate) fn is_about_memory(&self) -> bool {
        matches!(*self.0, Failure::Memory)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Failure::Invalid(message.into()).into()
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
    pub(crate) fn internal(message: impl ToString) -> Self {
        Failure::Internal(message.to_string()).into()
    }

    /// More points than a series may have.
    pub(crate) fn too_many_points() -> Self {
        Self::invalid(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        )
    }

    /// A step that leads nowhere.
    pub(crate) fn no_step() -> Self {
        Self::invalid("zero or negative query resolution step widths are not accepted. Try a positive integer")
    }

    /// The error of a series whose lines went wrong in the pipeline.
    pub(crate) fn pipeline(series: Labels) -> Self {
        let error = series.get(ERROR).unwrap_or_default().to_owned();
        Failure::Pipeline { error, series }.into()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}

impl From<logql::Error> for Error {
    fn from(error: logql::Error) -> Self {
        Failure::Parse(error).into()
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Failure::Storage(error).into()
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

/// Finds our own error again after it went through operators.
impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::internal(other),
            },
            DataFusionError::Context(_, inner) => (*inner).into(),
            DataFusionError::ArrowError(inner, _) => match *inner {
                arrow::error::ArrowError::ExternalError(inner) => match inner.downcast::<Self>() {
                    Ok(own) => *own,
                    Err(other) => Self::internal(other),
                },
                other => Self::internal(other),
            },
            DataFusionError::Shared(inner) => match Arc::try_unwrap(inner) {
                Ok(inner) => inner.into(),
                Err(inner) => Self::internal(inner),
            },
            DataFusionError::ExecutionJoin(error) if error.is_cancelled() => Failure::Cancelled.into(),
            DataFusionError::ResourcesExhausted(_) => Failure::Memory.into(),
            other => Self::internal(other),
        }
    }
}
