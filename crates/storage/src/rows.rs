//! Makes the rows of every table from a batch; a derived table that fails is left out and counted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::Array;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use logline::Batch;
use tracing::error;

use crate::{Derive, Error, Metrics, TableSpec, logs};

/// Index of the table of lines.
pub(crate) const LOGS_INDEX: usize = 0;

/// What makes rows of a batch; the tables stand in the order of their indexes.
#[derive(Clone, Debug)]
pub(crate) struct RowMaker {
    derives: Arc<[(Arc<dyn Derive>, TableSpec)]>,
    metrics: Metrics,
}

impl RowMaker {
    pub(crate) fn new(derives: Vec<Arc<dyn Derive>>, metrics: Metrics) -> Self {
        let with_spec = |derive: Arc<dyn Derive>| {
            let spec = derive.table();
            (derive, spec)
        };
        Self { derives: derives.into_iter().map(with_spec).collect(), metrics }
    }

    /// Specs of all tables, the lines first.
    pub(crate) fn specs(&self) -> Vec<TableSpec> {
        std::iter::once(logs::spec()).chain(self.derives.iter().map(|(_, spec)| spec.clone())).collect()
    }

    /// Rows for each table that the batch has something for and that is `wanted`, by its index.
    pub(crate) fn make(
        &self,
        batch: &Batch,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Vec<(usize, RecordBatch)>, Error> {
        let mut rows = Vec::with_capacity(1 + self.derives.len());
        let owner = self.derives.iter().position(|(derive, _)| derive.owns(&batch.tenant));
        let owner = owner.map(|index| LOGS_INDEX + 1 + index);
        let wanted = |table: usize| owner.is_none_or(|owner| owner == table) && wanted(table);
        if wanted(LOGS_INDEX) {
            rows.push((LOGS_INDEX, fitted(logs::rows(batch).map_err(Error::internal)?)));
        }
        for (table, (derive, spec)) in (LOGS_INDEX + 1..).zip(self.derives.iter()).filter(|(table, _)| wanted(*table)) {
            rows.extend(self.derived(spec, || derive.derive(batch)).map(|derived| (table, derived)));
        }
        Ok(rows)
    }

    /// Rows of one derived table for lines that were seen before.
    pub(crate) fn again(&self, batch: &Batch, table: usize) -> Option<RecordBatch> {
        let (derive, spec) = self.derives.get(table.checked_sub(LOGS_INDEX + 1)?)?;
        self.derived(spec, || derive.derive_again(batch))
    }

    /// The column with the time of a row's line, for a derived table whose rows can be made again.
    pub(crate) fn line_time(&self, name: &str) -> Option<&'static str> {
        self.derives.iter().find(|(_, spec)| spec.name == name)?.0.line_time()
    }

    fn derived(&self, spec: &TableSpec, derive: impl FnOnce() -> Option<RecordBatch>) -> Option<RecordBatch> {
        match catch_unwind(AssertUnwindSafe(derive)) {
            Ok(derived) => {
                let derived = derived.filter(|rows| 0 < rows.num_rows())?;
                if derived.schema_ref().fields() == spec.schema.fields() {
                    return Some(fitted(derived));
                }
                self.failed(spec, "its rows do not have the columns of the table");
            }
            Err(_) => self.failed(spec, "it panicked"),
        }
        None
    }

    fn failed(&self, spec: &TableSpec, reason: &'static str) {
        self.metrics.derive_failures.inc();
        error!(table = spec.name, reason, "no rows were derived from a batch");
    }
}

/// The same rows without the spare room of what built them: they stay in memory until they are in files.
fn fitted(rows: RecordBatch) -> RecordBatch {
    let (schema, mut columns, count) = rows.into_parts();
    columns.iter_mut().for_each(Array::shrink_to_fit);
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(schema, columns, &options).expect("the columns are those of a batch")
}
