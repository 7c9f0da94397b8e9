//! Answers from the live state: counts and pages.

use std::collections::{BTreeMap, BTreeSet};

use auth::Services;
use logline::Timestamp;

use crate::error::{Failure, Name};
use crate::graph::same_service;
use crate::live::{LastFailure, Live, Open};
use crate::stuck::stuck;
use crate::wire::millis;
use crate::{
    Error, Filter, Graph, Graphs, Item, LastError, ObjectRef, Page, State, Status, StatusSummary, Stuck, StuckReason,
    Summary, TypeSummary,
};

/// Objects on a page when the filter does not say.
const PAGE: usize = 100;
/// Objects on a page at most.
pub(crate) const LARGEST_PAGE: usize = 1_000;

/// One page of what `filter` finds.
pub(crate) fn page(
    live: &Live,
    filter: &Filter,
    graphs: &Graphs,
    services: &Services,
    (now, loading): (Timestamp, bool),
) -> Result<Page, Error> {
    if filter.limit == Some(0) {
        return Err(Failure::EmptyPage.into());
    }
    let Wanted { object, status, owner } = Wanted::of(live, filter, graphs, loading)?;
    let after = filter.cursor.as_deref().map(parse_cursor).transpose()?;
    let reasons = if filter.reasons.is_empty() { StuckReason::BROKEN.as_slice() } else { &filter.reasons };
    let wanted = live.open().filter(|open| open.object == object).filter_map(|open| {
        let judged = Judged::of(open, graphs, now);
        let owner = owner.is_none_or(|owner| same_service(owner, judged.owner));
        let status = status.as_deref().is_none_or(|status| status == open.status);
        let state =
            filter.state != Some(State::Stuck) || judged.stuck.is_some_and(|stuck| reasons.contains(&stuck.reason));
        (owner && status && state).then_some(judged)
    });
    let by_due = filter.state == Some(State::Stuck);
    let mut found: Vec<(Key<'_>, Judged<'_>)> = wanted.map(|judged| (judged.key(by_due), judged)).collect();
    found.sort_by_key(|(key, _)| *key);
    let total = found.len();
    let from = after.map_or(0, |after| found.partition_point(|(key, _)| *key <= (after.0, after.1)));
    let limit = filter.limit.unwrap_or(PAGE).min(LARGEST_PAGE);
    let rest = found.get(from..).unwrap_or_default();
    let shown = rest.get(..limit).unwrap_or(rest);
    let next = (shown.len() < rest.len()).then(|| shown.last().map(|(key, _)| print_cursor(*key))).flatten();
    let items = shown.iter().map(|(_, judged)| judged.item(services, now)).collect();
    Ok(Page { as_of: now, loading, items, total, next })
}

/// The type that `asked` means, whatever its case; as it stands if none is called like that.
pub(crate) fn object_type(live: &Live, graphs: &Graphs, asked: &str) -> String {
    find(asked, types(live, graphs)).unwrap_or_else(|_| asked.to_owned())
}

/// The type that `asked` means, whatever its case; while the state is being read it may be one not seen yet.
pub(crate) fn known_type(live: &Live, graphs: &Graphs, asked: &str, loading: bool) -> Result<String, Failure> {
    match find(asked, types(live, graphs)) {
        Ok(name) => Ok(name),
        Err(_) if loading => Ok(asked.to_owned()),
        Err(known) => Err(Failure::Unknown { what: Name::Type, asked: asked.to_owned(), known }),
    }
}

/// The type and the status that a filter names, as they are written here.
pub(crate) fn known_names(
    live: &Live,
    filter: &Filter,
    graphs: &Graphs,
    loading: bool,
) -> Result<(String, Option<String>), Error> {
    let wanted = Wanted::of(live, filter, graphs, loading)?;
    Ok((wanted.object, wanted.status))
}

/// What a filter calls by name, as the names are written here.
struct Wanted<'a> {
    object: String,
    status: Option<String>,
    owner: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// While the state is still being read a name may be one of those that are not seen yet.
    fn of(live: &Live, filter: &'a Filter, graphs: &Graphs, loading: bool) -> Result<Self, Failure> {
        let known = |what: Name, asked: &str, names: Vec<&str>| match find(asked, names) {
            Ok(name) => Ok(name),
            Err(_) if loading => Ok(asked.to_owned()),
            Err(names) => Err(Failure::Unknown { what, asked: asked.to_owned(), known: names }),
        };
        let asked = filter.object.as_deref().unwrap_or("order");
        let object = known(Name::Type, asked, types(live, graphs))?;
        let graph = graphs.get(&object);
        let open = || live.open().filter(|open| open.object == object);
        let expected = || graph.into_iter().flat_map(Graph::statuses);
        let status = match filter.status.as_deref() {
            Some(asked) => {
                let names = expected().map(|status| status.name.as_str()).chain(open().map(|open| open.status));
                Some(known(Name::Status, asked, once_each(names))?)
            }
            None => None,
        };
        if let Some(asked) = filter.owner.as_deref() {
            let outside = open().filter(|open| graph.is_none_or(|graph| graph.status(open.status).is_none()));
            let names = expected().map(|status| status.owner.as_str()).chain(outside.map(|open| open.service));
            let names = once_each(names);
            if !names.iter().any(|name| same_service(asked, name)) {
                known(Name::Owner, asked, names)?;
            }
        }
        Ok(Self { object, status, owner: filter.owner.as_deref() })
    }
}

