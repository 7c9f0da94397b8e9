//! The status graph of an object type: its statuses, who owns them, how long each may last, what may follow.
//!
//! [`Graph::built_in`] is what applies without configuration. A configured graph is a TOML document, read and checked as a
//! whole by [`Graph::read`]; of several versions the one holds that was in force when an object came into being.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use logline::{Statuses, Timestamp};

use crate::Calendar;
use crate::event::Event;

mod document;
mod print;

/// How often a status may be entered again when the graph does not say.
const DEFAULT_REWORK: u32 = 2;

/// The statuses of one object type and the ways between them; valid by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    object: String,
    valid_from: Timestamp,
    calendar: Option<Calendar>,
    statuses: Vec<Status>,
    objectives: Vec<Objective>,
}

/// One status of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name, as the lines write it.
    pub name: String,
    /// The service that has to move the object on.
    pub owner: String,
    /// How long an object may stay; no limit if none.
    pub deadline: Option<Duration>,
    /// How long it may take to leave for one of the next statuses, by its name.
    pub deadlines: BTreeMap<String, Duration>,
    /// Whether its time counts only while work is done, by the graph's calendar.
    pub working: bool,
    /// What may follow, by name; nothing follows the end.
    pub next: Vec<String>,
    /// How often it may be entered again.
    pub rework: u32,
    /// The call that must succeed once an object is in this status.
    pub confirm: Option<Confirm>,
    /// The event that must come once an object is in this status.
    pub expect: Option<Expect>,
}

/// A hand-over that counts only when the other side said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// Who may confirm: names of peers; anybody if empty.
    pub peers: Vec<String>,
    /// The endpoint of the outgoing call; any if none.
    pub endpoint: Option<String>,
    /// How soon a 2xx must have come.
    pub within: Duration,
}

/// An event that must follow: paid, and within five minutes a line of the CRM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The service that writes it; any if none.
    pub service: Option<String>,
    /// The endpoint it is about; any if none.
    pub endpoint: Option<String>,
    /// The status it tells; any if none.
    pub status: Option<String>,
    /// How soon it must have come.
    pub within: Duration,
}

/// A promise: this share of objects gets from one status to another in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// What people call it.
    pub name: String,
    /// Where the time begins: when this status is entered first.
    pub from: String,
    /// Where it ends: when this status is entered first after that.
    pub to: String,
    /// How long it may take.
    pub within: Duration,
    /// Whether only working time counts, by the graph's calendar.
    pub working: bool,
    /// The share that must make it, above 0 and below 1.
    pub target: f64,
    /// Over how long the share is measured.
    pub window: Duration,
}

