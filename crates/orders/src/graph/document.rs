//! A status graph as a TOML document, and the checks that make it a [`Graph`]: every problem with its key and line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logline::Timestamp;
use stdx::{Problems, Settings};

use super::{Confirm, DEFAULT_REWORK, Expect, Graph, Objective, Status};
use crate::Calendar;

impl Graph {
    /// Reads a document: `object = "order"`, one `[[status]]` for each status in the order an object passes them, and if
    /// wanted `valid_from`, a `[calendar]` and `[[objective]]`s. `docs/orders.md` describes it.
    pub fn read(text: &str) -> Result<Self, Problems> {
        let mut settings = Settings::parse(text, "", []);
        let graph = read(&mut settings);
        settings.finish()?;
        Ok(graph)
    }
}

fn read(settings: &mut Settings) -> Graph {
    let object = settings.or("object", "order".to_owned(), "The object type.");
    if object.is_empty() || object.contains(|c: char| c == '/' || c.is_whitespace()) {
        settings.problem("object", format!("is `{object}`, which is no name of an object type"));
    }
    let valid_from = valid_from(settings);
    let calendar = Calendar::read(settings);
    let keys = settings.tables("status");
    let statuses: Vec<Status> = keys.iter().map(|key| status(settings, key, calendar.is_some())).collect();
    let keys = settings.tables("objective");
    let objectives = keys.iter().map(|key| objective(settings, key, &statuses, calendar.is_some())).collect();
    let graph = Graph { object, valid_from, calendar, statuses, objectives };
    // Ways can be judged only once every name is known.
    if names(&graph, settings) {
        ways(&graph, settings);
    }
    graph
}

fn valid_from(settings: &mut Settings) -> Timestamp {
    let doc = "Since when it is in force: a day, or a time with a zone.";
    let Some(text) = settings.optional::<String>("valid_from", doc) else { return Timestamp::MIN };
    let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10);
    let day =
        day.and_then(|day| jiff::tz::TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok());
    match day.or_else(|| text.parse().ok()) {
        Some(time) => time.into(),
        None => {
            let want = "write it like `2026-03-01` or `2026-03-01T09:00:00+03:00`";
            settings.problem("valid_from", format!("is `{text}`; {want}"));
            Timestamp::MIN
        }
    }
}

fn status(settings: &mut Settings, prefix: &str, calendar: bool) -> Status {
    let key = |name: &str| format!("{prefix}.{name}");
    let name = settings.required(&key("name"), "Its name, as the lines write it.").unwrap_or_default();
    let owner: String =
        settings.required(&key("owner"), "The service that has to move the object on.").unwrap_or_default();
    if owner.trim().is_empty() {
        settings.problem(&key("owner"), "is empty; name the service that has to move the object on");
    }
    let deadline = settings.optional(&key("deadline"), "How long an object may stay; no limit if not given.");
    let deadline = not_zero(settings, &key("deadline"), deadline);
    let doc = "How long it may take to leave for one of the next statuses.";
    let mut deadlines: BTreeMap<String, Duration> = settings.map(&key("deadlines"), doc);
    deadlines.retain(|next, span| not_zero(settings, &key(&format!("deadlines.{next}")), Some(*span)).is_some());
    let working = working(settings, prefix, calendar);
    let next: Vec<String> =
        settings.or(&key("next"), Vec::new(), "What may follow; a status that nothing follows is an end.");
    for after in deadlines.keys().filter(|after| !next.contains(after)) {
        settings.problem(&key(&format!("deadlines.{after}")), format!("is about `{after}`, which is not among `next`"));
    }
    if next.is_empty() && deadline.is_some() {
        settings.problem(&key("deadline"), "is given for an end; where nothing follows there is nothing to wait for");
    }
    let rework = settings.or(&key("rework"), u64::from(DEFAULT_REWORK), "How often it may be entered again.");
    let rework = u32::try_from(rework).unwrap_or(u32::MAX);
    let (confirm, expect) = (confirm(settings, prefix), expect(settings, prefix));
    Status { name, owner, deadline, deadlines, working, next, rework, confirm, expect }
}

fn working(settings: &mut Settings, prefix: &str, calendar: bool) -> bool {
    let key = format!("{prefix}.working");
    let working = settings.or(&key, false, "Whether only working time counts, by the `calendar`.");
    if working && !calendar {
        settings.problem(&key, "needs a `calendar`");
    }
    working
}

fn confirm(settings: &mut Settings, prefix: &str) -> Option<Confirm> {
    let key = |name: &str| format!("{prefix}.confirm.{name}");
    let peers: Option<Vec<String>> = settings.optional(&key("peers"), "Who may confirm; anybody if not given.");
    let endpoint = settings.optional(&key("endpoint"), "The endpoint of the outgoing call; any if not given.");
    let within = settings.optional(&key("within"), "How soon a 2xx must have come.");
    let within = not_zero(settings, &key("within"), within);
    if within.is_none() && (peers.is_some() || endpoint.is_some()) {
        settings.problem(&key("within"), "is missing; want a duration such as \"5m\"");
    }
    Some(Confirm { peers: peers.unwrap_or_default(), endpoint, within: within? })
}

