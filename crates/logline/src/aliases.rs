//! What other formats call the facts: a table from their field names to the reserved keys.

use std::collections::BTreeMap;

/// The names under which JSON and logfmt lines carry the facts.
///
/// Names are compared without case and without `_`, `-` and `.`, so `order_id` also stands for `orderId`, `Order-ID`,
/// `order.id`, and for `id` inside a nested object `order`.
///
/// Beside the keys of the house format there are the targets `time`, `kind`, `endpoint` and `method`, and `*` for
/// objects whose members count as members of the line, such as `fields`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(from = "BTreeMap<String, Vec<String>>")]
pub struct Aliases {
    /// Sorted by the hash of the name.
    table: Vec<(NameHash, Target)>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The line's time.
    Time,
    /// REQ, RESP or STATUS.
    Kind,
    /// The endpoint, with or without its method.
    Endpoint,
    /// The method, to stand before the route.
    Method,
    /// An object whose members are the line's.
    Container,
    /// A field of this name.
    Field(Box<str>),
}

impl Target {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "time" => Self::Time,
            "kind" => Self::Kind,
            "endpoint" => Self::Endpoint,
            "method" => Self::Method,
            "*" => Self::Container,
            name => Self::Field(name.into()),
        }
    }
}

/// A name as it is compared; hashed bytewise (FNV-1a), so that the parts of a nested name need not be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameHash(u64);

impl NameHash {
    pub(crate) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// This name followed by another.
    pub(crate) fn then(self, name: &str) -> Self {
        let significant = name.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b'.'));
        Self(
            significant.fold(self.0, |hash, byte| {
                (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
            }),
        )
    }
}

/// The defaults: what loggers of Java, C#, Go, Rust, Python and JavaScript write, and what ECS and OpenTelemetry say.
pub(crate) const DEFAULTS: [(&str, &[&str]); 23] = [
    ("time", &["ts", "time", "timestamp", "@timestamp", "@t", "date_time", "event_time"]),
    ("kind", &["kind", "type", "event", "event_kind"]),
    ("endpoint", &["endpoint", "route", "http.route"]),
    ("method", &["method", "http.method", "request_method", "http.request.method"]),
    ("*", &["fields", "properties", "mdc", "context_map", "attributes"]),
    ("path", &["path", "url", "uri", "url.path", "request_path", "request_uri", "http.target"]),
    ("msg", &["msg", "message", "@m", "@mt", "short_message"]),
    ("level", &["level", "lvl", "severity", "@l", "log_level", "level_name", "severity_text"]),
    ("order_id", &["order_id", "order_number", "order_no"]),
    ("trace_id", &["trace_id", "@tr", "x-b3-trace-id", "dd.trace_id"]),
    ("span_id", &["span_id", "@sp", "x-b3-span-id", "dd.span_id"]),
    ("request_id", &["request_id", "x-request-id", "http.request.id"]),
    ("status", &["status", "order_status"]),
    ("from", &["from", "from_status", "old_status", "previous_status", "status_from"]),
    ("to", &["to", "to_status", "new_status", "status_to"]),
    (
        "http_status",
        &["http_status", "status_code", "response_status", "http.status_code", "http.response.status_code"],
    ),
    (
        "duration_ms",
        &["duration_ms", "elapsed_ms", "elapsed_milliseconds", "took_ms", "latency_ms", "response_time_ms"],
    ),
    ("dir", &["dir", "direction"]),
    ("peer", &["peer", "peer.service", "remote_service"]),
    ("attempt", &["attempt", "attempt_number"]),
    ("error", &["error", "err", "exception", "@x", "error.message"]),
    ("headers", &["headers", "request_headers", "response_headers"]),
    ("body", &["body", "payload", "request_body", "response_body"]),
];

impl Aliases {
    /// No alias at all, not even the defaults.
    pub const fn none() -> Self {
        Self { table: Vec::new() }
    }

    /// What is wrong with these names for facts, as a configuration states them: for which fact, and what.
    pub fn problems(names: &BTreeMap<String, Vec<String>>) -> Vec<(&str, String)> {
        let mut problems = Vec::new();
        let mut facts_of: BTreeMap<NameHash, &str> = BTreeMap::new();
        for (fact, names) in names {
            if !is_fact(fact) {
                let known = DEFAULTS.map(|(fact, _)| fact).join(", ");
                problems
                    .push((fact.as_str(), format!("is no fact; there are {known}, rating, and TYPE_id of any type")));
            }
            if names.is_empty() {
                problems.push((
                    fact.as_str(),
                    "has no names; want such as `[\"orderNumber\"]`, or nothing at all".to_owned(),
                ));
            }
            for name in names {
                let hash = NameHash::EMPTY.then(name.trim());
                if hash == NameHash::EMPTY {
                    problems
                        .push((fact.as_str(), format!("has `{name}`, which has no letters; want the name of a field")));
                    continue;
                }
                if let Some(other) = facts_of.insert(hash, fact).filter(|other| *other != fact) {
                    let text = format!(
                        "has `{name}`, which `{other}` has as well; a field tells one fact: take it out of one"
                    );
                    problems.push((fact.as_str(), text));
                }
            }
        }
        problems
    }

    /// Adds names for a target; a name that stood for something else stands for this from now on.
    #[must_use]
    pub fn with<S: AsRef<str>>(mut self, target: &str, names: impl IntoIterator<Item = S>) -> Self {
        for name in names {
            let entry = (NameHash::EMPTY.then(name.as_ref()), Target::of(target));
            match self.table.binary_search_by_key(&entry.0, |(hash, _)| *hash) {
                Ok(index) => self.table[index] = entry,
                Err(index) => self.table.insert(index, entry),
            }
        }
        self
    }

    pub(crate) fn get(&self, name: NameHash) -> Option<&Target> {
        self.table.binary_search_by_key(&name, |(hash, _)| *hash).ok().map(|index| &self.table[index].1)
    }
}

/// Whether there may be names for it: a reserved key, a target, or the id of some type of object.
pub(crate) fn is_fact(fact: &str) -> bool {
    let is_id = fact.strip_suffix("_id").is_some_and(|object| !object.is_empty());
    is_id || fact == "rating" || DEFAULTS.iter().any(|(known, _)| *known == fact)
}

impl Default for Aliases {
    /// The table in `docs/log-lines.md`.
    fn default() -> Self {
        DEFAULTS.iter().fold(Self::none(), |aliases, (target, names)| aliases.with(target, *names))
    }
}

impl From<BTreeMap<String, Vec<String>>> for Aliases {
    /// The defaults and these, which is how a configuration states them.
    fn from(more: BTreeMap<String, Vec<String>>) -> Self {
        more.into_iter().fold(Self::default(), |aliases, (target, names)| aliases.with(&target, names))
    }
}

#[cfg(test)]
mod tests;
