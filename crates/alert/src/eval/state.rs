//! The life of an alert: inactive, pending, firing, as Prometheus has it. Pure: what was found at one moment in, changed
//! state out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logline::Timestamp;
use serde::{Deserialize, Serialize};

use super::found::{About, Found};
use crate::model::{ALERTNAME, fingerprint};
use crate::rule::Rule;

/// How long a resolved alert is kept, so that the news of it gets through.
pub const RESOLVED_KEPT: Duration = Duration::from_secs(15 * 60);
/// The label that names a series in Prometheus; an alert has none.
const NAME: &str = "__name__";

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It does not hold; kept only when it has fired lately.
    #[default]
    Inactive,
    /// It holds, but not for long enough.
    Pending,
    /// It holds.
    Firing,
}

impl Standing {
    /// Prometheus' word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One alert of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Where it stands.
    pub standing: Standing,
    /// All labels, with the rule's own and `alertname`.
    pub labels: BTreeMap<String, String>,
    /// Annotations with everything filled in.
    pub annotations: BTreeMap<String, String>,
    /// What the expression came to last; as text, since it may be no number.
    #[serde(with = "crate::model::number")]
    pub value: f64,
    /// Since when it holds.
    pub active_at: Timestamp,
    /// When it began to fire.
    pub fired_at: Option<Timestamp>,
    /// When it stopped firing.
    pub resolved_at: Option<Timestamp>,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_since: Option<Timestamp>,
    /// When it was handed to the routes last.
    pub sent_at: Option<Timestamp>,
    /// What it is about.
    pub about: About,
}

/// All alerts of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleState {
    /// By fingerprint of the labels.
    pub instances: BTreeMap<u64, Instance>,
}

/// Why an evaluation changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Two series became the same alert.
    #[error("vector contains metrics with the same labelset after applying alert labels")]
    Duplicate,
    /// There are more alerts than the group allows; all of the rule are dropped, as in Prometheus.
    #[error("exceeded limit of {limit} with {alerts} alerts")]
    Limit {
        /// How many there may be.
        limit: usize,
        /// How many there were.
        alerts: usize,
    },
}

/// What templates may know beside the alert itself.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Labels of the whole installation.
    pub external_labels: BTreeMap<String, String>,
    /// Where the server is reached.
    pub external_url: String,
}

impl RuleState {
    /// Takes in what was found at `at`. `limit` is the most alerts there may be, zero for no limit.
    ///
    /// # Errors
    /// The result is unusable; the state is as before, or when there were too many what is left are ends to be told.
    pub fn evaluate(
        &mut self,
        rule: &Rule,
        at: Timestamp,
        found: Vec<Found>,
        outside: &Outside,
        limit: usize,
    ) -> Result<(), Refused> {
        let mut fresh = BTreeMap::new();
        for found in found {
            let instance = instance(rule, at, found, outside);
            if fresh.insert(fingerprint(&instance.labels), instance).is_some() {
                return Err(Refused::Duplicate);
            }
        }
        let holding: BTreeSet<u64> = fresh.keys().copied().collect();
        for (key, instance) in fresh {
            match self.instances.get_mut(&key).filter(|known| known.standing != Standing::Inactive) {
                Some(known) => {
                    let first_seen = known.about.first_seen.or(instance.about.first_seen);
                    known.value = instance.value;
                    known.annotations = instance.annotations;
                    known.about = About { first_seen, ..instance.about };
                }
                None => drop(self.instances.insert(key, instance)),
            }
        }
        self.instances.retain(|key, instance| instance.step(rule, at, holding.contains(key)));
        let active = self.active().count();
        if limit > 0 && limit < active {
            self.instances.retain(|_, instance| instance.end(at));
            return Err(Refused::Limit { limit, alerts: active });
        }
        Ok(())
    }

    /// Alerts that are pending or firing.
    pub fn active(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values().filter(|instance| instance.standing != Standing::Inactive)
    }

    /// The worst standing of all alerts.
    pub fn standing(&self) -> Standing {
        self.active().map(|instance| instance.standing).max().unwrap_or_default()
    }

    /// Alerts that the routes should hear of now: those that fire or have stopped, again after `resend`.
    pub fn due(&self, at: Timestamp, resend: Duration) -> impl Iterator<Item = (u64, &Instance)> {
        let due = move |instance: &&Instance| instance.is_due(at, resend);
        self.instances.iter().map(|(key, instance)| (*key, instance)).filter(move |(_, instance)| due(instance))
    }

