//! The status graph of an object type: its statuses, who owns them, how long each may last, what may follow.
//!
//! [`Graph::built_in`] is what applies without configuration. A configured graph comes as a [`RawGraph`] and is checked
//! as a whole: every problem is told at once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

mod raw;

pub use raw::{InvalidGraph, RawConfirm, RawGraph, RawStatus};

/// How often a status may be entered again when the graph does not say.
const DEFAULT_REWORK: u32 = 2;

/// The statuses of one object type and the ways between them; valid by construction.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Graph {
    object: String,
    statuses: Vec<Status>,
}

/// One status of a graph.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Its name, as the lines write it.
    pub name: String,
    /// The service that has to move the object on.
    pub owner: String,
    /// How long an object may stay; no limit if none.
    #[serde(rename = "deadline_ms", serialize_with = "crate::wire::optional_ms")]
    pub deadline: Option<Duration>,
    /// What may follow, by name; nothing follows the end.
    pub next: Vec<String>,
    /// How often it may be entered again.
    pub rework: u32,
    /// The call that must succeed once an object is in this status.
    pub confirm: Option<Confirm>,
}

/// A hand-over that counts only when the other side said yes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Confirm {
    /// Who may confirm: names of peers; anybody if empty.
    pub peers: Vec<String>,
    /// The endpoint of the outgoing call; any if none.
    pub endpoint: Option<String>,
    /// How soon a 2xx must have come.
    #[serde(rename = "within_ms", serialize_with = "crate::wire::ms")]
    pub within: Duration,
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
            next: next.iter().map(|&name| name.to_owned()).collect(),
            rework: DEFAULT_REWORK,
            confirm: None,
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
        Self { object: "order".to_owned(), statuses }
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

/// The graphs of all object types that have one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Graphs(BTreeMap<String, Graph>);

impl Graphs {
    /// These graphs; `order` has the built-in one unless it is among them.
    pub fn new(graphs: impl IntoIterator<Item = Graph>) -> Self {
        let mut all = Self::default();
        all.0.extend(graphs.into_iter().map(|graph| (graph.object.clone(), graph)));
        all
    }

    /// The graph of an object type; objects of a type without one are followed, but never judged.
    pub fn get(&self, object: &str) -> Option<&Graph> {
        self.0.get(object)
    }

    /// All graphs by object type.
    pub fn iter(&self) -> impl Iterator<Item = &Graph> {
        self.0.values()
    }
}

impl Default for Graphs {
    fn default() -> Self {
        let graph = Graph::built_in();
        Self(BTreeMap::from([(graph.object.clone(), graph)]))
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
