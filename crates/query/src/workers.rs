//! Threads of their own for queries: what they compute keeps nobody waiting who takes lines or answers something else.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::error::Error;

/// Threads for each core at most. More than one, so that the system shares the cores between queries that do not let go
/// of theirs; not any number, since a machine with many cores runs many parts of a query at once.
const THREADS_PER_CORE: usize = 12;
/// Batches that wait between a worker and whoever asked.
const BATCHES: usize = 2;

/// The threads. Whatever runs on them ends when they are dropped.
#[derive(Debug)]
pub(crate) struct Workers(Option<Runtime>);

impl Workers {
    /// Threads for so many queries at once, each of so many parts at once and one that waits for them: even when all of
    /// them compute somebody looks at the clock.
    pub(crate) fn new(at_once: usize, parallelism: usize) -> Result<Self, Error> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = at_once.saturating_mul(parallelism + 1).clamp(2, cores * THREADS_PER_CORE);
        let runtime = Builder::new_multi_thread().worker_threads(threads).thread_name("query").enable_all().build();
        Ok(Self(Some(runtime.map_err(Error::internal)?)))
    }

    /// Works on these threads; dropping the future stops the work where it waits next.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let runtime = self.0.as_ref().ok_or_else(gone)?;
        let mut task = JoinSet::new();
        task.spawn_on(work, runtime.handle());
        task.join_next()
            .await
            .ok_or_else(gone)?
            .map_err(|error| Error::internal(format!("a query ended early: {error}")))?
    }

    /// Executes a plan on these threads; dropping the stream stops it.
    pub(crate) fn stream(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream, Error> {
        let runtime = self.0.as_ref().ok_or_else(gone)?;
        let mut builder = RecordBatchReceiverStreamBuilder::new(plan.schema(), BATCHES);
        let to = builder.tx();
        let work = async move {
            let mut rows = execute_stream(plan, task)?;
            while let Some(batch) = rows.next().await {
                let has_failed = batch.is_err();
                // Nobody reads on: that is an end.
                if to.send(batch).await.is_err() || has_failed {
                    break;
                }
            }
            Ok::<_, DataFusionError>(())
        };
        builder.spawn_on(work, runtime.handle());
        Ok(builder.build())
    }
}

fn gone() -> Error {
    Error::internal("the threads of queries are gone")
}

impl Drop for Workers {
    /// Waits for nothing: the last query may be dropped where nobody may wait.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
