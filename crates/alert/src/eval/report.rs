//! Groups, rules and alerts as the API shows them, as far as a scope may see them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use auth::Scope;
use logline::Timestamp;

use super::book::{self, Origin};
use super::group::{GroupKey, Running};
use super::source::Failure;
use super::state::{Instance, Standing};
use crate::rule::{Role, Span};

/// A group as it was after its last evaluation.
#[derive(Clone, Debug)]
pub struct GroupReport {
    /// Its name.
    pub key: GroupKey,
    /// Where it comes from.
    pub origin: Origin,
    /// Under whose rights it runs; none for the server's own and those of files.
    pub owner: Option<String>,
    /// From evaluation to evaluation.
    pub interval: Duration,
    /// Most alerts of a rule.
    pub limit: usize,
    /// The last moment that was evaluated.
    pub evaluated: Option<Timestamp>,
    /// How long that took.
    pub took: Duration,
    /// Moments that were evaluated since the server started, those that failed, and those that were left out.
    pub counts: Counts,
    /// In order.
    pub rules: Vec<RuleReport>,
    /// See [`crate::rule::Group::services`].
    services: Option<BTreeSet<String>>,
}

/// What became of evaluations since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rules that were evaluated.
    pub evaluated: u64,
    /// Rules that could not be.
    pub failed: u64,
    /// Moments that came too long ago to be caught up with.
    pub missed: u64,
}

/// A rule as it was after its last evaluation.
#[derive(Clone, Debug)]
pub struct RuleReport {
    /// Its name.
    pub name: String,
    /// LogQL, or the kind with its settings.
    pub query: String,
    /// What it is for.
    pub role: Role,
    /// How long it must hold.
    pub wait: Duration,
    /// How long it goes on firing.
    pub keep: Duration,
    /// As they are written.
    pub labels: BTreeMap<String, String>,
    /// As they are written.
    pub annotations: BTreeMap<String, String>,
    /// The worst of its alerts.
    pub standing: Standing,
    /// Pending and firing alerts.
    pub alerts: Vec<Instance>,
    /// Why the last evaluation failed, or waits.
    pub failure: Option<Failure>,
    /// When it was evaluated last.
    pub evaluated: Option<Timestamp>,
    /// How long that took.
    pub took: Duration,
}

impl GroupReport {
    pub(super) fn of(running: &Running, origin: Origin, took: Duration, counts: Counts) -> Self {
        let rules = running.rules().map(|(rule, state, health)| {
            let texts = |texts: &BTreeMap<String, crate::rule::Text>| {
                texts.iter().map(|(name, text)| (name.clone(), text.source.clone())).collect()
            };
            RuleReport {
                name: rule.name.clone(),
                query: rule.query(),
                role: rule.role,
                wait: rule.wait,
                keep: rule.keep,
                labels: texts(&rule.labels),
                annotations: texts(&rule.annotations),
                standing: state.map(|state| state.standing()).unwrap_or_default(),
                alerts: state.map(|state| state.active().cloned().collect()).unwrap_or_default(),
                failure: health.failure.clone(),
                evaluated: health.evaluated,
                took: health.took,
            }
        });
        Self {
            key: running.key.clone(),
            origin,
            owner: running.owner.clone(),
            interval: running.group.interval,
            limit: running.group.limit,
            evaluated: running.state().evaluated,
            took,
            counts,
            rules: rules.collect(),
            services: running.group.services.clone(),
        }
    }

    /// The same with only the alerts that a scope may see: those of services whose lines it may read, and all of rules
    /// that run under its own rights. Of a group whose text it may not see, only rules with such alerts are left,
    /// without what they say.
    pub fn seen_by(mut self, scope: &Scope) -> Option<Self> {
        let own = self.owner.as_deref() == Some(scope.principal());
        let is_read = book::may_read(scope, self.origin, self.owner.as_deref(), self.services.as_ref());
        for rule in &mut self.rules {
            rule.alerts.retain(|alert| own || sees(scope, alert));
            rule.standing = rule.alerts.iter().map(|alert| alert.standing).max().unwrap_or_default();
            if !is_read {
                rule.query.clear();
                rule.labels.clear();
                rule.annotations.clear();
                rule.failure = None;
            }
        }
        self.rules.retain(|rule| is_read || !rule.alerts.is_empty());
        (is_read || !self.rules.is_empty()).then_some(self)
    }

    /// How long the interval is, as Prometheus writes it.
    pub fn interval_text(&self) -> String {
        Span(self.interval).to_string()
    }
}

/// Without a service an alert is about all of them.
fn sees(scope: &Scope, alert: &Instance) -> bool {
    match alert.labels.get("service_name") {
        Some(service) => scope.services().contains(service),
        None => *scope.services() == auth::Services::All,
    }
}
