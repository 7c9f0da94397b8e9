//! Reads `alertmanager.yml`: the tree, inhibition, times and who may be told; everything that is wrong is told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::inhibit::InhibitRule;
use super::matcher::{Comparison, Matcher};
use super::times::{self, TimeInterval};
use super::tree::{GroupBy, Route};
use crate::notify::{Global, Receiver, WrittenReceiver};

/// Where alerts go.
#[derive(Clone, Debug)]
pub struct Routing {
    /// The root of the tree.
    pub route: Route,
    /// Who can be told, by name.
    pub receivers: BTreeMap<String, Receiver>,
    /// What holds what back.
    pub inhibit: Vec<InhibitRule>,
    /// How long an alert of others fires that does not say when it ends.
    pub resolve_timeout: Duration,
    /// What was accepted but is not done; for the operator.
    pub warnings: Vec<String>,
    /// The text as it was read, without its secrets being looked up; empty for one made of settings.
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    global: Global,
    #[serde(default)]
    templates: Vec<String>,
    route: Option<WrittenRoute>,
    #[serde(default)]
    receivers: Vec<WrittenReceiver>,
    #[serde(default)]
    inhibit_rules: Vec<WrittenInhibit>,
    #[serde(default)]
    time_intervals: Vec<times::Written>,
    #[serde(default)]
    mute_time_intervals: Vec<times::Written>,
    #[serde(default)]
    tracing: Option<serde_yaml_ng::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    receiver: Option<String>,
    #[serde(default)]
    group_by: Vec<String>,
    #[serde(default, rename = "match")]
    equal: BTreeMap<String, String>,
    #[serde(default)]
    match_re: BTreeMap<String, String>,
    #[serde(default)]
    matchers: Vec<String>,
    #[serde(default, rename = "continue")]
    goes_on: bool,
    group_wait: Option<String>,
    group_interval: Option<String>,
    repeat_interval: Option<String>,
    #[serde(default)]
    mute_time_intervals: Vec<String>,
    #[serde(default)]
    active_time_intervals: Vec<String>,
    #[serde(default)]
    routes: Vec<Self>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInhibit {
    #[serde(default)]
    source_match: BTreeMap<String, String>,
    #[serde(default)]
    source_match_re: BTreeMap<String, String>,
    #[serde(default)]
    source_matchers: Vec<String>,
    #[serde(default)]
    target_match: BTreeMap<String, String>,
    #[serde(default)]
    target_match_re: BTreeMap<String, String>,
    #[serde(default)]
    target_matchers: Vec<String>,
    #[serde(default)]
    equal: Vec<String>,
    #[serde(default, rename = "name")]
    _name: Option<String>,
}

/// How long an alert of others fires that does not say when it ends.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(300);

/// What a node hands down.
#[derive(Clone)]
struct Inherited {
    receiver: String,
    group_by: GroupBy,
    wait: Duration,
    interval: Duration,
    repeat: Duration,
}

impl Routing {
    /// Reads the file. `secret` reads the file that a `…_file` key names.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn parse(text: &str, secret: &dyn Fn(&str) -> Result<String, String>) -> Result<Self, Vec<String>> {
        let file: File = serde_yaml_ng::from_str(text).map_err(|error| vec![format!("cannot be read: {error}")])?;
        let mut reader = Reader { intervals: BTreeMap::new(), names: BTreeSet::new(), problems: Vec::new() };
        let mut warnings = Vec::new();
        if !file.templates.is_empty() {
            warnings.push("`templates` is left out: messages are written by lapidary itself".to_owned());
        }
        if file.tracing.is_some() {
            warnings.push("`tracing` is left out".to_owned());
        }
        reader.intervals(file.time_intervals.into_iter().chain(file.mute_time_intervals));
        let mut receivers = BTreeMap::new();
        for written in file.receivers {
            let name = written.name.clone();
            if !reader.names.insert(name.clone()) {
                reader.problems.push(format!("receiver `{name}` stands twice"));
            }
            match Receiver::read(written, &file.global, secret) {
                Ok((receiver, left_out)) => {
                    warnings.extend(left_out);
                    receivers.insert(name, receiver);
                }
                Err(problems) => reader.problems.extend(problems),
            }
        }
        let inhibit = file.inhibit_rules.into_iter().filter_map(|rule| reader.inhibit(&rule)).collect();
        let resolve_timeout = reader.duration("resolve_timeout", file.global.resolve_timeout(), RESOLVE_TIMEOUT);
        let route = reader.root(file.route);
        match route {
            Some(route) if reader.problems.is_empty() => {
                Ok(Self { route, receivers, inhibit, resolve_timeout, warnings, source: text.to_owned() })
            }
            _ => Err(reader.problems),
        }
    }

