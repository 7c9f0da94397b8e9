//! Rules as they are written: groups in files of Loki's and Prometheus' form, with kinds of our own among them.

mod about;
mod defaults;
mod kind;
mod lint;
mod raw;
mod span;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use defaults::default_groups;
pub use kind::{
    Absence, Change, Field, HttpErrors, Kind, NewPattern, OrderSla, OrderStuck, Spike, TransitionError, VolumeAnomaly,
    Way,
};
pub use lint::{Lint, lint};
pub use raw::{RawGroup, RawRule};
pub use span::Span;

use raw::RawFile;
use template::Template;

/// How often a group is evaluated when it does not say: Loki's default.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Most bytes of a file of rules.
pub const MAX_FILE: usize = 4 << 20;

/// What is wrong with rules; every problem at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct InvalidRules(pub Vec<String>);

/// A group whose rules are known to be well formed; evaluated in order, all at the same time.
#[derive(Clone, Debug)]
pub struct Group {
    /// Unique within its file or namespace.
    pub name: String,
    /// From evaluation to evaluation.
    pub interval: Duration,
    /// Most alerts of a rule; no limit if zero.
    pub limit: usize,
    /// How much later than the moment it asks about it is evaluated; the server's setting if none.
    pub query_delay: Option<Duration>,
    /// In order.
    pub rules: Vec<Rule>,
    /// The services that all its rules name; `None` when one of them is about others too.
    pub services: Option<BTreeSet<String>>,
    /// As it was written, for the API.
    pub raw: RawGroup,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name of the alert, or of the recorded series.
    pub name: String,
    /// What it looks at.
    pub kind: Kind,
    /// What it does with what it finds.
    pub role: Role,
    /// How long it must hold before the alert fires.
    pub wait: Duration,
    /// How long the alert goes on firing after it has ceased to hold.
    pub keep: Duration,
    /// Labels that every alert gets.
    pub labels: BTreeMap<String, Text>,
    /// What every alert says.
    pub annotations: BTreeMap<String, Text>,
}

/// What a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Each series it finds is an alert.
    Alert,
    /// Each series it finds is written down under the rule's name.
    Record,
}

/// A label or an annotation: a template that is known to be well formed.
#[derive(Clone, Debug)]
pub struct Text {
    /// As it was written.
    pub source: String,
    template: Arc<Template>,
}

impl Text {
    /// Variables that every text may use, as Prometheus sets them before it.
    const VARIABLES: &'static str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                                     {{$externalURL := .ExternalURL}}{{$value := .Value}}";

    /// Reads a template; braces without a template cost nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(source: &str) -> Result<Self, template::Error> {
        let template = Template::parse_alert(&format!("{}{source}", Self::VARIABLES))?;
        Ok(Self { source: source.to_owned(), template: Arc::new(template) })
    }

    /// The text with this data; what cannot be filled in says why, as in Prometheus.
    pub fn render(&self, data: &template::Value, now_ns: i64) -> String {
        if !self.source.contains("{{") {
            return self.source.clone();
        }
        self.template.render_data(data, now_ns).unwrap_or_else(|error| format!("<error expanding template: {error}>"))
    }
}

impl Rule {
    /// Names the rule among those of its group across changes of the file: two of one name with equal labels are told
    /// apart by their order.
    pub fn key(&self) -> String {
        let labels: Vec<String> = self.labels.iter().map(|(name, text)| format!("{name}={:?}", text.source)).collect();
        format!("{}{{{}}}", self.name, labels.join(","))
    }

    /// The expression for people and for the API: LogQL, or the kind with its settings.
    pub fn query(&self) -> String {
        self.kind.to_string()
    }
}

/// Reads a file of rules.
///
/// # Errors
/// Everything that is wrong with it, each with its group, its rule and, as far as it is known, its line.
pub fn parse_file(text: &str) -> Result<Vec<Group>, InvalidRules> {
    if MAX_FILE < text.len() {
        return Err(InvalidRules(vec![format!("the file has more than {MAX_FILE} bytes")]));
    }
    let file: RawFile = serde_yaml_ng::from_str(text).map_err(|error| InvalidRules(vec![error.to_string()]))?;
    let mut problems = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut names = BTreeSet::new();
    for raw in file.groups {
        if !names.insert(raw.name.clone()) {
            problems.push(format!("groupname: \"{}\" is repeated in the same file", raw.name));
        }
        match Group::check(raw, Some(text)) {
            Ok(group) => groups.push(group),
            Err(InvalidRules(found)) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(groups) } else { Err(InvalidRules(problems)) }
}

/// Reads one group, as the API takes it.
///
/// # Errors
/// As [`parse_file`].
pub fn parse_group(text: &str) -> Result<Group, InvalidRules> {
    if MAX_FILE < text.len() {
        return Err(InvalidRules(vec![format!("the group has more than {MAX_FILE} bytes")]));
    }
    let raw: RawGroup = serde_yaml_ng::from_str(text).map_err(|error| InvalidRules(vec![error.to_string()]))?;
    Group::check(raw, Some(text))
}

impl Group {
    /// Checks a group; `file` is where it was written, to tell lines.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(raw: RawGroup, file: Option<&str>) -> Result<Self, InvalidRules> {
        let mut problems = Vec::new();
        if raw.name.is_empty() {
            problems.push("Groupname must not be empty".to_owned());
        }
        let mut rules = Vec::new();
        for (index, rule) in raw.rules.iter().enumerate() {
            let mut rule = rule.clone();
            for (name, value) in &raw.labels {
                rule.labels.entry(name.clone()).or_insert_with(|| value.clone());
            }
            match rule.check() {
                Ok(rule) => rules.push(rule),
                Err(found) => {
                    let name = rule.name();
                    let place = file.and_then(|text| line_of(text, name)).map(|line| format!("line {line}: "));
                    let place = place.unwrap_or_default();
                    let number = index + 1;
                    let told =
                        |text: String| format!("{place}group \"{}\", rule {number}, \"{name}\": {text}", raw.name);
                    problems.extend(found.into_iter().map(told));
                }
            }
        }
        if !problems.is_empty() {
            return Err(InvalidRules(problems));
        }
        let named = rules.iter().map(|rule: &Rule| rule.kind.services()).collect::<Option<Vec<_>>>();
        let services = named.filter(|named| !named.is_empty()).map(|named| named.into_iter().flatten().collect());
        Ok(Self {
            name: raw.name.clone(),
            interval: raw.interval.map(|span| span.0).filter(|span| !span.is_zero()).unwrap_or(DEFAULT_INTERVAL),
            limit: raw.limit.unwrap_or(0),
            query_delay: raw.query_offset.map(|span| span.0),
            rules,
            services,
            raw,
        })
    }
}

/// The first line that gives a rule this name.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let names = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        let value = line.strip_prefix("alert:").or_else(|| line.strip_prefix("record:"));
        value.is_some_and(|value| value.trim().trim_matches(['"', '\'']) == name)
    };
    text.lines().position(names).map(|line| line + 1)
}

#[cfg(test)]
mod tests;