fn expect(settings: &mut Settings, prefix: &str) -> Option<Expect> {
    let key = |name: &str| format!("{prefix}.expect.{name}");
    let service: Option<String> =
        settings.optional(&key("service"), "The service that writes the event that must follow.");
    let endpoint: Option<String> = settings.optional(&key("endpoint"), "The endpoint that event is about.");
    let status: Option<String> = settings.optional(&key("status"), "The status that event tells.");
    let within = settings.optional(&key("within"), "How soon it must have come.");
    let within = not_zero(settings, &key("within"), within);
    let named = service.is_some() || endpoint.is_some() || status.is_some();
    if within.is_none() && named {
        settings.problem(&key("within"), "is missing; want a duration such as \"5m\"");
    }
    if within.is_some() && !named {
        settings.problem(&key("within"), "stands alone; say which event with `service`, `endpoint` or `status`");
    }
    Some(Expect { service, endpoint, status, within: within? })
}

fn objective(settings: &mut Settings, prefix: &str, statuses: &[Status], calendar: bool) -> Objective {
    let key = |name: &str| format!("{prefix}.{name}");
    let name = settings.required(&key("name"), "What people call the promise.").unwrap_or_default();
    let mut end = |name: &str, doc: &'static str| -> String {
        let status: Option<String> = settings.required(&key(name), doc);
        if let Some(status) = status.as_ref().filter(|status| statuses.iter().all(|known| known.name != **status)) {
            settings.problem(&key(name), format!("is `{status}`, which does not exist"));
        }
        status.unwrap_or_default()
    };
    let from = end("from", "Where the time begins: when this status is entered first.");
    let to = end("to", "Where it ends.");
    if from == to && !from.is_empty() {
        settings.problem(&key("to"), "is the same status as `from`");
    }
    let within = settings.required(&key("within"), "How long it may take.");
    let within = not_zero(settings, &key("within"), within).unwrap_or_default();
    let working = working(settings, prefix, calendar);
    let target = settings.or(&key("target"), 0.95, "The share that must make it.");
    if target <= 0.0 || 1.0 <= target {
        settings.problem(&key("target"), format!("is {target}; want a share such as 0.95"));
    }
    let window = settings.or(&key("window"), Duration::from_hours(28 * 24), "Over how long the share is measured.");
    let window = not_zero(settings, &key("window"), Some(window)).unwrap_or_default();
    Objective { name, from, to, within, working, target, window }
}

fn not_zero(settings: &mut Settings, key: &str, span: Option<Duration>) -> Option<Duration> {
    if span.is_some_and(|span| span.is_zero()) {
        settings.problem(key, "is zero");
    }
    span.filter(|span| !span.is_zero())
}

/// Whether every name is right.
fn names(graph: &Graph, settings: &mut Settings) -> bool {
    let mut problems: Vec<(String, String)> = Vec::new();
    if graph.statuses.is_empty() {
        problems.push(("status".to_owned(), "is missing; a graph has a `[[status]]` for each status".to_owned()));
    }
    let mut seen = BTreeSet::new();
    for (index, status) in graph.statuses.iter().enumerate() {
        let name = &status.name;
        let mut add = |key: &str, text: String| problems.push((format!("status[{index}].{key}"), text));
        if name.contains(char::is_whitespace) {
            add("name", format!("is `{name}`, which is no name of a status"));
        }
        if !name.is_empty() && !seen.insert(name) {
            add("name", format!("is `{name}`, which stands twice"));
        }
        for next in status.next.iter().filter(|next| graph.status(next).is_none()) {
            add("next", format!("has `{next}`, which does not exist"));
        }
        if status.next.contains(name) {
            add("next", format!("leads from `{name}` to itself"));
        }
        if let Some(told) = status.expect.as_ref().and_then(|expect| expect.status.as_ref())
            && graph.status(told).is_none()
        {
            add("expect.status", format!("is `{told}`, which does not exist"));
        }
    }
    let complete = graph.statuses.iter().all(|status| !status.name.is_empty());
    let sound = problems.is_empty() && complete;
    problems.into_iter().for_each(|(key, text)| settings.problem(&key, text));
    sound
}

fn ways(graph: &Graph, settings: &mut Settings) {
    let Some(start) = graph.start() else { return };
    for (index, status) in graph.statuses.iter().enumerate() {
        if status.name != start.name && graph.way(&start.name, &status.name).is_none() {
            let text = format!("is `{}`, to which no way leads from `{}`", status.name, start.name);
            settings.problem(&format!("status[{index}].name"), text);
        }
        if !status.next.is_empty() && graph.ahead(&status.name).is_empty() {
            settings.problem(&format!("status[{index}].next"), format!("leads from `{}` to no end", status.name));
        }
    }
}
