//! What is read from storage, through `query`: events of one object or of all, and the lines behind events.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int16Type, TimestampMicrosecondType};
use auth::Scope;
use futures::FutureExt as _;
use futures::stream::{StreamExt, TryStreamExt};
use logline::Timestamp;
use query::Engine;
use storage::logs::{LINE, LOGS, NANOS, STREAM, TIMESTAMP};
use storage::{Predicate, Snapshot, TextMatch, TimeRange};

use crate::error::Failure;
use crate::event::{Event, LineHash, Outcome, nth};
use crate::table::{self, Dictionary, Events, OBJECT_ID, OBJECT_TYPE, ORDER_EVENTS, OUTCOME};
use crate::{Error, ObjectRef, tell};

/// Events that one story is told from; of more, the newest.
const STORY_EVENTS: usize = 5_000;
/// Lines that one story shows; of more, the newest.
const STORY_LINES: usize = 1_000;
/// Events further apart than this have their lines read by scans of their own.
const GAP: Duration = Duration::from_secs(15 * 60);
/// Scans for lines that run at the same time.
const SCANS: usize = 4;

/// Rows of one object, still as they were read.
#[derive(Debug)]
pub(crate) struct ObjectRows(Vec<RecordBatch>);

impl ObjectRows {
    /// The events in order, each once; and whether the oldest were left out.
    pub(crate) fn events(&self) -> Result<(Vec<Event<'_>>, bool), Error> {
        let mut events = Vec::new();
        for batch in &self.0 {
            events.extend(Events::of(batch).ok_or(Failure::Columns(ORDER_EVENTS))?.iter());
        }
        tell::sort(&mut events);
        let surplus = events.len().saturating_sub(STORY_EVENTS);
        events.drain(..surplus);
        Ok((events, surplus != 0))
    }
}

/// Every event of one object.
pub(crate) async fn events_of(engine: &Engine, scope: &Scope, object: &ObjectRef) -> Result<ObjectRows, Error> {
    let predicate = equals(OBJECT_TYPE, &object.object).and(equals(OBJECT_ID, &object.id));
    Ok(ObjectRows(engine.rows(scope, ORDER_EVENTS, TimeRange::ALL, predicate, &table::columns()).await?))
}

/// Every event of every object in a stretch of time.
pub(crate) async fn all_events(engine: &Engine, scope: &Scope, range: TimeRange) -> Result<Vec<RecordBatch>, Error> {
    Ok(engine.rows(scope, ORDER_EVENTS, range, Predicate::True, &table::columns()).await?)
}

/// Every event of these objects of one type.
pub(crate) async fn events_of_all(
    engine: &Engine,
    scope: &Scope,
    object: &str,
    ids: Vec<String>,
) -> Result<Vec<RecordBatch>, Error> {
    let ids = Predicate::Column { name: OBJECT_ID.to_owned(), text: TextMatch::OneOf(ids) };
    let predicate = equals(OBJECT_TYPE, object).and(ids);
    Ok(engine.rows(scope, ORDER_EVENTS, TimeRange::ALL, predicate, &table::columns()).await?)
}

/// Every event in a stretch of time that went wrong.
pub(crate) async fn failures(engine: &Engine, scope: &Scope, range: TimeRange) -> Result<Vec<RecordBatch>, Error> {
    let bad = [Outcome::Failed, Outcome::Rejected].map(|outcome| outcome.as_str().to_owned());
    let predicate = Predicate::Column { name: OUTCOME.to_owned(), text: TextMatch::OneOf(bad.into()) };
    Ok(engine.rows(scope, ORDER_EVENTS, range, predicate, &table::columns()).await?)
}

/// How many rows a snapshot has, those that are hidden among them.
pub(crate) fn rows(snapshot: &Snapshot) -> u64 {
    let rows: u64 = snapshot.files(&TimeRange::ALL).iter().map(|file| file.rows).sum();
    rows.saturating_add(u64::try_from(snapshot.head_rows()).unwrap_or(u64::MAX))
}

