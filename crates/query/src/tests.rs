//! Whole queries over a real storage, every plan sent through its encoding first.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::{physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec};

use crate::Error;
use crate::exec::PlanCodec;
use crate::run::Run;

/// The plan as another node would get it. Every plan that a test of this crate executes comes through here.
pub(crate) fn travelled(run: &Run, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let codec = PlanCodec::new(Arc::clone(run.storage()));
    let bytes = physical_plan_to_bytes_with_extension_codec(plan, &codec)?;
    Ok(physical_plan_from_bytes_with_extension_codec(&bytes, run.task(), &codec)?)
}
