//! Where rules look: what is stored, under the scope of whoever the rule belongs to.

use std::sync::Arc;
use std::time::Duration;

use auth::Scope;
use futures::StreamExt as _;
use logline::{Labels, Reader, Timestamp};
use orders::Orders;
use query::{Batch, Direction, Engine, Params, Series};

use super::found::Grid;

/// Most series that one expression of a rule may come to.
pub const MAX_SERIES: usize = 20_000;

/// Why a rule could not be evaluated; the text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something is wrong, with the rule or here.
    #[error("{0}")]
    Failed(String),
    /// What the rule looks at is not complete yet; nothing is wrong.
    #[error("{0}")]
    Waits(&'static str),
}

impl Failure {
    /// Whether nothing is wrong.
    pub const fn is_wait(&self) -> bool {
        matches!(self, Self::Waits(_))
    }
}

impl From<query::Error> for Failure {
    fn from(error: query::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<orders::Error> for Failure {
    fn from(error: orders::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What is stored, as one scope sees it. Rules that are evaluated at the same moment share one, and with it a snapshot.
#[derive(Debug)]
pub struct Source {
    engine: Arc<Engine>,
    scope: Scope,
    batch: Batch,
    orders: Option<Arc<Orders>>,
    past: bool,
}

/// A line as rules read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) time: Timestamp,
    /// Of the stream, after the stages.
    pub(crate) labels: Labels,
    /// `detected_level`, when there is one.
    pub(crate) level: String,
    pub(crate) text: String,
}

impl Line {
    /// The service that wrote it; empty when the stages took that label away.
    pub(crate) fn service(&self) -> &str {
        self.labels.get("service_name").unwrap_or_default()
    }
}

impl Source {
    /// Looks at what is stored now. Without `orders` rules about orders find nothing.
    ///
    /// # Errors
    /// Storage is not ready.
    pub fn new(engine: Arc<Engine>, scope: Scope, orders: Option<Arc<Orders>>) -> Result<Self, Failure> {
        let batch = Batch::new(Arc::clone(&engine), scope.clone())?;
        Ok(Self { engine, scope, batch, orders, past: false })
    }

    /// What lines are read with.
    pub(crate) fn reader(&self) -> &Reader {
        self.engine.reader()
    }

    /// The same for moments in the past, of which the live state of orders says nothing.
    #[must_use]
    pub(crate) fn of_the_past(self) -> Self {
        Self { past: true, ..self }
    }

    /// Whether moments in the past are looked at.
    pub(crate) const fn is_past(&self) -> bool {
        self.past
    }

    /// Under whose rights it looks.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Live orders, if there are any.
    ///
    /// # Errors
    /// Whoever looks may not read the steps of orders.
    pub(crate) fn orders(&self) -> Result<Option<&Arc<Orders>>, Failure> {
        if self.scope.sees_steps() {
            return Ok(self.orders.as_ref());
        }
        Err(Failure::Failed(format!(
            "`{}` lacks the permission `orders`, which a rule about orders needs",
            self.scope.principal()
        )))
    }

    /// Series of a metric query at the moments of a grid.
    pub(crate) async fn series(&self, query: &str, grid: Grid) -> Result<Vec<Series>, Failure> {
        Ok(self.batch.series(query, (grid.start, grid.end()), grid.step, MAX_SERIES).await?)
    }

    /// Series of a metric query at one moment, each as its labels and its value.
    ///
    /// # Errors
    /// As a query.
    pub async fn values(&self, query: &str, time: Timestamp) -> Result<Vec<(String, f64)>, Failure> {
        let series = self.series(query, Grid::at(time)).await?;
        let point = |one: Series| Some((one.labels.to_string(), one.points.first()?.1));
        Ok(series.into_iter().filter_map(point).collect())
    }

    /// When the first line of a log query came after `after` and up to `until`.
    pub(crate) async fn first_line(
        &self,
        query: &str,
        span: (Timestamp, Timestamp),
    ) -> Result<Option<Timestamp>, Failure> {
        let mut first = None;
        self.each_line(query, span, 1, |line| first = Some(line.time)).await?;
        Ok(first)
    }

    /// Lines of a log query after `after` and up to `until`, one by one, oldest first; at most so many.
    pub(crate) async fn each_line(
        &self,
        query: &str,
        (after, until): (Timestamp, Timestamp),
        most: usize,
        mut each: impl FnMut(Line),
    ) -> Result<(), Failure> {
        let tick = Duration::from_nanos(1);
        let params = Params {
            query: query.to_owned(),
            start: after.after(tick),
            end: until.after(tick),
            step: Duration::from_secs(1),
            interval: Duration::ZERO,
            limit: most,
            direction: Direction::Forward,
        };
        let mut stream = self.engine.lines(&self.scope, &params, None)?;
        let mut left = most;
        while let Some(some) = stream.next().await {
            for (labels, entry) in some? {
                let Some(fewer) = left.checked_sub(1) else { return Ok(()) };
                left = fewer;
                let level = entry.metadata.iter().find(|(name, _)| name == "detected_level");
                let level = level.map(|(_, value)| value.clone()).unwrap_or_default();
                let labels = Labels::parse(&labels).map_err(|error| Failure::Failed(error.to_string()))?;
                each(Line { time: entry.timestamp, labels, level, text: entry.line });
            }
        }
        Ok(())
    }
}