/// The lines behind events, by event id, as far as `scope` lets them be seen and they are still kept.
pub(crate) async fn lines(
    engine: &Engine,
    scope: &Scope,
    id: &str,
    events: &[Event<'_>],
) -> Result<HashMap<u64, String>, Error> {
    let mut visible: Vec<&Event<'_>> =
        events.iter().rev().filter(|event| scope.services().contains(event.service)).take(STORY_LINES).collect();
    visible.sort_by_key(|event| event.line_time);
    let groups = visible.chunk_by(|a, b| b.line_time.since(a.line_time) <= GAP);
    // Boxed here, since the compiler cannot see that a stream which holds these closures may move between threads.
    let scans: Vec<_> = groups.map(|group| candidates(engine, scope, id, group).boxed()).collect();
    let found: Vec<_> = futures::stream::iter(scans).buffer_unordered(SCANS).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Where a line stands: stream and time. Several lines may stand in the same place.
type Place = (String, Timestamp);

async fn candidates(
    engine: &Engine,
    scope: &Scope,
    id: &str,
    group: &[&Event<'_>],
) -> Result<Vec<(u64, String)>, Error> {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(Vec::new()) };
    let range = TimeRange { start: first.line_time, end: last.line_time.after(Duration::from_nanos(1)) };
    let streams: BTreeSet<String> = group.iter().map(|event| event.stream.to_owned()).collect();
    let streams = TextMatch::OneOf(streams.into_iter().collect());
    let predicate = Predicate::Column { name: STREAM.to_owned(), text: streams }.and(naming(id));
    let mut places: HashMap<Place, Vec<String>> =
        group.iter().map(|event| ((event.stream.to_owned(), event.line_time), Vec::new())).collect();
    for batch in engine.rows(scope, LOGS, range, predicate, &[STREAM, TIMESTAMP, NANOS, LINE]).await? {
        collect(&batch, &mut places).ok_or(Failure::Columns(LOGS))?;
    }
    Ok(places.into_iter().flat_map(|(place, lines)| assign(&place, lines, group)).collect())
}

/// The line has the id in it. An id that a format might write in another way is not asked for.
fn naming(id: &str) -> Predicate {
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Predicate::True;
    }
    Predicate::Column { name: LINE.to_owned(), text: TextMatch::Contains(id.to_owned()) }
}

fn collect(batch: &RecordBatch, places: &mut HashMap<Place, Vec<String>>) -> Option<()> {
    let streams = Dictionary::of(batch.column_by_name(STREAM)?)?;
    let micros = batch.column_by_name(TIMESTAMP)?.as_primitive_opt::<TimestampMicrosecondType>()?;
    let nanos = batch.column_by_name(NANOS)?.as_primitive_opt::<Int16Type>()?;
    let lines = batch.column_by_name(LINE)?.as_string_opt::<i32>()?;
    for row in (0..batch.num_rows()).filter(|row| lines.is_valid(*row)) {
        let time = table::time(micros.value(row), nanos.value(row));
        let place = (streams.get(row)?.to_owned(), time);
        if let Some(found) = places.get_mut(&place) {
            found.push(lines.value(row).to_owned());
        }
    }
    Some(())
}

/// Gives each event of a place its line: the one whose hash is the event's id. A line that the reader sees masked has
/// another hash; it is taken if there is no doubt which event it belongs to.
fn assign(place: &Place, lines: Vec<String>, group: &[&Event<'_>]) -> Vec<(u64, String)> {
    let here = group.iter().filter(|event| event.stream == place.0 && event.line_time == place.1);
    let mut ids: BTreeSet<u64> = here.map(|event| event.id).collect();
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let mut hash = LineHash::new(&place.0);
    for line in lines {
        let first = hash.of(place.1, &line);
        let n = seen.entry(first).or_insert(0);
        let id = nth(first, *n);
        *n += 1;
        match ids.remove(&id) {
            true => found.push((id, line)),
            false => unknown.push(line),
        }
    }
    if let (Some(id), [_]) = (ids.first().filter(|_| ids.len() == 1), unknown.as_slice()) {
        found.extend(unknown.pop().map(|line| (*id, line)));
    }
    found
}

fn equals(column: &str, value: &str) -> Predicate {
    Predicate::Column { name: column.to_owned(), text: TextMatch::Equals(value.to_owned()) }
}

#[cfg(test)]
mod tests;