    /// Notes that these were handed over.
    pub fn sent(&mut self, keys: impl IntoIterator<Item = u64>, at: Timestamp) {
        for key in keys {
            if let Some(instance) = self.instances.get_mut(&key) {
                instance.sent_at = Some(at);
            }
        }
    }
}

impl Instance {
    /// One moment further; false when it can be forgotten.
    fn step(&mut self, rule: &Rule, at: Timestamp, holds: bool) -> bool {
        if holds {
            self.keep_since = None;
        } else {
            let kept = self.is_kept(rule, at);
            let old = self.resolved_at.is_some_and(|resolved| RESOLVED_KEPT < at.since(resolved));
            if (self.standing == Standing::Pending || old) && !self.owes_end() {
                return false;
            }
            if self.standing != Standing::Inactive && !kept {
                self.end(at);
            }
            if !kept {
                return true;
            }
        }
        let long_enough = rule.wait <= at.since(self.active_at);
        match self.standing {
            Standing::Pending if long_enough => {
                self.standing = Standing::Firing;
                (self.fired_at, self.resolved_at) = (Some(at), None);
            }
            // The rule waits for longer than it did when this fired.
            Standing::Firing if !long_enough => {
                self.standing = Standing::Pending;
                self.resolved_at = Some(at);
            }
            _ => {}
        }
        true
    }

    /// Whether the routes still believe that it fires.
    fn owes_end(&self) -> bool {
        self.resolved_at.is_some_and(|resolved| self.sent_at.is_some_and(|sent| sent < resolved))
    }

    /// It stops now at the latest; false when nobody has to hear of it.
    pub(super) fn end(&mut self, at: Timestamp) -> bool {
        self.standing = Standing::Inactive;
        self.resolved_at.get_or_insert(at);
        self.owes_end()
    }

    fn is_kept(&mut self, rule: &Rule, at: Timestamp) -> bool {
        if self.standing != Standing::Firing || rule.keep.is_zero() {
            return false;
        }
        let since = *self.keep_since.get_or_insert(at);
        at.since(since) < rule.keep
    }

    fn is_due(&self, at: Timestamp, resend: Duration) -> bool {
        let news = self.resolved_at.is_some_and(|resolved| self.sent_at.is_none_or(|sent| sent < resolved));
        match self.standing {
            // Never fired, so nobody hears of it.
            _ if self.fired_at.is_none() => false,
            Standing::Pending => news,
            Standing::Firing | Standing::Inactive => news || self.sent_at.is_none_or(|sent| resend < at.since(sent)),
        }
    }
}

/// A new alert out of what was found: the rule's labels win over the series' own.
fn instance(rule: &Rule, at: Timestamp, found: Found, outside: &Outside) -> Instance {
    let Found { labels: own, value, about } = found;
    let data = data(&own, value, &about, outside);
    let render = |text: &crate::rule::Text| text.render(&data, at.0);
    let mut labels = own;
    labels.remove(NAME);
    for (name, text) in &rule.labels {
        match render(text) {
            value if value.is_empty() => drop(labels.remove(name)),
            value => drop(labels.insert(name.clone(), value)),
        }
    }
    labels.insert(ALERTNAME.to_owned(), rule.name.clone());
    let annotations = rule.annotations.iter().map(|(name, text)| (name.clone(), render(text))).collect();
    let about = About { first_seen: about.first_seen.or(Some(at)), ..about };
    Instance {
        standing: Standing::Pending,
        labels,
        annotations,
        value,
        active_at: at,
        fired_at: None,
        resolved_at: None,
        keep_since: None,
        sent_at: None,
        about,
    }
}

/// What templates read: Prometheus' fields, and what our own kinds know beside them.
fn data(labels: &BTreeMap<String, String>, value: f64, about: &About, outside: &Outside) -> template::Value {
    use template::Value;

    let orders: Vec<Value> = about.orders.iter().map(Value::text).collect();
    let facts = about.facts.iter().map(|(name, value)| (name.clone(), Value::text(value)));
    let known = [
        ("Labels", Value::texts(labels)),
        ("ExternalLabels", Value::texts(&outside.external_labels)),
        ("ExternalURL", Value::text(&outside.external_url)),
        ("Value", Value::Float(value)),
        ("Orders", Value::List(orders.into())),
        ("Total", Value::Int(i64::try_from(about.total).unwrap_or(i64::MAX))),
    ];
    Value::map(known.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(facts))
}

#[cfg(test)]
mod tests;
