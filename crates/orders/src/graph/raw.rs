//! A status graph as configuration writes it, and the checks that turn it into a [`Graph`].

use std::collections::BTreeSet;

use stdx::parse_duration;

use super::{Confirm, DEFAULT_REWORK, Graph, Status};

/// A graph as written: `object = "order"` and one `[[status]]` for each status, in the order an object passes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGraph {
    /// The object type; `order` if not given.
    pub object: Option<String>,
    /// The statuses; the first one is the start.
    #[serde(default)]
    pub status: Vec<RawStatus>,
}

/// A status as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawStatus {
    /// Its name.
    pub name: String,
    /// The service that has to move the object on.
    pub owner: String,
    /// How long an object may stay, such as `36h`; no limit if not given.
    pub deadline: Option<String>,
    /// What may follow; a status that nothing follows is an end.
    #[serde(default)]
    pub next: Vec<String>,
    /// How often it may be entered again; 2 if not given.
    pub rework: Option<u32>,
    /// The call that must succeed.
    pub confirm: Option<RawConfirm>,
}

/// A hand-over as written: `{ peers = ["queue"], within = "5m" }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfirm {
    /// Who may confirm; anybody if empty.
    #[serde(default)]
    pub peers: Vec<String>,
    /// The endpoint of the outgoing call; any if not given.
    pub endpoint: Option<String>,
    /// How soon a 2xx must have come, such as `5m`.
    pub within: String,
}

/// Everything that is wrong with a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the status graph of `{object}` is not valid: {}", problems.join("; "))]
pub struct InvalidGraph {
    /// The object type.
    pub object: String,
    /// The problems, each naming what it is about.
    pub problems: Vec<String>,
}

impl TryFrom<RawGraph> for Graph {
    type Error = InvalidGraph;

    fn try_from(raw: RawGraph) -> Result<Self, Self::Error> {
        let mut problems = Vec::new();
        let object = raw.object.unwrap_or_else(|| "order".to_owned());
        if object.is_empty() || object.contains(|c: char| c == '/' || c.is_whitespace()) {
            problems.push(format!("`{object}` is not a name of an object type"));
        }
        let statuses = raw.status.into_iter().map(|status| status.check(&mut problems)).collect();
        let graph = Self { object, statuses };
        names(&graph, &mut problems);
        // Ways can be judged only once every name is known.
        if problems.is_empty() {
            ways(&graph, &mut problems);
        }
        if problems.is_empty() { Ok(graph) } else { Err(InvalidGraph { object: graph.object, problems }) }
    }
}

impl RawStatus {
    fn check(self, problems: &mut Vec<String>) -> Status {
        let name = self.name;
        let deadline = self.deadline.and_then(|text| span_of(&text, &format!("deadline of `{name}`"), problems));
        if self.owner.trim().is_empty() {
            problems.push(format!("status `{name}` has no owner"));
        }
        if self.next.is_empty() && deadline.is_some() {
            problems.push(format!("status `{name}` is an end and cannot have a deadline"));
        }
        let confirm = self.confirm.and_then(|raw| {
            let within = span_of(&raw.within, &format!("confirm.within of `{name}`"), problems)?;
            Some(Confirm { peers: raw.peers, endpoint: raw.endpoint, within })
        });
        let rework = self.rework.unwrap_or(DEFAULT_REWORK);
        Status { name, owner: self.owner, deadline, next: self.next, rework, confirm }
    }
}

fn span_of(text: &str, what: &str, problems: &mut Vec<String>) -> Option<std::time::Duration> {
    match parse_duration(text) {
        Some(span) if !span.is_zero() => return Some(span),
        Some(_) => problems.push(format!("{what} is zero")),
        None => problems.push(format!("{what} is `{text}`; write it like `15m`, `36h`, `7d` or `1h30m`")),
    }
    None
}

fn names(graph: &Graph, problems: &mut Vec<String>) {
    if graph.statuses.is_empty() {
        problems.push("it has no status".to_owned());
    }
    let mut seen = BTreeSet::new();
    for status in &graph.statuses {
        let name = &status.name;
        if name.is_empty() || name.contains(char::is_whitespace) {
            problems.push(format!("`{name}` is not a name of a status"));
        }
        if !seen.insert(name) {
            problems.push(format!("status `{name}` stands twice"));
        }
        for next in status.next.iter().filter(|next| graph.status(next).is_none()) {
            problems.push(format!("status `{name}` leads to `{next}`, which does not exist"));
        }
        if status.next.contains(name) {
            problems.push(format!("status `{name}` leads to itself"));
        }
    }
}

fn ways(graph: &Graph, problems: &mut Vec<String>) {
    let Some(start) = graph.start() else { return };
    for status in &graph.statuses {
        if status.name != start.name && graph.way(&start.name, &status.name).is_none() {
            problems.push(format!("no way leads from `{}` to `{}`", start.name, status.name));
        }
        if !status.next.is_empty() && graph.ahead(&status.name).is_empty() {
            problems.push(format!("no way leads from `{}` to an end", status.name));
        }
    }
}