fn types<'a>(live: &'a Live, graphs: &'a Graphs) -> Vec<&'a str> {
    let mut seen: Vec<&str> = live.types().collect();
    seen.sort_unstable();
    once_each(graphs.iter().map(Graph::object).chain(seen))
}

/// Names in the order in which they came first: that of the graph, where there is one.
fn once_each<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

/// The name that `asked` means, whatever its case; else all names there are.
fn find(asked: &str, names: Vec<&str>) -> Result<String, Vec<String>> {
    let exact = names.iter().find(|name| **name == asked);
    let alike = exact.or_else(|| names.iter().find(|name| name.to_lowercase() == asked.to_lowercase()));
    alike.map(|&name| name.to_owned()).ok_or_else(|| names.into_iter().map(str::to_owned).collect())
}

/// Counts by type and status.
pub(crate) fn summary(live: &Live, graphs: &Graphs, loading: bool, now: Timestamp) -> Summary {
    let mut types: BTreeMap<&str, BTreeMap<(usize, &str), StatusSummary>> = BTreeMap::new();
    for graph in graphs.iter() {
        let statuses = graph.statuses().iter().enumerate().filter(|(_, status)| !status.next.is_empty());
        let empty = statuses.map(|(rank, status)| ((rank, status.name.as_str()), counted(&status.name, Some(graph))));
        types.insert(graph.object(), empty.collect());
    }
    for open in live.open() {
        let graph = graphs.get(open.object);
        let rank = graph.and_then(|graph| graph.rank(open.status)).unwrap_or(usize::MAX);
        let statuses = types.entry(open.object).or_default();
        let count = statuses.entry((rank, open.status)).or_insert_with(|| counted(open.status, graph));
        count.open += 1;
        let reason = Judged::of(open, graphs, now).stuck.map(|stuck| stuck.reason);
        count.stuck += u64::from(reason.is_some_and(|reason| reason != StuckReason::Unusual));
        count.unusual += u64::from(reason == Some(StuckReason::Unusual));
        count.longest_ms = count.longest_ms.max(Some(millis(now.since(open.visit.entered))));
    }
    let types = types.into_iter().map(|(object, statuses)| {
        let statuses: Vec<StatusSummary> = statuses.into_values().collect();
        let sum = |number: fn(&StatusSummary) -> u64| statuses.iter().map(number).sum();
        TypeSummary { object: object.to_owned(), open: sum(|one| one.open), stuck: sum(|one| one.stuck), statuses }
    });
    let mut types: Vec<TypeSummary> = types.collect();
    types.sort_by_key(|kind| kind.object != "order");
    Summary { as_of: now, loading, dropped: live.dropped(), types }
}

fn counted(status: &str, graph: Option<&Graph>) -> StatusSummary {
    let expected = graph.and_then(|graph| graph.status(status));
    StatusSummary {
        status: status.to_owned(),
        owner: expected.map(|status| status.owner.clone()),
        open: 0,
        stuck: 0,
        unusual: 0,
        deadline_ms: expected.and_then(Status::limit).map(millis),
        longest_ms: None,
    }
}

/// An open object measured by its graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) open: Open<'a>,
    pub(crate) owner: &'a str,
    pub(crate) expected: Option<&'a Status>,
    pub(crate) stuck: Option<Stuck>,
}

/// What lists are sorted by: a time, then the id.
type Key<'a> = (i64, &'a str);

impl<'a> Judged<'a> {
    /// By the graph that was in force when the object came into being.
    pub(crate) fn of(open: Open<'a>, graphs: &'a Graphs, now: Timestamp) -> Self {
        let graph = graphs.at(open.object, open.began);
        let expected = graph.and_then(|graph| graph.status(open.status));
        Self {
            open,
            owner: expected.map_or(open.service, |status| &status.owner),
            expected,
            stuck: graph.zip(expected).and_then(|(graph, status)| stuck(&open.visit, status, graph, open.clues, now)),
        }
    }

    fn key(&self, by_due: bool) -> Key<'a> {
        let due = self.stuck.map(|stuck| stuck.due).filter(|_| by_due);
        (due.unwrap_or(self.open.visit.entered).0, self.open.id)
    }

    fn item(&self, services: &Services, now: Timestamp) -> Item {
        Item {
            object: ObjectRef { object: self.open.object.to_owned(), id: self.open.id.to_owned() },
            status: self.open.status.to_owned(),
            since: self.open.visit.entered,
            waits_ms: millis(now.since(self.open.visit.entered)),
            owner: self.owner.to_owned(),
            deadline_ms: self.expected.and_then(Status::limit).map(millis),
            stuck: self.stuck,
            last_event: self.open.last_event,
            last_error: self.open.failure.map(|failure| last_error(failure, services)),
        }
    }
}

pub(crate) fn last_error(failure: &LastFailure, services: &Services) -> LastError {
    let hidden = !services.contains(&failure.service);
    LastError {
        time: failure.time,
        service: failure.service.clone(),
        endpoint: failure.endpoint.clone(),
        http_status: failure.http_status,
        error: failure.error.clone().filter(|_| !hidden),
        hidden,
        trace_id: failure.trace_id.clone(),
    }
}

fn print_cursor((time, id): Key<'_>) -> String {
    format!("{time}~{id}")
}

fn parse_cursor(text: &str) -> Result<Key<'_>, Error> {
    let parsed = text.split_once('~').and_then(|(time, id)| Some((time.parse().ok()?, id)));
    parsed.ok_or_else(|| Failure::Cursor(text.to_owned()).into())
}

#[cfg(test)]
mod tests;
