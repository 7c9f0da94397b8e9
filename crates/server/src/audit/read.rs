//! Reads the trail: the newest records that fit a filter, and all of them to see whether the chain holds.

use anyhow::Context as _;
use auth::{Anchor, AuditSink, Broken, Link, Record, Scope, Verified, Verifier};
use logline::{Tenant, Timestamp};
use query::Engine;
use serde::{Deserialize, Serialize};
use storage::{Predicate, Storage, TextMatch, TimeRange};
use tracing::error;

use super::Anchors;
use super::table::{self, ACTION, AUDIT, DETAIL, NODE, OF_TENANT, OUTCOME, PRINCIPAL};

/// Which records; what is not said is not asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) principal: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) node: Option<String>,
    /// Stands somewhere in the detail.
    pub(crate) text: Option<String>,
    /// Records of these tenants' data; of all without.
    pub(crate) tenants: Option<Vec<Tenant>>,
    pub(crate) range: Option<TimeRange>,
    pub(crate) limit: usize,
}

/// Records, the newest first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) records: Vec<Record>,
    /// Whether there are older ones.
    pub(crate) more: bool,
}

impl Filter {
    fn predicate(&self) -> Predicate {
        let column = |name: &str, text: TextMatch| Predicate::Column { name: name.to_owned(), text };
        let equals = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| column(name, TextMatch::Equals(value.clone())))
        };
        let tenants = self.tenants.as_ref().map(|tenants| {
            column(OF_TENANT, TextMatch::OneOf(tenants.iter().map(|tenant| tenant.as_str().to_owned()).collect()))
        });
        let all = [
            equals(PRINCIPAL, &self.principal),
            equals(ACTION, &self.action),
            equals(OUTCOME, &self.outcome),
            equals(NODE, &self.node),
            self.text.as_ref().map(|text| column(DETAIL, TextMatch::Contains(text.clone()))),
            tenants,
        ];
        all.into_iter().flatten().fold(Predicate::True, Predicate::and)
    }
}

/// The newest records that fit.
pub(crate) async fn list(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    filter: &Filter,
) -> Result<Page, query::Error> {
    let scope = scope("list of the audit trail", sink);
    let mut records = Vec::new();
    for stretch in stretches(storage).into_iter().rev() {
        let range = filter.range.map_or(Some(stretch), |range| common(range, stretch));
        let Some(range) = range else { continue };
        let mut found = within(engine, &scope, range, filter.predicate()).await?;
        found.sort_by_key(|record| std::cmp::Reverse((record.time, record.sequence)));
        records.extend(found);
        if records.len() > filter.limit {
            break;
        }
    }
    let more = records.len() > filter.limit;
    records.truncate(filter.limit);
    Ok(Page { records, more })
}

/// Why the trail could not be looked at, or how it does not hold.
#[derive(Debug)]
pub(crate) enum Unverified {
    /// A record is not as it was written.
    Broken(Broken),
    /// It could not be read.
    Query(query::Error),
}

/// Looks at every record. `anchors` are ends of chains that were written down elsewhere; records older than `kept_since`
/// may be gone.
pub(crate) async fn verify(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    anchors: Vec<Anchor>,
    (kept_since, now): (Timestamp, Timestamp),
) -> Result<Vec<(String, Verified)>, Unverified> {
    let scope = scope("tamper check of the audit trail", sink);
    let mut verifier = Verifier::new(anchors);
    for range in stretches(storage) {
        let mut found = within(engine, &scope, range, Predicate::True).await.map_err(Unverified::Query)?;
        found.sort_by(|a, b| (&a.node, a.sequence).cmp(&(&b.node, b.sequence)));
        found.iter().try_for_each(|record| verifier.check(record)).map_err(Unverified::Broken)?;
    }
    verifier.finish(kept_since, now).map(|held| held.into_iter().collect()).map_err(Unverified::Broken)
}

/// Where a node's chain ends.
#[derive(Debug)]
pub(crate) struct End {
    /// Its newest record, or what is anchored of a newer one that is gone.
    pub(crate) link: Option<Link>,
    /// Number of the newest record that is anchored; 0 if none is.
    pub(crate) anchored: u64,
    /// Whether records behind the end may have been there that are gone or cannot be read.
    pub(crate) is_broken: bool,
}

/// The end of a node's chain. Of the trail only what is newer than the last anchor is read, and what of that is damaged is
/// told and passed over: the server must start all the same.
pub(crate) async fn end(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    anchors: &dyn Anchors,
    node: &str,
) -> anyhow::Result<End> {
    let anchors =
        anchors.all().await.map_err(anyhow::Error::msg).context("cannot read the anchors of the audit trail")?;
    let anchored = anchors.into_iter().filter(|anchor| anchor.node == node).map(|anchor| anchor.link);
    let anchored = anchored.max_by_key(|link| link.sequence);
    let since = anchored.as_ref().map_or(Timestamp::MIN, |link| link.time);
    let (kept, is_damaged) =
        newest(engine, storage, sink, node, since).await.context("cannot read the end of the audit trail")?;
    let sequence = anchored.as_ref().map_or(0, |link| link.sequence);
    let end = anchored.into_iter().chain(kept.clone()).max_by_key(|link| link.sequence);
    let missing = end.as_ref().filter(|end| kept.as_ref().is_none_or(|kept| kept.sequence < end.sequence));
    if let Some(end) = missing {
        error!(sequence = end.sequence, "the end of the audit trail is missing; `lapidary audit verify` tells more");
    }
    let is_broken = is_damaged || missing.is_some();
    Ok(End { link: end, anchored: sequence, is_broken })
}

/// The newest record of a node that can be read, and whether something newer cannot.
async fn newest(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    node: &str,
    since: Timestamp,
) -> Result<(Option<Link>, bool), query::Error> {
    let mut is_damaged = false;
    let scope = scope("end of the audit trail", sink);
    let wanted = TimeRange { start: since, end: Timestamp::MAX };
    let predicate = Filter { node: Some(node.to_owned()), ..Filter::default() }.predicate();
    for range in stretches(storage).into_iter().rev().filter_map(|stretch| common(wanted, stretch)) {
        match within(engine, &scope, range, predicate.clone()).await {
            Ok(found) => {
                if let Some(last) = found.iter().max_by_key(|record| record.sequence) {
                    return Ok((Some(Link::of(last)), is_damaged));
                }
            }
            Err(error) if error.kind() == query::Kind::Internal => {
                is_damaged = true;
                error!(%error, "a part of the audit trail cannot be read; `lapidary audit verify` tells more");
            }
            Err(error) => return Err(error),
        }
    }
    Ok((None, is_damaged))
}

async fn within(
    engine: &Engine,
    scope: &Scope,
    range: TimeRange,
    predicate: Predicate,
) -> Result<Vec<Record>, query::Error> {
    let rows = engine.rows(scope, AUDIT, range, predicate, &table::columns()).await?;
    Ok(rows.iter().filter_map(table::records).flatten().collect())
}

fn stretches(storage: &Storage) -> Vec<TimeRange> {
    storage.table(AUDIT).map(|table| table.snapshot(&table::tenant()).stretches()).unwrap_or_default()
}

fn common(a: TimeRange, b: TimeRange) -> Option<TimeRange> {
    let range = TimeRange { start: a.start.max(b.start), end: a.end.min(b.end) };
    (range.start < range.end).then_some(range)
}

fn scope(reason: &'static str, sink: &dyn AuditSink) -> Scope {
    Scope::system(reason, table::tenant(), sink)
}
