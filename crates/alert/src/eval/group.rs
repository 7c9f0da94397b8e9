//! A group while it is evaluated: its rules, the state of their alerts, what each remembers, how the last time went.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use logline::{Batch, Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use stdx::Language;

use super::found::{Findings, Grid};
use super::kinds::{self, Memory};
use super::record;
use super::source::{Failure, Source};
use super::state::{Instance, Outside, RuleState};
use crate::model::{Alert, Evidence, LinesQuery, Picture, RuleRef};
use crate::rule::{Group, Kind, Role, Rule};

/// How much before the first evidence its lines are looked for.
const BEFORE: Duration = Duration::from_secs(60);

/// Names a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKey {
    /// Whose data it looks at.
    pub tenant: Tenant,
    /// The file, or the namespace of the API.
    pub namespace: String,
    /// Its name within it.
    pub group: String,
}

/// The state of a group that outlives the program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    /// The last moment that was evaluated.
    pub evaluated: Option<Timestamp>,
    /// By [`Rule::key`].
    pub rules: BTreeMap<String, RuleState>,
}

/// What stays the same for all groups of an installation.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What templates may know.
    pub outside: Outside,
    /// The language of pictures.
    pub language: Language,
    /// Whether the configuration says more of what lines tell than `docs/log-lines.md`.
    pub own_facts: bool,
}

/// How the last evaluation of a rule went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Why it failed, or waits; none if it went well or was never evaluated.
    pub failure: Option<Failure>,
    /// When it was evaluated.
    pub evaluated: Option<Timestamp>,
    /// How long that took.
    pub took: Duration,
}

/// A group under evaluation.
#[derive(Debug)]
pub struct Running {
    /// Its name.
    pub key: GroupKey,
    /// Under whose rights it looks; none for the server's own.
    pub owner: Option<String>,
    /// Its rules.
    pub group: Arc<Group>,
    state: GroupState,
    memories: Vec<Memory>,
    health: Vec<Health>,
    pictures: BTreeMap<(usize, u64), Arc<Picture>>,
}

/// What all rules of a group found at the moments of a grid.
#[derive(Debug)]
pub struct Looked(Vec<Result<Findings, Failure>>);

/// An alert that the routes should hear of, with its place.
#[derive(Debug)]
pub struct Due {
    rule: usize,
    key: u64,
    /// As it is handed over.
    pub alert: Alert,
}

impl Running {
    /// A group that goes on from a state; rules that it does not know begin inactive, what it knows of others is dropped.
    pub fn new(key: GroupKey, owner: Option<String>, group: Arc<Group>, mut state: GroupState) -> Self {
        let rules = group.rules.len();
        let known: BTreeSet<String> = group.rules.iter().map(Rule::key).collect();
        state.rules.retain(|rule, _| known.contains(rule));
        let memories = std::iter::repeat_with(Memory::default).take(rules).collect();
        Self { key, owner, group, state, memories, health: vec![Health::default(); rules], pictures: BTreeMap::new() }
    }

    /// What survives a restart.
    pub const fn state(&self) -> &GroupState {
        &self.state
    }

    /// Rules with the state of their alerts and how they went, in order.
    pub fn rules(&self) -> impl Iterator<Item = (&Rule, Option<&RuleState>, &Health)> {
        let health = self.group.rules.iter().zip(&self.health);
        health.map(|(rule, health)| (rule, self.state.rules.get(&rule.key()), health))
    }

    /// Moments that are to be evaluated by `now`: since the last one, but not further back than `most`; and how many
    /// that leaves out.
    pub fn missed(&self, now: Timestamp, most: Duration) -> Option<(Grid, u64)> {
        let interval = self.group.interval;
        let step = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
        let last = Timestamp(now.0.div_euclid(step).saturating_mul(step));
        let next = match self.state.evaluated {
            Some(evaluated) if last <= evaluated => return None,
            Some(evaluated) => Timestamp((evaluated.0.div_euclid(step) + 1).saturating_mul(step)),
            None => last,
        };
        let oldest = Timestamp(last.before(most).0.div_euclid(step).saturating_mul(step));
        let missed = u64::try_from((oldest.0 - next.0) / step).unwrap_or(0);
        Some((Grid::between(next.max(oldest), last, interval), missed))
    }

