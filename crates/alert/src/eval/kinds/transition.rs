//! `transition_error`: calls about an object that failed and were not mended by another attempt. An error counts once
//! the time for mending is over, so that a retry that helps wakes nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logline::{Context, Direction, Kind, Level, Reader, Record, Timestamp};

use super::super::found::{About, Findings, Found, Grid, NAMED_ORDERS};
use super::super::source::{Failure, Line, Source};
use super::bad;
use crate::rule::TransitionError;

/// Lines that are looked at in one go.
const LINES: usize = 50_000;
/// Ids that one query asks for.
const IDS: usize = 100;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Broken {
    time: Timestamp,
    service: String,
    endpoint: String,
    peer: String,
    trace: String,
    id: String,
    /// A RESP; else a line in between.
    is_answer: bool,
}

pub(super) async fn find(with: &TransitionError, source: &Source, grid: Grid) -> Result<Findings, Failure> {
    let mend = with.mend.0;
    let span = (grid.start.before(with.window.0 + mend), grid.end().before(mend));
    let reader = source.reader();
    let query = match with.rejected {
        true if reader.is_by_default() => format!(r#"{} |~ "http_status.{{0,4}}[45]" or "rror""#, with.selector),
        true => with.selector.clone(),
        false => format!("{}{}", with.selector, bad(reader.is_by_default())),
    };
    let mut broken = Vec::new();
    source.each_line(&query, span, LINES, |line| broken.extend(read(reader, &line, with))).await?;
    forget_told(&mut broken);
    let mended = mended(with, source, reader, &broken).await?;
    broken.retain(|one| !mended.contains(&key(one)));
    Ok(findings(with, &broken, grid))
}

fn read(reader: &Reader, line: &Line, with: &TransitionError) -> Option<Broken> {
    let record = reader.read_of(line.service(), &line.text, &Context::default());
    let subject = record.subject().filter(|subject| subject.object == with.object)?;
    let failed = is_failed(&record, with.rejected);
    failed.then(|| Broken {
        time: line.time,
        service: line.service().to_owned(),
        endpoint: record.endpoint().to_owned(),
        peer: record.peer().filter(|_| record.dir() == Some(Direction::Out)).unwrap_or_default().to_owned(),
        trace: record.trace_id().unwrap_or_default().to_owned(),
        id: subject.id.to_owned(),
        is_answer: record.kind() == Some(Kind::Resp),
    })
}

fn is_failed(record: &Record<'_>, rejected: bool) -> bool {
    let code = record.http_status().unwrap_or(0);
    500 <= code || record.error().is_some() || Level::Error <= record.level() || (rejected && 400 <= code)
}

/// A line in the midst of a call whose answer failed tells nothing new.
fn forget_told(broken: &mut Vec<Broken>) {
    let answers: BTreeSet<(String, String)> = broken
        .iter()
        .filter(|one| one.is_answer && !one.trace.is_empty())
        .map(|one| (one.service.clone(), one.trace.clone()))
        .collect();
    broken.retain(|one| one.is_answer || !answers.contains(&(one.service.clone(), one.trace.clone())));
}

/// What names an attempt: later ones of the same name may mend it.
fn key(one: &Broken) -> (Timestamp, String, String, String) {
    (one.time, one.service.clone(), one.endpoint.clone(), attempt(one).to_owned())
}

fn attempt(one: &Broken) -> &str {
    if one.trace.is_empty() { &one.id } else { &one.trace }
}

/// Those that went well at a further attempt: the same endpoint, asked by the same service in the same trace, or about
/// the same object where there is no trace.
async fn mended(
    with: &TransitionError,
    source: &Source,
    reader: &Reader,
    broken: &[Broken],
) -> Result<BTreeSet<(Timestamp, String, String, String)>, Failure> {
    let mut mended = BTreeSet::new();
    let is_plain = |id: &&str| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    for group in broken.chunks(IDS) {
        let ids: BTreeSet<&str> = group.iter().map(attempt).filter(is_plain).collect();
        let (Some(first), Some(last)) =
            (group.iter().map(|one| one.time).min(), group.iter().map(|one| one.time).max())
        else {
            continue;
        };
        if ids.is_empty() {
            continue;
        }
        let any = ids.into_iter().map(|id| id.replace('.', "\\.")).collect::<Vec<_>>().join("|");
        let query = format!("{} |~ `{any}`", with.selector);
        let mut good: Vec<(Timestamp, Broken)> = Vec::new();
        let span = (first, last.after(with.mend.0));
        source.each_line(&query, span, LINES, |line| good.extend(went_well(reader, &line))).await?;
        for one in group {
            let helped = good.iter().any(|(time, well)| {
                one.time < *time
                    && time.since(one.time) <= with.mend.0
                    && well.service == one.service
                    && well.endpoint == one.endpoint
                    && well.peer == one.peer
                    && (attempt(well) == attempt(one))
            });
            if helped && one.is_answer {
                mended.insert(key(one));
            }
        }
    }
    Ok(mended)
}

fn went_well(reader: &Reader, line: &Line) -> Option<(Timestamp, Broken)> {
    let record = reader.read_of(line.service(), &line.text, &Context::default());
    let well = record.kind() == Some(Kind::Resp) && !is_failed(&record, true);
    well.then(|| {
        let out = record.dir() == Some(Direction::Out);
        let one = Broken {
            time: line.time,
            service: line.service().to_owned(),
            endpoint: record.endpoint().to_owned(),
            peer: record.peer().filter(|_| out).unwrap_or_default().to_owned(),
            trace: record.trace_id().unwrap_or_default().to_owned(),
            id: record.subject().map(|subject| subject.id.to_owned()).unwrap_or_default(),
            is_answer: true,
        };
        (line.time, one)
    })
}

fn findings(with: &TransitionError, broken: &[Broken], grid: Grid) -> Findings {
    let mut findings = Findings::default();
    for (point, time) in grid.times() {
        let end = time.before(with.mend.0);
        let begin = end.before(with.window.0);
        let mut groups: BTreeMap<(&str, &str, &str), Vec<&Broken>> = BTreeMap::new();
        for one in broken.iter().filter(|one| begin < one.time && one.time <= end) {
            groups.entry((&one.service, &one.endpoint, &one.peer)).or_default().push(one);
        }
        for ((service, endpoint, peer), members) in groups {
            if (members.len() as u64) < with.min {
                continue;
            }
            let pairs = [("service_name", service), ("endpoint", endpoint), ("peer", peer), ("object", &with.object)];
            let filled = pairs.into_iter().filter(|(_, value)| !value.is_empty());
            let labels = filled.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            findings.add(point, Found { labels, value: members.len() as f64, about: about(&members, with.window.0) });
        }
    }
    findings
}

fn about(members: &[&Broken], window: Duration) -> About {
    let ids: BTreeSet<&str> = members.iter().map(|one| one.id.as_str()).collect();
    About {
        total: ids.len() as u64,
        orders: ids.into_iter().take(NAMED_ORDERS).map(str::to_owned).collect(),
        first_seen: members.iter().map(|one| one.time).min(),
        ..About::default()
    }
    .fact("Window", crate::rule::Span(window))
}