    /// Everything goes to one receiver, with Alertmanager's waits, grouped by the name of the alert.
    pub fn only(receiver: Receiver) -> Self {
        let mut reader = Reader { intervals: BTreeMap::new(), names: BTreeSet::new(), problems: Vec::new() };
        let written = WrittenRoute { group_by: vec![crate::ALERTNAME.to_owned()], ..WrittenRoute::default() };
        let mut route = reader.route(written, &Inherited::root(receiver.name.clone()));
        route.name(None, &mut BTreeMap::new());
        Self {
            route,
            receivers: BTreeMap::from([(receiver.name.clone(), receiver)]),
            inhibit: Vec::new(),
            resolve_timeout: RESOLVE_TIMEOUT,
            warnings: Vec::new(),
            source: String::new(),
        }
    }
}

impl Inherited {
    fn root(receiver: String) -> Self {
        Self {
            receiver,
            group_by: GroupBy::Labels(BTreeSet::new()),
            wait: Duration::from_secs(30),
            interval: Duration::from_secs(5 * 60),
            repeat: Duration::from_secs(4 * 3_600),
        }
    }
}

struct Reader {
    intervals: BTreeMap<String, TimeInterval>,
    names: BTreeSet<String>,
    problems: Vec<String>,
}

impl Reader {
    fn intervals(&mut self, written: impl Iterator<Item = times::Written>) {
        for interval in written {
            match TimeInterval::read(interval) {
                Ok(interval) => drop(self.intervals.insert(interval.name.clone(), interval)),
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    fn root(&mut self, written: Option<WrittenRoute>) -> Option<Route> {
        let Some(written) = written else {
            self.problems.push("there is no `route`; want one with a `receiver`".to_owned());
            return None;
        };
        let Some(receiver) = written.receiver.clone() else {
            self.problems.push("the first route names no `receiver`".to_owned());
            return None;
        };
        if !(written.equal.is_empty() && written.match_re.is_empty() && written.matchers.is_empty()) {
            self.problems.push("the first route has matchers, but every alert must fit it".to_owned());
        }
        if !(written.mute_time_intervals.is_empty() && written.active_time_intervals.is_empty()) {
            self.problems.push("the first route has time intervals; put them on a route below it".to_owned());
        }
        let mut route = self.route(written, &Inherited::root(receiver));
        for receiver in route.all().into_iter().map(|route| route.receiver.clone()).collect::<BTreeSet<_>>() {
            if !self.names.contains(&receiver) {
                self.problems.push(format!(
                    "a route names the receiver `{receiver}`, which is not there; add it to `receivers`"
                ));
            }
        }
        route.name(None, &mut BTreeMap::new());
        Some(route)
    }

    fn route(&mut self, written: WrittenRoute, above: &Inherited) -> Route {
        let own = Inherited {
            receiver: written.receiver.filter(|name| !name.is_empty()).unwrap_or_else(|| above.receiver.clone()),
            group_by: self.group_by(&written.group_by).unwrap_or_else(|| above.group_by.clone()),
            wait: self.duration("group_wait", written.group_wait.as_deref(), above.wait),
            interval: self.duration("group_interval", written.group_interval.as_deref(), above.interval),
            repeat: self.duration("repeat_interval", written.repeat_interval.as_deref(), above.repeat),
        };
        for (name, length) in [("group_interval", own.interval), ("repeat_interval", own.repeat)] {
            if length.is_zero() {
                self.problems.push(format!("`{name}` is zero; want a duration such as `5m`"));
            }
        }
        Route {
            id: String::new(),
            key: String::new(),
            matchers: self.matchers(&written.equal, &written.match_re, &written.matchers),
            goes_on: written.goes_on,
            mute: self.named(&written.mute_time_intervals),
            active: self.named(&written.active_time_intervals),
            routes: written.routes.into_iter().map(|route| self.route(route, &own)).collect(),
            receiver: own.receiver,
            group_by: own.group_by,
            group_wait: own.wait,
            group_interval: own.interval,
            repeat_interval: own.repeat,
        }
    }

    fn group_by(&mut self, names: &[String]) -> Option<GroupBy> {
        if names.is_empty() {
            return None;
        }
        if names.iter().any(|name| name == "...") {
            if names.len() > 1 {
                self.problems.push("`group_by` has `...` beside other labels; write `...` alone".to_owned());
            }
            return Some(GroupBy::All);
        }
        let labels: BTreeSet<String> = names.iter().cloned().collect();
        if labels.len() < names.len() {
            self.problems.push("`group_by` names a label twice".to_owned());
        }
        Some(GroupBy::Labels(labels))
    }

    fn named(&mut self, names: &[String]) -> Vec<TimeInterval> {
        let mut found = Vec::new();
        for name in names {
            match self.intervals.get(name) {
                Some(interval) => found.push(interval.clone()),
                None => self.problems.push(format!(
                    "a route names the time interval `{name}`, which is not there; add it to `time_intervals`"
                )),
            }
        }
        found
    }

    fn matchers(
        &mut self,
        equal: &BTreeMap<String, String>,
        regex: &BTreeMap<String, String>,
        texts: &[String],
    ) -> Vec<Matcher> {
        let old = |pairs: &BTreeMap<String, String>, kind| -> Vec<_> {
            pairs.iter().map(|(name, value)| Matcher::new(name, kind, value).map(|matcher| vec![matcher])).collect()
        };
        let all = old(equal, Comparison::Equal).into_iter().chain(old(regex, Comparison::Matches));
        let mut found = Vec::new();
        for read in all.chain(texts.iter().map(|text| Matcher::parse(text))) {
            match read {
                Ok(matchers) => found.extend(matchers),
                Err(problem) => self.problems.push(problem),
            }
        }
        // In the order of Alertmanager, so that group keys are the same.
        found.sort_by(|a, b| (a.name(), a.value()).cmp(&(b.name(), b.value())));
        found
    }

    fn inhibit(&mut self, written: &WrittenInhibit) -> Option<InhibitRule> {
        let source = self.matchers(&written.source_match, &written.source_match_re, &written.source_matchers);
        let target = self.matchers(&written.target_match, &written.target_match_re, &written.target_matchers);
        Some(InhibitRule { source, target, equal: written.equal.clone() })
    }

    fn duration(&mut self, key: &str, text: Option<&str>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        parse_duration(text).unwrap_or_else(|| {
            self.problems.push(format!("`{key}` is `{text}`, which is no duration such as `5m` or `1h30m`"));
            default
        })
    }
}

/// A duration as Prometheus writes it: years too.
fn parse_duration(text: &str) -> Option<Duration> {
    let Some((years, rest)) = text.split_once('y') else { return stdx::parse_duration(text) };
    let years = Duration::from_secs(years.parse::<u64>().ok()?.checked_mul(365 * 86_400)?);
    if rest.is_empty() { Some(years) } else { years.checked_add(stdx::parse_duration(rest)?) }
}

#[cfg(test)]
mod tests;