    /// Looks at the data for every rule.
    pub async fn look(&mut self, source: &Source, grid: Grid) -> Looked {
        let mut looked = Vec::with_capacity(self.group.rules.len());
        for (rule, memory) in self.group.rules.iter().zip(&mut self.memories) {
            looked.push(kinds::find(&rule.kind, source, grid, memory).await);
        }
        Looked(looked)
    }

    /// One moment further; the batches are what recording rules came to.
    pub fn step(&mut self, looked: &mut Looked, (point, time): (u32, Timestamp), around: &Surroundings) -> Vec<Batch> {
        let mut recorded = Vec::new();
        let group = Arc::clone(&self.group);
        for ((rule, looked), health) in group.rules.iter().zip(&mut looked.0).zip(&mut self.health) {
            health.evaluated = Some(time);
            let found = match looked {
                Ok(findings) => findings.take(point),
                Err(failure) => {
                    health.failure = Some(failure.clone());
                    continue;
                }
            };
            health.failure = None;
            if rule.role == Role::Record {
                recorded.extend(record::batch(&self.key.tenant, rule, time, &found));
                continue;
            }
            let state = self.state.rules.entry(rule.key()).or_default();
            let done = state.evaluate(rule, time, found, &around.outside, group.limit);
            health.failure = done.err().map(|refused| Failure::Failed(refused.to_string()));
        }
        self.state.evaluated = Some(time);
        recorded
    }

    /// Notes how long a look took; shared by all rules, since parts of it are.
    pub fn took(&mut self, took: Duration) {
        let each = took / u32::try_from(self.health.len().max(1)).unwrap_or(1);
        self.health.iter_mut().for_each(|health| health.took = each);
    }

    /// Notes that nothing could be looked at up to a moment; the next one is tried as usual.
    pub fn skipped(&mut self, time: Timestamp, why: &str) {
        self.state.evaluated = Some(time);
        self.failed(why);
    }

    /// Notes that something went wrong with all of it.
    pub fn failed(&mut self, why: &str) {
        for health in &mut self.health {
            health.failure = Some(Failure::Failed(why.to_owned()));
        }
    }

    /// Alerts that the routes should hear of at `time`, again after `resend`.
    pub fn due(&mut self, time: Timestamp, resend: Duration, around: &Surroundings) -> Vec<Due> {
        let group = Arc::clone(&self.group);
        let mut due = Vec::new();
        for (index, rule) in group.rules.iter().enumerate() {
            let Some(state) = self.state.rules.get(&rule.key()) else { continue };
            let instances: Vec<(u64, Instance)> =
                state.due(time, resend).map(|(key, instance)| (key, instance.clone())).collect();
            for (key, instance) in instances {
                let picture = self.picture((index, key), rule, &instance, time, around.language);
                let alert = self.alert(rule, &instance, picture, time, around);
                due.push(Due { rule: index, key, alert });
            }
        }
        let standing: Vec<(usize, u64)> = due.iter().map(|due| (due.rule, due.key)).collect();
        let gone = |place: &(usize, u64)| {
            let state = group.rules.get(place.0).and_then(|rule| self.state.rules.get(&rule.key()));
            state.is_none_or(|state| !state.instances.contains_key(&place.1)) && !standing.contains(place)
        };
        self.pictures.retain(|place, _| !gone(place));
        due
    }

    /// Notes that these were handed over.
    pub fn sent(&mut self, due: &[Due], time: Timestamp) {
        let group = Arc::clone(&self.group);
        for due in due {
            let key = group.rules.get(due.rule).map(Rule::key);
            if let Some(state) = key.and_then(|key| self.state.rules.get_mut(&key)) {
                state.sent([due.key], time);
            }
        }
    }