impl Graph {
    /// The ten statuses of an order, with owners and deadlines that suit a made-to-order shop.
    pub fn built_in() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let status = |name: &str, owner: &str, seconds: u64, next: &[&str]| Status {
            name: name.to_owned(),
            owner: owner.to_owned(),
            deadline: (seconds != 0).then(|| Duration::from_secs(seconds)),
            deadlines: BTreeMap::new(),
            working: false,
            next: next.iter().map(|&name| name.to_owned()).collect(),
            rework: DEFAULT_REWORK,
            confirm: None,
            expect: None,
        };
        let confirm = Confirm {
            peers: vec!["queue".to_owned(), "crm-api".to_owned()],
            endpoint: None,
            within: Duration::from_secs(5 * MINUTE),
        };
        let statuses = vec![
            status("CREATED", "shop-api", DAY, &["SUBMITTED"]),
            status("SUBMITTED", "mes-api", 30 * MINUTE, &["PRICE_CALCULATED"]),
            status("PRICE_CALCULATED", "crm-api", 2 * DAY, &["MANUFACTURING_APPROVED", "SUBMITTED"]),
            status("MANUFACTURING_APPROVED", "mes-api", DAY, &["MANUFACTURING_STARTED"]),
            status("MANUFACTURING_STARTED", "mes-api", 3 * DAY, &["MANUFACTURING_COMPLETED"]),
            status("MANUFACTURING_COMPLETED", "mes-api", 12 * HOUR, &["PACKAGING", "MANUFACTURING_STARTED"]),
            status("PACKAGING", "mes-api", DAY, &["SHIPPED", "MANUFACTURING_STARTED"]),
            Status { confirm: Some(confirm), ..status("SHIPPED", "crm-api", 7 * DAY, &["DELIVERED"]) },
            status("DELIVERED", "crm-api", 3 * DAY, &["CLOSED"]),
            status("CLOSED", "shop-api", 0, &[]),
        ];
        let objective = |name: &str, from: &str, to: &str, seconds: u64| Objective {
            name: name.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            within: Duration::from_secs(seconds),
            working: false,
            target: 0.95,
            window: Duration::from_secs(28 * DAY),
        };
        let objectives = vec![
            objective("price", "SUBMITTED", "PRICE_CALCULATED", 30 * MINUTE),
            objective("production", "MANUFACTURING_APPROVED", "MANUFACTURING_COMPLETED", 5 * DAY),
            objective("delivery", "CREATED", "DELIVERED", 21 * DAY),
        ];
        let object = "order".to_owned();
        Self { object, valid_from: Timestamp::MIN, calendar: None, statuses, objectives }
    }

    /// A graph that was found in what happened.
    pub(crate) const fn found(object: String, statuses: Vec<Status>) -> Self {
        Self { object, valid_from: Timestamp::MIN, calendar: None, statuses, objectives: Vec::new() }
    }

    /// Since when it is in force; [`Timestamp::MIN`] if it always was.
    pub const fn valid_from(&self) -> Timestamp {
        self.valid_from
    }

    /// When work is done, if it says so.
    pub const fn calendar(&self) -> Option<&Calendar> {
        self.calendar.as_ref()
    }

    /// The promises that are measured.
    pub fn objectives(&self) -> &[Objective] {
        &self.objectives
    }

    /// How long it is between two moments; only working time if `working`.
    pub fn elapsed(&self, working: bool, from: Timestamp, to: Timestamp) -> Duration {
        match &self.calendar {
            Some(calendar) if working => calendar.worked(from, to),
            _ => to.since(from),
        }
    }

    /// When a span after `from` is over; of working time if `working`.
    pub fn due(&self, working: bool, from: Timestamp, span: Duration) -> Timestamp {
        match &self.calendar {
            Some(calendar) if working => calendar.due(from, span),
            _ => from.after(span),
        }
    }

    /// The object type it is for.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// All statuses in the order an object passes them.
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// Where every object starts.
    pub fn start(&self) -> Option<&Status> {
        self.statuses.first()
    }

    /// A status by name.
    pub fn status(&self, name: &str) -> Option<&Status> {
        self.statuses.iter().find(|status| status.name == name)
    }

    /// The place of a status on the way: later ones have a greater rank.
    pub fn rank(&self, name: &str) -> Option<usize> {
        self.statuses.iter().position(|status| status.name == name)
    }

    /// Whether an object ends here.
    pub fn is_end(&self, name: &str) -> bool {
        self.status(name).is_some_and(|status| status.next.is_empty())
    }

    /// Whether `to` may follow `from`.
    pub fn has_edge(&self, from: &str, to: &str) -> bool {
        self.status(from).is_some_and(|status| status.next.iter().any(|next| next == to))
    }

    /// The shortest way from one status to another: the statuses after `from`, ending with `to`. None if there is no way.
    pub fn way(&self, from: &str, to: &str) -> Option<Vec<&str>> {
        let (start, goal) = (self.rank(from)?, self.rank(to)?);
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for next in self.statuses[at].next.iter().filter_map(|name| self.rank(name)) {
                if came_from.contains_key(&next) {
                    continue;
                }
                came_from.insert(next, at);
                if next == goal {
                    return Some(self.trace_back(&came_from, start, goal));
                }
                queue.push_back(next);
            }
        }
        None
    }

    /// What still lies ahead of a status on the way to the end, by the shortest way.
    pub fn ahead(&self, from: &str) -> Vec<&str> {
        let ends = self.statuses.iter().filter(|status| status.next.is_empty());
        ends.filter_map(|end| self.way(from, &end.name)).min_by_key(Vec::len).unwrap_or_default()
    }

    fn trace_back(&self, came_from: &BTreeMap<usize, usize>, start: usize, goal: usize) -> Vec<&str> {
        let mut way = vec![self.statuses[goal].name.as_str()];
        let mut at = goal;
        while let Some(&before) = came_from.get(&at).filter(|&&before| before != start) {
            way.push(&self.statuses[before].name);
            at = before;
        }
        way.reverse();
        way
    }
}

