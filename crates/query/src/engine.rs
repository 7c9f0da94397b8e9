//! The door: every question about stored lines comes through here, with a scope.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use auth::Scope;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use logline::{Labels, Reader, Timestamp};
use logql::{Expr, Matcher, MetricExpr};
use stdx::Clock;
use storage::{Delete, NewDelete, Predicate, Storage, TimeRange, logs};

use crate::answer::{Answer, Data};
use crate::cache::Cache;
use crate::config::{Config, Limits};
use crate::error::{Error, Failure};
use crate::matchers::predicate;
use crate::params::{Grid, Params};
use crate::run::Run;
use crate::turns::Turns;
use crate::view::{View, Want};
use crate::visibility::visibility;
use crate::workers::Workers;
use crate::{catalog, deletes, metric};

/// Answers queries over what a storage holds. Share it with `Arc`.
#[derive(Clone, Debug)]
pub struct Engine {
    storage: Arc<Storage>,
    config: Config,
    clock: Arc<dyn Clock>,
    /// Holds the memory that all queries share. Nothing is spilled to disk: lines stay where they are protected.
    runtime: Arc<RuntimeEnv>,
    turns: Arc<Turns>,
    workers: Arc<Workers>,
    /// Points that were computed before.
    cache: Arc<Cache>,
}