    fn alert(
        &self,
        rule: &Rule,
        instance: &Instance,
        picture: Option<Arc<Picture>>,
        time: Timestamp,
        around: &Surroundings,
    ) -> Alert {
        let own: BTreeMap<String, String> = instance
            .labels
            .iter()
            .filter(|(name, _)| !rule.labels.contains_key(*name) && *name != crate::ALERTNAME)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let alert = told(&self.key, instance, time);
        let lines = kinds::lines_query(&rule.kind, &own, !around.own_facts).map(|query| LinesQuery {
            query,
            start: alert.evidence.first_seen.before(BEFORE),
            end: instance.resolved_at.unwrap_or(time),
        });
        Alert {
            rule: RuleRef { kind: rule.kind.name().to_owned(), owner: self.owner.clone(), ..alert.rule },
            generator_url: generator_url(&around.outside.external_url, lines.as_ref()),
            evidence: Evidence { lines, picture, ..alert.evidence },
            ..alert
        }
    }

    /// The picture of an alert, drawn once.
    fn picture(
        &mut self,
        place: (usize, u64),
        rule: &Rule,
        instance: &Instance,
        time: Timestamp,
        language: Language,
    ) -> Option<Arc<Picture>> {
        let Kind::VolumeAnomaly(with) = &rule.kind else { return None };
        if let Some(known) = self.pictures.get(&place) {
            return Some(Arc::clone(known));
        }
        let since = instance.about.first_seen.unwrap_or(instance.active_at);
        let memory = self.memories.get_mut(place.0)?;
        let drawn = Arc::new(kinds::picture(with, memory, &instance.labels, (since, time), language)?);
        self.pictures.insert(place, Arc::clone(&drawn));
        Some(drawn)
    }
}

impl GroupState {
    /// Everything that the routes believe to fire, as over at `time`, of rules that are no more.
    pub(super) fn withdrawn(&self, key: &GroupKey, is_gone: &dyn Fn(&str) -> bool, time: Timestamp) -> Vec<Alert> {
        let gone = self.rules.iter().filter(|(rule, _)| is_gone(rule)).flat_map(|(_, state)| state.instances.values());
        let mut ends: Vec<Instance> = gone.cloned().collect();
        ends.retain_mut(|instance| instance.end(time));
        ends.iter().map(|instance| told(key, instance, time)).collect()
    }
}

/// An alert as far as its state tells, whether its rule is still there or not.
fn told(key: &GroupKey, instance: &Instance, time: Timestamp) -> Alert {
    let first_seen = instance.about.first_seen.unwrap_or(instance.active_at);
    Alert {
        tenant: key.tenant.clone(),
        labels: instance.labels.clone(),
        annotations: instance.annotations.clone(),
        starts_at: instance.fired_at.unwrap_or(instance.active_at),
        ends_at: instance.resolved_at,
        updated_at: time,
        value: instance.value,
        rule: RuleRef {
            namespace: key.namespace.clone(),
            group: key.group.clone(),
            name: instance.labels.get(crate::ALERTNAME).cloned().unwrap_or_default(),
            ..RuleRef::default()
        },
        generator_url: String::new(),
        evidence: Evidence {
            orders: instance.about.orders.clone(),
            orders_total: instance.about.total,
            services: instance.labels.get("service_name").into_iter().cloned().collect(),
            first_seen,
            ..Evidence::default()
        },
    }
}

/// The page of the server that shows the lines; empty where the server does not know its address.
fn generator_url(external_url: &str, lines: Option<&LinesQuery>) -> String {
    let Some(lines) = lines.filter(|_| !external_url.is_empty()) else { return external_url.to_owned() };
    let time = |time: Timestamp| jiff::Timestamp::from(time).to_string();
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("query", &lines.query)
        .append_pair("start", &time(lines.start))
        .append_pair("end", &time(lines.end))
        .finish();
    format!("{}/explore?{query}", external_url.trim_end_matches('/'))
}
