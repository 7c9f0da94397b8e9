//! Reads the trail: the newest records that fit a filter, and all of them to see whether the chain holds.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use auth::{Anchor, AuditSink, Broken, Link, Record, Scope, Unreadable, Verified, Verifier};
use logline::{Tenant, Timestamp};
use query::Engine;
use serde::{Deserialize, Serialize};
use storage::{Predicate, Storage, TextMatch, TimeRange};
use tracing::error;

use super::Anchors;
use super::table::{self, ACTION, AUDIT, DETAIL, NODE, OF_TENANT, OUTCOME, PRINCIPAL};
use super::writer::ANCHOR_EVERY;

/// A chain whose end was not anchored for so long was written beside its anchors, or these were replaced by older ones.
const UNANCHORED: Duration = ANCHOR_EVERY.saturating_mul(2);
/// Errors of files that will not pass by themselves.
const LOST: [io::ErrorKind; 5] = [
    io::ErrorKind::NotFound,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::IsADirectory,
    io::ErrorKind::InvalidData,
    io::ErrorKind::UnexpectedEof,
];

/// Records, or why they cannot be read.
type Part = Result<Vec<Record>, String>;

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
    /// What is wrong with parts of the time that cannot be read; their records are not among these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unreadable: Vec<String>,
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
    let (mut records, mut unreadable) = (Vec::new(), Vec::new());
    for stretch in stretches(storage).into_iter().rev() {
        let range = filter.range.map_or(Some(stretch), |range| common(range, stretch));
        let Some(range) = range else { continue };
        let mut found = Vec::new();
        for part in parts(engine, storage, &scope, range, &filter.predicate()).await? {
            match part {
                Ok(part) => found.extend(part),
                Err(reason) if unreadable.contains(&reason) => {}
                Err(reason) => unreadable.push(reason),
            }
        }
        found.sort_by_key(|record| std::cmp::Reverse((record.time, record.sequence)));
        records.extend(found);
        if records.len() > filter.limit {
            break;
        }
    }
    let more = records.len() > filter.limit;
    records.truncate(filter.limit);
    Ok(Page { records, more, unreadable })
}

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

/// Where a node's chain ends.
#[derive(Debug)]
pub(crate) struct End {
    /// Its newest record, or what is anchored of a newer one that is gone.
    pub(crate) link: Option<Link>,
    /// Number of the newest record that is anchored; 0 if none is.
    pub(crate) anchored: u64,
    /// Whether records behind the end may have been there that are gone or cannot be read.
    pub(crate) is_broken: bool,
    /// The first of many records behind the last anchor: others must have been there.
    pub(crate) unanchored: Option<u64>,
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
    let behind = kept.filter(|kept| sequence < kept.sequence);
    let unanchored = match behind {
        None => None,
        Some(last) => {
            let first = first_behind(engine, storage, sink, node, (since, sequence)).await?.unwrap_or(last.clone());
            is_unanchored(sequence, &first, &last).then_some(first.sequence)
        }
    };
    Ok(End { link: end, anchored: sequence, is_broken, unanchored })
}

/// Whether what is there behind the last anchor must have been anchored: the first record is at once, ends all the time.
fn is_unanchored(anchored: u64, first: &Link, last: &Link) -> bool {
    anchored == 0 || UNANCHORED < last.time.since(first.time)
}

/// The oldest record of a node behind one with this time and number.
async fn first_behind(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    node: &str,
    (since, sequence): (Timestamp, u64),
) -> Result<Option<Link>, query::Error> {
    let scope = scope("first record behind the last anchor of the audit trail", sink);
    let wanted = TimeRange { start: since, end: Timestamp::MAX };
    for range in stretches(storage).into_iter().filter_map(|stretch| common(wanted, stretch)) {
        let found = parts(engine, storage, &scope, range, &of_node(node)).await?.into_iter().flatten().flatten();
        let first = found.filter(|record| sequence < record.sequence).min_by_key(|record| record.sequence);
        if let Some(first) = first {
            return Ok(Some(Link::of(&first)));
        }
    }
    Ok(None)
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
    for range in stretches(storage).into_iter().rev().filter_map(|stretch| common(wanted, stretch)) {
        for part in parts(engine, storage, &scope, range, &of_node(node)).await?.into_iter().rev() {
            match part {
                Ok(found) => {
                    if let Some(last) = found.iter().max_by_key(|record| record.sequence) {
                        return Ok((Some(Link::of(last)), is_damaged));
                    }
                }
                Err(reason) => {
                    is_damaged = true;
                    error!(reason, "a part of the audit trail cannot be read; `lapidary audit verify` tells more");
                }
            }
        }
    }
    Ok((None, is_damaged))
}

fn of_node(node: &str) -> Predicate {
    Filter { node: Some(node.to_owned()), ..Filter::default() }.predicate()
}

/// Records of a range, in one part. Where a file of it cannot be read, in several, by the times of files, the oldest
/// first: in place of those that cannot be read stands why.
async fn parts(
    engine: &Engine,
    storage: &Storage,
    scope: &Scope,
    range: TimeRange,
    predicate: &Predicate,
) -> Result<Vec<Part>, query::Error> {
    match within(engine, scope, range, predicate.clone()).await {
        Ok(found) => return Ok(vec![Ok(found)]),
        Err(error) if is_damage(&error) => {}
        Err(error) => return Err(error),
    }
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces(storage, range) {
        match within(engine, scope, piece, predicate.clone()).await {
            Ok(found) => parts.push(Ok(found)),
            Err(error) if is_damage(&error) => {
                let reason = Err(error.to_string());
                if parts.last() != Some(&reason) {
                    parts.push(reason);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(parts)
}

/// Cuts a range where files begin and end.
fn pieces(storage: &Storage, range: TimeRange) -> Vec<TimeRange> {
    let files = storage.table(AUDIT).map(|table| table.snapshot(&table::tenant()).files(&range)).unwrap_or_default();
    let ends = files.iter().flat_map(|file| [file.first, file.last.after(Duration::from_nanos(1))]);
    let mut cuts: Vec<_> = ends.chain([range.start, range.end]).map(|at| at.clamp(range.start, range.end)).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.iter().zip(cuts.iter().skip(1)).map(|(start, end)| TimeRange { start: *start, end: *end }).collect()
}

/// Whether a file is gone or not as it was written. A store that is only away is neither.
fn is_damage(error: &query::Error) -> bool {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    let mut causes = causes.filter_map(|error| {
        let shared = error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref);
        shared.or_else(|| error.downcast_ref()).map(io::Error::kind)
    });
    error.kind() == query::Kind::Internal || causes.any(|kind| LOST.contains(&kind))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_last_anchor_is_short_unless_anchors_are_missing() {
        let link =
            |sequence, seconds: i64| Link { sequence, time: Timestamp(seconds * 1_000_000_000), hash: String::new() };
        // However long nothing happened after the anchor: what counts is how long records went without one.
        assert!(!is_unanchored(4, &link(5, 1_000), &link(90, 1_100)));
        assert!(is_unanchored(4, &link(5, 1_000), &link(90, 1_121)));
        assert!(is_unanchored(0, &link(1, 1_000), &link(1, 1_000)));
    }
}