impl Engine {
    /// Answers from this storage.
    pub fn new(storage: Arc<Storage>, config: Config, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(config.memory.as_usize())))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()?;
        let turns = Turns::new(config.at_once, config.most_waiting);
        let workers = Arc::new(Workers::new(config.at_once, config.parallelism)?);
        let cache = Arc::new(Cache::new(config.results_cache.as_usize()));
        Ok(Self { storage, config, clock, runtime, turns, workers, cache })
    }

    /// The same for a request that has limits of its own; of each limit the lowest holds.
    #[must_use]
    pub fn within(&self, limits: &Limits) -> Self {
        let mut engine = self.clone();
        let all = engine.config.tenants.values_mut().chain([&mut engine.config.limits]);
        all.for_each(|own| *own = own.lowest(limits));
        engine
    }

    /// The same, but nothing that was computed before is given out again.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self { cache: Arc::new(Cache::new(0)), ..self.clone() }
    }

    /// Lines or series over a stretch of time. Dropping the future stops the work.
    pub async fn query_range(&self, scope: &Scope, params: &Params) -> Result<Answer, Error> {
        self.range(scope, params, self.limits(scope).max_series).await
    }

    /// Answers on the threads of queries; dropping the future stops the work.
    async fn answered<T, F>(&self, answer: impl FnOnce(Self) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.workers.run(answer(self.clone())).await
    }

    /// The same; of too many series only so many as there may be are given, with a warning.
    pub async fn query_range_in_part(&self, scope: &Scope, params: &Params) -> Result<Answer, Error> {
        Ok(self.range(scope, params, usize::MAX).await?.in_part(self.limits(scope).max_series))
    }

    async fn range(&self, scope: &Scope, params: &Params, max_series: usize) -> Result<Answer, Error> {
        let (scope, params) = (scope.clone(), params.clone());
        self.answered(|engine| async move { engine.range_here(&scope, &params, max_series).await }).await
    }

    async fn range_here(&self, scope: &Scope, params: &Params, max_series: usize) -> Result<Answer, Error> {
        params.check_times()?;
        let (limits, range) = (self.limits(scope), TimeRange { start: params.start, end: params.end });
        let range = limits.clamp(range, self.clock.now().into())?;
        let expr = read(&params.query, &limits)?;
        let (run, view) = self.begin_in_turn(scope).await?;
        let data = match &expr {
            Expr::Log(log) => {
                params.check_limit(&limits)?;
                let params = Params { start: range.start, end: range.end, ..params.clone() };
                run.within_limits(crate::logs::run(&run, &view, log, &params)).await?
            }
            Expr::Metric(expr) => {
                let grid = params.grid()?.not_before(range.start);
                if grid.points == 0 {
                    return Ok(run.answer(Data::Matrix(Vec::new()), 0));
                }
                let value = run.within_limits(metric::run(&run, &view, expr, grid)).await?;
                metric::matrix(value, grid, max_series)?
            }
        };
        let found = data.len();
        Ok(run.answer(data, found))
    }

    /// Series, or a number, at one time.
    pub async fn query_instant(&self, scope: &Scope, query: &str, time: Timestamp) -> Result<Answer, Error> {
        self.instant(scope, query, time, self.limits(scope).max_series).await
    }

    /// The same; of too many series only so many as there may be are given, with a warning.
    pub async fn query_instant_in_part(&self, scope: &Scope, query: &str, time: Timestamp) -> Result<Answer, Error> {
        Ok(self.instant(scope, query, time, usize::MAX).await?.in_part(self.limits(scope).max_series))
    }

    async fn instant(&self, scope: &Scope, query: &str, time: Timestamp, max_series: usize) -> Result<Answer, Error> {
        let (scope, query) = (scope.clone(), query.to_owned());
        self.answered(|engine| async move { engine.instant_here(&scope, &query, time, max_series).await }).await
    }

    async fn instant_here(
        &self,
        scope: &Scope,
        query: &str,
        time: Timestamp,
        max_series: usize,
    ) -> Result<Answer, Error> {
        let limits = self.limits(scope);
        limits.clamp(TimeRange { start: time, end: time }, self.clock.now().into())?;
        let expr = numbers(query, &limits)?;
        let (run, view) = self.begin_in_turn(scope).await?;
        let grid = Grid::instant(time);
        let value = run.within_limits(metric::run(&run, &view, &expr, grid)).await?;
        let data = metric::vector(&expr, value, grid, max_series)?;
        let found = data.len();
        Ok(run.answer(data, found))
    }

    /// Names of the labels of streams that have lines in the range; of those that `selector` selects, if there is one.
    pub async fn labels(&self, scope: &Scope, range: TimeRange, selector: Option<&str>) -> Result<Vec<String>, Error> {
        let streams = self.streams(scope, range, &selectors(selector)?).await?;
        Ok(catalog::names(&streams))
    }

    /// Values of a label in streams that have lines in the range.
    pub async fn label_values(
        &self,
        scope: &Scope,
        name: &str,
        range: TimeRange,
        selector: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        let streams = self.streams(scope, range, &selectors(selector)?).await?;
        Ok(catalog::values(&streams, name))
    }

    /// Labels of streams that have lines in the range and that one of the selectors selects; all without any.
    pub async fn series(&self, scope: &Scope, range: TimeRange, matchers: &[String]) -> Result<Vec<Labels>, Error> {
        let streams = self.streams(scope, range, &selectors(matchers)?).await?;
        Ok(streams.into_values().collect())
    }

    /// Rows of any table that may be seen and satisfy a condition, in no particular order.
    pub async fn rows(
        &self,
        scope: &Scope,
        table: &str,
        range: TimeRange,
        predicate: Predicate,
        columns: &[&str],
    ) -> Result<Vec<RecordBatch>, Error> {
        let (run, view) = self.begin(scope, table)?;
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        let plan = view.scan(&Want { range, predicate, columns, pairs: None, stretches: None, json: None })?;
        run.within_limits(run.collect(plan)).await
    }

    /// Hides lines from every reader and has them deleted later: those that a selector with line filters keeps, as far
    /// as the scope shows them. In force when this returns.
    pub async fn delete(&self, scope: &Scope, query: &str, range: TimeRange) -> Result<Delete, Error> {
        let predicate = deletes::predicate(query)?;
        let visible = visibility(scope, scope.tenant(), logs::LOGS, &self.config.service_columns);
        if !visible.veils().is_empty() {
            return Err(Error::invalid("who may not see whole lines may not have lines deleted by what is in them"));
        }
        let predicate = predicate.and(visible.rows().clone());
        let new = NewDelete { tenant: scope.tenant().clone(), query: query.to_owned(), predicate, range };
        Ok(self.storage.delete(new).await?)
    }

    /// The plans of a query, for people: what is read, what the scan filters by, what runs where.
    pub fn explain(&self, scope: &Scope, params: &Params) -> Result<String, Error> {
        let (_, view) = self.begin(scope, logs::LOGS)?;
        let plans = match &read(&params.query, &self.limits(scope))? {
            Expr::Log(log) => {
                let range = TimeRange { start: params.start, end: params.end };
                vec![crate::logs::plan(&view, log, range, params.direction, Some(params.limit))?]
            }
            Expr::Metric(expr) => metric::plans(&view, expr, params.grid()?)?,
        };
        Ok(plans.iter().map(shown).collect())
    }

    /// The same of a query at one time.
    pub fn explain_instant(&self, scope: &Scope, query: &str, time: Timestamp) -> Result<String, Error> {
        let (_, view) = self.begin(scope, logs::LOGS)?;
        let plans = metric::plans(&view, &numbers(query, &self.limits(scope))?, Grid::instant(time))?;
        Ok(plans.iter().map(shown).collect())
    }

    pub(crate) async fn streams(
        &self,
        scope: &Scope,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
    ) -> Result<std::collections::BTreeMap<String, Labels>, Error> {
        let range = self.clamp(scope, range)?;
        let (run, view) = self.begin_in_turn(scope).await?;
        let any = match selectors {
            [] => Predicate::True,
            selectors => Predicate::Or(selectors.iter().map(|matchers| predicate(matchers)).collect()),
        };
        run.within_limits(catalog::streams(&run, &view, range, any)).await
    }

    /// What lines are read with, by the names that facts have here.
    pub const fn reader(&self) -> &Arc<Reader> {
        &self.config.reader
    }

    /// What a query under this scope may use.
    pub fn limits(&self, scope: &Scope) -> Limits {
        self.config.limits_of_all(scope.tenants())
    }

    /// The part of a stretch of time that may be read under a scope.
    pub(crate) fn clamp(&self, scope: &Scope, range: TimeRange) -> Result<TimeRange, Error> {
        self.limits(scope).clamp(range, self.clock.now().into())
    }

    /// Starts a query about lines once it is its turn.
    pub(crate) async fn begin_in_turn(&self, scope: &Scope) -> Result<(Run, View), Error> {
        let run = self.run_in_turn(scope).await?;
        Ok((run, self.view(scope, logs::LOGS)?))
    }

    /// A query that begins once it is its turn.
    pub(crate) async fn run_in_turn(&self, scope: &Scope) -> Result<Run, Error> {
        let (asked, timeout) = (self.clock.instant(), self.limits(scope).timeout);
        let turn = tokio::time::timeout(timeout, self.turns.wait(scope)).await;
        let turn = turn.map_err(|_| Failure::Timeout)??;
        let waited = self.clock.instant().saturating_duration_since(asked);
        Ok(self.run(scope).with_turn(turn, waited))
    }

    /// Starts a query: takes a snapshot and what the scope shows of it.
    pub(crate) fn begin(&self, scope: &Scope, table: &str) -> Result<(Run, View), Error> {
        Ok((self.run(scope), self.view(scope, table)?))
    }

    fn run(&self, scope: &Scope) -> Run {
        let memory = (&self.runtime, self.config.memory_per_query.as_usize());
        Run::new(
            (&self.storage, self.reader()),
            scope,
            &self.limits(scope),
            memory,
            &self.clock,
            (&self.cache, &self.workers),
        )
    }

    /// Takes a snapshot and what the scope shows of it.
    pub(crate) fn view(&self, scope: &Scope, table: &str) -> Result<View, Error> {
        let hidden = *self.storage.hidden_changes().borrow();
        let known = self.storage.table(table).ok_or_else(|| Error::invalid(format!("there is no table `{table}`")))?;
        let visible = |tenant| visibility(scope, tenant, table, &self.config.service_columns);
        let snapshots = scope.tenants().iter().map(|tenant| (known.snapshot(tenant), visible(tenant))).collect();
        Ok(View::new(&known, snapshots, self.config.parallelism, hidden))
    }
}