impl Confirm {
    /// Whether an answer from `peer` to a call of `endpoint` is the one that counts.
    pub fn accepts(&self, peer: &str, endpoint: &str) -> bool {
        let from = self.peers.is_empty() || self.peers.iter().any(|one| same_service(one, peer));
        from && self.endpoint.as_deref().is_none_or(|one| one == endpoint)
    }
}

impl Expect {
    /// Whether an event is the one that must come.
    pub(crate) fn accepts(&self, event: &Event<'_>) -> bool {
        self.service.as_deref().is_none_or(|service| same_service(service, event.service))
            && self.endpoint.as_deref().is_none_or(|endpoint| endpoint == event.endpoint)
            && self.status.as_deref().is_none_or(|status| Some(status) == event.status)
    }
}

impl Status {
    /// How long an object may stay whichever way it goes on: its own deadline, or the longest of its edges if each has
    /// one; the shorter of both.
    pub fn limit(&self) -> Option<Duration> {
        let edges = self.next.iter().map(|next| self.deadlines.get(next).copied());
        let longest = edges.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
        [self.deadline, longest].into_iter().flatten().min()
    }
}

/// The graphs of all object types that have one: the versions of each, the oldest first. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Graphs(Arc<BTreeMap<String, Vec<Graph>>>);

impl Graphs {
    /// These graphs; `order` has the built-in one unless it is among them. Of two versions of one type that begin at the
    /// same moment the later one counts.
    pub fn new(graphs: impl IntoIterator<Item = Graph>) -> Self {
        let mut all: BTreeMap<String, Vec<Graph>> = BTreeMap::new();
        for graph in graphs {
            let versions = all.entry(graph.object.clone()).or_default();
            versions.retain(|known| known.valid_from != graph.valid_from);
            versions.push(graph);
            versions.sort_by_key(|graph| graph.valid_from);
        }
        let built_in = Graph::built_in();
        all.entry(built_in.object.clone()).or_insert_with(|| vec![built_in]);
        Self(Arc::new(all))
    }

    /// The newest graph of an object type; objects of a type without one are followed, but never judged.
    pub fn get(&self, object: &str) -> Option<&Graph> {
        self.0.get(object).and_then(|versions| versions.last())
    }

    /// The graph by which an object is judged that came into being at this moment. What is older than the first version
    /// is judged by that one.
    pub fn at(&self, object: &str, began: Timestamp) -> Option<&Graph> {
        let versions = self.0.get(object)?;
        let newer = versions.partition_point(|graph| graph.valid_from <= began);
        versions.get(newer.saturating_sub(1))
    }

    /// All versions of an object type, the oldest first.
    pub fn versions(&self, object: &str) -> &[Graph] {
        self.0.get(object).map_or(&[], Vec::as_slice)
    }

    /// The newest graph of each object type.
    pub fn iter(&self) -> impl Iterator<Item = &Graph> {
        self.0.values().filter_map(|versions| versions.last())
    }

    /// The statuses that objects of each type may have, by any version.
    pub fn known_statuses(&self) -> Statuses {
        self.0.iter().fold(Statuses::none(), |known, (object, versions)| {
            let names: BTreeSet<&str> =
                versions.iter().flat_map(Graph::statuses).map(|status| status.name.as_str()).collect();
            known.with(object, names)
        })
    }

    /// Whether an object of this type ends here by any version.
    pub(crate) fn is_end(&self, object: &str, status: &str) -> bool {
        self.versions(object).iter().any(|graph| graph.is_end(status))
    }
}

impl Default for Graphs {
    fn default() -> Self {
        Self::new([])
    }
}

/// Whether two names mean the same service: case, `_` for `-`, and the endings `-api`, `-service`, `-svc` do not matter.
pub(crate) fn same_service(one: &str, other: &str) -> bool {
    fn stem(name: &str) -> String {
        let name = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        let short = ["-api", "-service", "-svc"].iter().find_map(|ending| name.strip_suffix(ending));
        short.unwrap_or(&name).to_owned()
    }
    one == other || stem(one) == stem(other)
}

#[cfg(test)]
mod tests;
