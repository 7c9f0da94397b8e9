//! What follows a record of a node.

use auth::{AuditSink, Record};
use logline::Timestamp;
use query::Engine;
use storage::{Storage, TimeRange};
use tracing::error;

use super::of_node;
use super::parts::{common, parts, scope, stretches};

/// Records of a node behind one with this time and number, in order: as many as are read together, none if there are no
/// more. What cannot be read is told and passed over.
pub(in super::super) async fn behind(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    node: &str,
    (since, sequence): (Timestamp, u64),
) -> Result<Vec<Record>, query::Error> {
    let scope = scope("records of the audit trail behind one", sink);
    let wanted = TimeRange { start: since, end: Timestamp::MAX };
    for range in stretches(storage).into_iter().filter_map(|stretch| common(wanted, stretch)) {
        let mut found: Vec<Record> = Vec::new();
        for part in parts(engine, storage, &scope, range, &of_node(node)).await? {
            match part {
                Ok(part) => found.extend(part.into_iter().filter(|record| sequence < record.sequence)),
                Err(reason) => {
                    error!(reason, "a part of the audit trail cannot be read; `lapidary audit verify` tells more");
                }
            }
        }
        if !found.is_empty() {
            found.sort_by_key(|record| record.sequence);
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