/// Stages and needles of line filters in a query; each costs time before the first line is read.
const MAX_PARTS: usize = 1_000;

/// A query may not touch every stream there is, nor have any number of stages.
pub(crate) fn parse(query: &str) -> Result<Expr, Error> {
    read(query, &Limits::none())
}

/// A query may not have any number of stages, nor what limits do not allow.
pub(crate) fn read(query: &str, limits: &Limits) -> Result<Expr, Error> {
    let expr = logql::parse(query)?;
    limits.check(&expr)?;
    let parts = match &expr {
        Expr::Log(log) => metric::parts(&log.stages),
        Expr::Metric(expr) => metric::parts_of_all(expr),
    };
    if MAX_PARTS < parts {
        let text = format!(
            "the query has {parts} stages and filters, more than {MAX_PARTS}; join filters by a regular expression"
        );
        return Err(Error::invalid(text));
    }
    Ok(expr)
}

/// A query for numbers, the only kind that may be asked at one time.
fn numbers(query: &str, limits: &Limits) -> Result<MetricExpr, Error> {
    match read(query, limits)? {
        Expr::Metric(expr) => Ok(expr),
        Expr::Log(_) => Err(Error::invalid(
            "log queries are not supported as an instant query type, please change your query to a range query type",
        )),
    }
}

pub(crate) fn selectors<'s>(texts: impl IntoIterator<Item = impl AsRef<str> + 's>) -> Result<Vec<Vec<Matcher>>, Error> {
    let selectors = texts.into_iter().map(|text| logql::parse_selector(text.as_ref()));
    Ok(selectors.collect::<Result<_, _>>()?)
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}
