//! What kinds of lines there are: templates mined out of the lines of a selection, with how often each came when.

mod miner;
mod pieces;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array as _, ArrayAccessor as _, StringArray};
use arrow::record_batch::RecordBatch;
use auth::Scope;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use futures::StreamExt;
use logline::Timestamp;
use storage::{TimeRange, logs};

use self::miner::Miner;
use crate::answer::Answer;
use crate::deletes;
use crate::engine::Engine;
use crate::error::Error;
use crate::exec::{TextDictionary, column, times};
use crate::view::Want;

/// No finer, as in Loki.
const SHORTEST_STEP: Duration = Duration::from_secs(10);

/// A template of lines and when lines of its kind came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The template, with `<_>` where lines differ; the line filter `|>` finds its lines.
    pub text: String,
    /// The level of its lines; empty when they have none.
    pub level: String,
    /// Start of a step and number of lines in it, oldest first.
    pub samples: Vec<(Timestamp, u64)>,
}

impl Engine {
    /// Mines the templates of the lines that a selector, with line filters if need be, selects; the most frequent
    /// first.
    pub async fn patterns(
        &self,
        scope: &Scope,
        query: &str,
        range: TimeRange,
        step: Duration,
    ) -> Result<Answer<Vec<Pattern>>, Error> {
        if !Self::is_about_lines(query)? {
            return Err(Error::invalid(
                "patterns are found in lines: they need a selector, with line filters if need be",
            ));
        }
        let predicate = deletes::predicate(query)?;
        let range = self.clamp(scope, range)?;
        let step = i64::try_from(step.max(SHORTEST_STEP).as_nanos()).unwrap_or(i64::MAX);
        let (run, view) = self.begin_in_turn(scope).await?;
        let columns = [logs::TIMESTAMP, logs::NANOS, logs::LINE, LEVEL].map(str::to_owned).into();
        let plan = Arc::new(CoalescePartitionsExec::new(view.scan(&Want {
            range,
            predicate,
            columns,
            pairs: None,
            stretches: None,
            json: None,
        })?));
        let mined = async {
            let mut miner = Miner::default();
            let mut rows = run.stream(plan)?;
            while let Some(batch) = rows.next().await {
                add(&mut miner, &batch?, step)?;
            }
            Ok(miner.finish())
        };
        let found = run.within_limits(mined).await?;
        let pattern = |mined: miner::Mined| Pattern {
            text: mined.text,
            level: mined.level,
            samples: mined.samples.into_iter().map(|(step_at, lines)| (Timestamp(step_at), lines)).collect(),
        };
        let found: Vec<Pattern> = found.into_iter().map(pattern).collect();
        let count = found.len();
        Ok(run.answer(found, count))
    }
}

/// The column of levels.
const LEVEL: &str = "detected_level";

fn add(miner: &mut Miner, batch: &RecordBatch, step: i64) -> Result<(), Error> {
    let lines: &StringArray = column(batch, logs::LINE)?;
    let levels: &TextDictionary = column(batch, LEVEL)?;
    let levels = levels.downcast_dict::<StringArray>().ok_or_else(|| Error::internal("levels are no text"))?;
    for (row, time) in times(batch)?.into_iter().enumerate() {
        let level = if levels.is_null(row) { "" } else { levels.value(row) };
        miner.add(lines.value(row), level, time.div_euclid(step).saturating_mul(step));
    }
    Ok(())
}
