//! Reads stretches of the trail; where a file of it is damaged, what is around it.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use auth::{AuditSink, Record, Scope};
use query::Engine;
use storage::{Predicate, Storage, TimeRange};

use super::super::table::{self, AUDIT};

/// Errors of files that will not pass by themselves.
const LOST: [io::ErrorKind; 5] = [
    io::ErrorKind::NotFound,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::IsADirectory,
    io::ErrorKind::InvalidData,
    io::ErrorKind::UnexpectedEof,
];

/// Records, or why they cannot be read.
pub(super) type Part = Result<Vec<Record>, String>;

/// Records of a range, in one part. Where a file of it cannot be read, in several, by the times of files, the oldest
/// first: in place of those that cannot be read stands why.
pub(super) async fn parts(
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

pub(super) fn stretches(storage: &Storage) -> Vec<TimeRange> {
    storage.table(AUDIT).map(|table| table.snapshot(&table::tenant()).stretches()).unwrap_or_default()
}

pub(super) fn common(a: TimeRange, b: TimeRange) -> Option<TimeRange> {
    let range = TimeRange { start: a.start.max(b.start), end: a.end.min(b.end) };
    (range.start < range.end).then_some(range)
}

pub(super) fn scope(reason: &'static str, sink: &dyn AuditSink) -> Scope {
    Scope::system(reason, table::tenant(), sink)
}
