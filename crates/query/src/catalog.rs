//! Which streams there are: labels, their values, series. Reads the column of streams and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::StringArray;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use logline::Labels;
use storage::{Predicate, TimeRange, logs};

use crate::error::Error;
use crate::exec::{Distinct, UnaryExec, column};
use crate::run::Run;
use crate::view::{View, Want};

/// The streams with a line in the range that satisfy the condition, by the text of their labels.
pub(crate) async fn streams(
    run: &Run,
    view: &View,
    range: TimeRange,
    predicate: Predicate,
) -> Result<BTreeMap<String, Labels>, Error> {
    let mut streams = BTreeMap::new();
    for batch in run.collect(plan(view, range, predicate)?).await? {
        let texts: &StringArray = column(&batch, logs::STREAM)?;
        for text in texts.iter().flatten() {
            if !streams.contains_key(text) {
                streams.insert(text.to_owned(), Labels::parse(text).map_err(Error::internal)?);
            }
        }
    }
    Ok(streams)
}

pub(crate) fn plan(view: &View, range: TimeRange, predicate: Predicate) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let want = Want {
        range,
        predicate,
        columns: [logs::STREAM, logs::COUNT].map(str::to_owned).into(),
        pairs: None,
        stretches: None,
        json: None,
    };
    let distinct = Arc::new(UnaryExec::new(Distinct, view.scan(&want)?));
    Ok(Arc::new(CoalescePartitionsExec::new(distinct)))
}

/// Names of the labels of streams, sorted.
pub(crate) fn names(streams: &BTreeMap<String, Labels>) -> Vec<String> {
    let names: BTreeSet<&str> = streams.values().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// Values of a label, sorted.
pub(crate) fn values(streams: &BTreeMap<String, Labels>, name: &str) -> Vec<String> {
    let values: BTreeSet<&str> = streams.values().filter_map(|labels| labels.get(name)).collect();
    values.into_iter().map(str::to_owned).collect()
}
