//! Looks at every record, to see whether the chains hold.

use std::collections::BTreeMap;

use auth::{Anchor, AuditSink, Broken, Unreadable, Verified, Verifier};
use logline::Timestamp;
use query::Engine;
use storage::{Predicate, Storage};

use super::parts::{parts, scope, stretches};

/// What a look at every record found.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What holds of each node's chain, or the first record that is not as it was written.
    pub(crate) chains: Result<BTreeMap<String, Verified>, Broken>,
    /// Parts that could not be read.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// Looks at every record. `anchors` are ends of chains that were written down elsewhere; records older than `kept_since`
/// may be gone.
pub(crate) async fn verify(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    anchors: Vec<Anchor>,
    (kept_since, now): (Timestamp, Timestamp),
) -> Result<Checked, query::Error> {
    let scope = scope("tamper check of the audit trail", sink);
    let mut verifier = Verifier::new(anchors);
    let mut first_broken = Ok(());
    for range in stretches(storage) {
        for part in parts(engine, storage, &scope, range, &Predicate::True).await? {
            match part {
                Ok(mut found) if first_broken.is_ok() => {
                    found.sort_by(|a, b| (&a.node, a.sequence).cmp(&(&b.node, b.sequence)));
                    first_broken = found.iter().try_for_each(|record| verifier.check(record));
                }
                Ok(_) => {}
                Err(reason) => verifier.skip(reason),
            }
        }
    }
    let unreadable = verifier.unreadable().to_vec();
    Ok(Checked { chains: first_broken.and_then(|()| verifier.finish(kept_since, now)), unreadable })
}
