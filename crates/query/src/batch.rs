//! Many metric queries of one asker over the same snapshot: equal range aggregations at the same points are computed once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth::Scope;
use logline::Timestamp;
use logql::Expr;
use logql::ast::RangeAggregation;
use storage::logs;
use tokio::sync::OnceCell;

use crate::answer::{Data, Series};
use crate::engine::{Engine, parse};
use crate::error::Error;
use crate::eval::{Curve, Leaves, evaluate};
use crate::metric::{self, Leaf};
use crate::params::{Direction, Grid, Params};
use crate::view::View;

/// Series that a range aggregation came to, once somebody has computed them.
type Computed = Arc<OnceCell<Arc<Vec<Curve>>>>;

/// Queries that share a snapshot and whatever parts of them are equal, as the rules of one moment do.
#[derive(Debug)]
pub struct Batch {
    engine: Arc<Engine>,
    scope: Scope,
    view: View,
    computed: Mutex<HashMap<(Leaf, Grid), Computed>>,
}

impl Batch {
    /// Starts a batch on what is stored now.
    ///
    /// # Errors
    /// Storage is not ready.
    pub fn new(engine: Arc<Engine>, scope: Scope) -> Result<Self, Error> {
        let view = engine.view(&scope, logs::LOGS)?;
        Ok(Self { engine, scope, view, computed: Mutex::default() })
    }

    /// Series of a metric query at the points from `start` to `end`; with `start == end` at that time only. A number is
    /// a series without labels. There may be up to `max_series` of them.
    ///
    /// # Errors
    /// As [`Engine::query_range`].
    pub async fn series(
        &self,
        query: &str,
        (start, end): (Timestamp, Timestamp),
        step: Duration,
        max_series: usize,
    ) -> Result<Vec<Series>, Error> {
        let Expr::Metric(expr) = parse(query)? else {
            return Err(Error::invalid("want a query for numbers, not one for lines"));
        };
        let (interval, limit, direction) = (Duration::ZERO, 1, Direction::Forward);
        let params = Params { query: String::new(), start, end, step, interval, limit, direction };
        params.check_times()?;
        let grid = params.grid()?;
        let mut leaves = Leaves::new();
        for (leaf, range) in metric::leaves(&expr, grid.points) {
            let curves = self.leaf(&leaf, range, grid).await?;
            leaves.insert(leaf, curves);
        }
        match metric::matrix(evaluate(&expr, &leaves, grid.points)?, grid, max_series)? {
            Data::Matrix(series) => Ok(series),
            _ => Err(Error::internal("a matrix is not one")),
        }
    }

    async fn leaf(&self, leaf: &Leaf, range: &RangeAggregation, grid: Grid) -> Result<Arc<Vec<Curve>>, Error> {
        let cell = {
            let mut computed = self.computed.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(computed.entry((leaf.clone(), grid)).or_default())
        };
        let curves = cell.get_or_try_init(|| async {
            let run = self.engine.run_in_turn(&self.scope).await?;
            let curves = run.within_limits(metric::compute(&run, &self.view, leaf, range, grid)).await?;
            Ok::<_, Error>(Arc::new(curves))
        });
        curves.await.map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{World, at, everything, line};

    #[tokio::test]
    async fn a_batch_answers_as_single_queries_do_and_computes_equal_parts_once() {
        let lines: Vec<_> = (0..60).map(|n| line(f64::from(n), r#"{app="a"}"#, "x")).collect();
        let world = World::new(&lines).await;
        let engine = Arc::clone(&world.engines()[0]);
        let batch = Batch::new(engine, everything()).unwrap();
        let minute = Duration::from_secs(60);
        // A window does not hold its begin, so the first line falls out.
        for (query, want) in [
            (r#"sum by (app) (count_over_time({app="a"}[1m])) > 10"#, vec![59.0]),
            (r#"sum by (app) (count_over_time({app="a"}[1m])) > 70"#, vec![]),
            ("vector(3)", vec![3.0]),
        ] {
            let series = batch.series(query, (at(60), at(60)), minute, 10).await.unwrap();
            let values: Vec<f64> = series.iter().flat_map(|one| &one.points).map(|(_, value)| *value).collect();
            assert_eq!(values, want, "{query}");
        }
        assert_eq!(batch.computed.lock().unwrap().len(), 1, "both thresholds stand on the same count");
        let error = batch.series(r#"{app="a"}"#, (at(0), at(0)), minute, 10).await.unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Invalid);
    }
}
