//! The leaf: reads rows of a table as a [`Scan`] describes them, one partition a scan.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};
use futures::StreamExt;
use storage::{Scan, Source, logs};

use super::codec::Node;
use super::context::QueryContext;
use super::unary::properties;
use crate::Error;
use crate::tenants::Named;

/// Reads each scan as a partition of its own. All of them project the same columns.
#[derive(Debug)]
pub(crate) struct ScanExec {
    scans: Vec<Scan>,
    /// Whether streams carry their tenant.
    named: bool,
    properties: Arc<PlanProperties>,
}

impl ScanExec {
    /// Scans of a table with these columns.
    pub(crate) fn new(scans: Vec<Scan>, table: &Schema, named: bool) -> Result<Self, Error> {
        let projection = scans.first().map(|scan| scan.projection.as_slice()).unwrap_or_default();
        let fields: std::result::Result<Vec<_>, Error> = projection.iter().map(|name| field(table, name)).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields?));
        let properties = properties(schema, scans.len());
        Ok(Self { scans, named, properties })
    }

    /// Itself, ready to travel.
    pub(crate) fn node(&self) -> Node {
        Node::Scan { scans: self.scans.clone(), named: self.named }
    }
}

fn field(table: &Schema, name: &str) -> std::result::Result<Field, Error> {
    logs::field(table, name).ok_or_else(|| Error::invalid(format!("there is no column `{name}`")))
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: usize = self.scans.iter().map(files).sum();
        let heads = self.scans.iter().filter(|scan| matches!(scan.source, Source::Head { .. })).count();
        let Some(scan) = self.scans.first() else { return write!(f, "ScanExec: nothing") };
        write!(f, "ScanExec: table={}", scan.table)?;
        // Files hold rows of others too: how many there are is for who sees all of them.
        if self.scans.iter().all(|scan| scan.visibility.is_everything()) {
            write!(f, " files={files} heads={heads}")?;
        }
        write!(f, " columns=[{}] predicate={:?}", scan.projection.join(", "), scan.predicate)
    }
}

fn files(scan: &Scan) -> usize {
    match &scan.source {
        Source::Files { files, .. } => files.len(),
        Source::Head { .. } => 0,
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        Self::static_name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let query = QueryContext::of(&task)?;
        let scan = self.scans.get(partition).ok_or_else(|| Error::internal(format!("no partition {partition}")))?;
        let stats = match &scan.source {
            Source::Files { .. } => &query.scanned,
            Source::Head { .. } => &query.head,
        };
        let rows = query.storage.scan(scan, stats).map_err(Error::from)?;
        let mut named = self.named.then(|| Named::new(scan.tenant.clone()));
        let checked = rows.map(move |batch| {
            query.go_on()?;
            query.check_bytes()?;
            let batch = batch.map_err(Error::from)?;
            query.count_metadata(&batch);
            Ok(match &mut named {
                Some(named) => named.batch(&batch)?,
                None => batch,
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), checked)))
    }
}
