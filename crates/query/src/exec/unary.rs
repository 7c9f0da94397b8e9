//! One `ExecutionPlan` for all our operators that have one input: what differs is in [`Operator`].

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::stream::BoxStream;

use super::codec::Node;

/// What an operator makes of its input.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// Turns one stream of batches into another. It is data: partitions compile what they need when they run.
pub(crate) trait Operator: Clone + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Its name in a plan.
    const NAME: &'static str;

    /// The columns it yields.
    fn schema(&self) -> SchemaRef;

    /// Whether it must see all rows in one partition.
    fn needs_all_rows(&self) -> bool {
        false
    }

    /// Starts on one partition.
    fn run(&self, input: SendableRecordBatchStream, task: &TaskContext) -> Result<Batches, crate::Error>;

    /// Itself, ready to travel.
    fn node(&self) -> Node;
}

/// An operator and its input.
#[derive(Debug)]
pub(crate) struct UnaryExec<O> {
    operator: O,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl<O: Operator> UnaryExec<O> {
    pub(crate) fn new(operator: O, input: Arc<dyn ExecutionPlan>) -> Self {
        let partitions = input.properties().output_partitioning().partition_count();
        let properties = properties(operator.schema(), partitions);
        Self { operator, input, properties }
    }

    pub(crate) fn node(&self) -> Node {
        self.operator.node()
    }
}

/// Properties of a plan whose rows come in no order that anybody may rely on.
pub(super) fn properties(schema: SchemaRef, partitions: usize) -> Arc<PlanProperties> {
    Arc::new(PlanProperties::new(
        EquivalenceProperties::new(schema),
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    ))
}

impl<O: Operator> DisplayAs for UnaryExec<O> {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", O::NAME, self.operator)
    }
}

impl<O: Operator> ExecutionPlan for UnaryExec<O> {
    fn name(&self) -> &str {
        O::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> datafusion::physical_plan::InputDistributionRequirements {
        let need = if self.operator.needs_all_rows() {
            Distribution::SinglePartition
        } else {
            Distribution::UnspecifiedDistribution
        };
        datafusion::physical_plan::InputDistributionRequirements::new(vec![need])
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(self.operator.clone(), input))),
            _ => Err(crate::Error::internal(format!("{} has one input", O::NAME)).into()),
        }
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&task))?;
        let batches = self.operator.run(input, &task)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}
