//! Our operators as bytes, so that a plan can run on another node.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::{Deserialize, Serialize};
use storage::{Scan, Storage};

use super::unary::Operator;
use super::{Distinct, Lines, Range, ScanExec, Tally, UnaryExec};
use crate::error::Error;

/// An operator without its input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Node {
    Scan { scans: Vec<Scan>, named: bool },
    Lines(Lines),
    Range(Range),
    Distinct(Distinct),
    Tally(Tally),
}

/// Writes our operators and reads them back on a node with this storage.
#[derive(Debug)]
pub(crate) struct PlanCodec {
    storage: Arc<Storage>,
}

impl PlanCodec {
    pub(crate) const fn new(storage: Arc<Storage>) -> Self {
        Self { storage }
    }

    fn scan(&self, scans: Vec<Scan>, named: bool) -> Result<Arc<dyn ExecutionPlan>, Error> {
        let name = scans.first().map(|scan| scan.table.as_str()).unwrap_or_default();
        let table = self.storage.table(name).ok_or_else(|| Error::internal(format!("there is no table `{name}`")))?;
        let schema = Arc::clone(&table.spec().schema);
        Ok(Arc::new(ScanExec::new(scans, &schema, named)?))
    }
}

impl PhysicalExtensionCodec for PlanCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let node: Node = serde_json::from_slice(bytes).map_err(Error::internal)?;
        Ok(match node {
            Node::Scan { scans, named } => self.scan(scans, named)?,
            Node::Lines(lines) => unary(lines, inputs)?,
            Node::Range(range) => unary(range, inputs)?,
            Node::Distinct(distinct) => unary(distinct, inputs)?,
            Node::Tally(tally) => unary(tally, inputs)?,
        })
    }

    fn try_encode(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let node = node(plan.as_ref()).ok_or_else(|| Error::internal(format!("`{}` cannot travel", plan.name())))?;
        Ok(serde_json::to_writer(bytes, &node).map_err(Error::internal)?)
    }
}

fn unary<O: Operator>(operator: O, inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>, Error> {
    match inputs {
        [input] => Ok(Arc::new(UnaryExec::new(operator, Arc::clone(input)))),
        _ => Err(Error::internal(format!("`{}` has one input", O::NAME))),
    }
}

fn node(plan: &dyn ExecutionPlan) -> Option<Node> {
    fn of<O: Operator>(plan: &dyn ExecutionPlan) -> Option<Node> {
        plan.downcast_ref::<UnaryExec<O>>().map(UnaryExec::node)
    }
    plan.downcast_ref::<ScanExec>()
        .map(ScanExec::node)
        .or_else(|| of::<Lines>(plan))
        .or_else(|| of::<Range>(plan))
        .or_else(|| of::<Distinct>(plan))
        .or_else(|| of::<Tally>(plan))
}
