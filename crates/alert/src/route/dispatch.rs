//! Groups of alerts and when each is told, without IO: what is due is asked for, kept elsewhere, and then settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use super::config::Routing;
use super::inhibit::InhibitRule;
use super::tree::{Labels, Route, label_text};
use crate::Alert;
use crate::incident::{Named, is_stuck};

/// Alerts that are known, and the groups they are in.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    routing: Arc<Routing>,
    alerts: BTreeMap<(Tenant, u64), Alert>,
    groups: BTreeMap<String, Group>,
}

#[derive(Debug)]
struct Group {
    tenant: Tenant,
    /// Of the route.
    route: String,
    labels: Labels,
    members: BTreeSet<u64>,
    /// When it is looked at next.
    next: Timestamp,
    flushed: bool,
}

/// A group whose time has come.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    /// Names the group among all of all tenants.
    pub(crate) group: String,
    /// Whose.
    pub(crate) tenant: Tenant,
    /// The group as Alertmanager names it.
    pub(crate) key: String,
    /// What all its alerts have in common by `group_by`.
    pub(crate) labels: Labels,
    /// Who is told.
    pub(crate) receiver: String,
    /// How long until the same is told again.
    pub(crate) repeat: Duration,
    /// Those that nothing holds back, firing ones and such that have ended.
    pub(crate) alerts: Vec<Alert>,
    /// Those that had ended, told or not: by fingerprint, with the time of their last update.
    ended: Vec<(u64, Timestamp)>,
    next: Timestamp,
}

/// What was told last about a group through one integration of a receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogEntry {
    firing: BTreeSet<u64>,
    resolved: BTreeSet<u64>,
    /// Orders that are stuck, by the alert that told of them; none of times before they were noted.
    #[serde(default)]
    stuck: Option<BTreeMap<u64, Named>>,
    /// When.
    pub(crate) at: Timestamp,
    /// How many times something was told, this one included.
    pub(crate) sequence: u64,
}

/// What has to be told.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// To be kept together with the notification.
    pub(crate) entry: LogEntry,
    /// The alerts of the notification; none when only the entry changes.
    pub(crate) alerts: Vec<Alert>,
}

impl Dispatcher {
    /// Knows no alerts yet.
    pub(crate) const fn new(routing: Arc<Routing>) -> Self {
        Self { routing, alerts: BTreeMap::new(), groups: BTreeMap::new() }
    }

    /// Every alert that is known, in order.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// How many alerts are known.
    pub(crate) fn len(&self) -> usize {
        self.alerts.len()
    }

    /// The alert with these labels.
    pub(crate) fn get(&self, tenant: &Tenant, fingerprint: u64) -> Option<&Alert> {
        self.alerts.get(&(tenant.clone(), fingerprint))
    }

    /// Whether an alert says something new: one that ended before anybody knew of it does not, nor does an older state, nor
    /// the same state at a later time.
    pub(crate) fn is_news(&self, alert: &Alert, now: Timestamp) -> bool {
        match self.get(&alert.tenant, alert.fingerprint()) {
            None => !alert.is_resolved_at(now),
            Some(known) => {
                let fresh = Alert { updated_at: alert.updated_at, value: alert.value, ..known.clone() };
                known.updated_at <= alert.updated_at && fresh != *alert
            }
        }
    }

    /// Knows these and no others: what is the same stays in its group as it is.
    pub(crate) fn replace(&mut self, alerts: Vec<Alert>, now: Timestamp) {
        let mut gone: BTreeSet<(Tenant, u64)> = self.alerts.keys().cloned().collect();
        for alert in alerts {
            let key = (alert.tenant.clone(), alert.fingerprint());
            gone.remove(&key);
            if self.alerts.get(&key) != Some(&alert) {
                self.insert(alert, now);
            }
        }
        for (tenant, fingerprint) in gone {
            self.forget(&tenant, fingerprint);
        }
    }

    /// Takes an alert in: into the group of each route that it takes.
    pub(crate) fn insert(&mut self, alert: Alert, now: Timestamp) {
        let fingerprint = alert.fingerprint();
        for route in self.routing.route.matching(&alert.labels) {
            let labels = route.group_by.labels(&alert.labels);
            let id = group_id(&alert, route, &labels);
            let waited = alert.starts_at.after(route.group_wait) <= now;
            let group = self.groups.entry(id).or_insert_with(|| Group {
                tenant: alert.tenant.clone(),
                route: route.id.clone(),
                labels,
                members: BTreeSet::new(),
                next: now.after(route.group_wait),
                flushed: false,
            });
            group.members.insert(fingerprint);
            if waited && !group.flushed {
                group.next = now;
            }
        }
        self.alerts.insert((alert.tenant.clone(), fingerprint), alert);
    }

    /// Forgets an alert, whatever group it is in.
    pub(crate) fn forget(&mut self, tenant: &Tenant, fingerprint: u64) {
        let Some(alert) = self.alerts.remove(&(tenant.clone(), fingerprint)) else { return };
        for id in self.groups_of(&alert) {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            group.members.remove(&fingerprint);
            if group.members.is_empty() {
                self.groups.remove(&id);
            }
        }
    }

    /// Names of the groups that an alert belongs to.
    fn groups_of(&self, alert: &Alert) -> Vec<String> {
        let routes = self.routing.route.matching(&alert.labels);
        routes.into_iter().map(|route| group_id(alert, route, &route.group_by.labels(&alert.labels))).collect()
    }

    /// Whether the group has alerts.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// When the next group is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.groups.values().map(|group| group.next).min()
    }

    /// The groups whose time has come, without what is held back by a silence, by another alert or by the time.
    pub(crate) fn due(&self, now: Timestamp, silenced: &dyn Fn(&Alert) -> bool) -> Vec<Due> {
        let routes: BTreeMap<&str, &Route> =
            self.routing.route.all().into_iter().map(|route| (route.id.as_str(), route)).collect();
        let ready = self.groups.iter().filter(|(_, group)| group.next <= now);
        ready.filter_map(|(id, group)| self.look(id, group, routes.get(group.route.as_str())?, now, silenced)).collect()
    }

    fn look(
        &self,
        id: &str,
        group: &Group,
        route: &Route,
        now: Timestamp,
        silenced: &dyn Fn(&Alert) -> bool,
    ) -> Option<Due> {
        let members: Vec<&Alert> = group.members.iter().filter_map(|member| self.get(&group.tenant, *member)).collect();
        let ended = members.iter().filter(|alert| alert.is_resolved_at(now));
        let ended = ended.map(|alert| (alert.fingerprint(), alert.updated_at)).collect();
        let firing = self.firing(&group.tenant, now);
        let told = |alert: &&&Alert| !silenced(alert) && self.inhibitor(alert, &firing).is_none();
        let muted = route.is_muted(now.into());
        let alerts = if muted { Vec::new() } else { members.iter().filter(told).map(|&alert| alert.clone()).collect() };
        Some(Due {
            group: id.to_owned(),
            tenant: group.tenant.clone(),
            key: format!("{}:{}", route.key, label_text(&group.labels)),
            labels: group.labels.clone(),
            receiver: route.receiver.clone(),
            repeat: route.repeat_interval,
            alerts,
            ended,
            next: now.after(route.group_interval),
        })
    }

    /// Those of a tenant that fire, whose rules may hold others back.
    pub(crate) fn firing(&self, tenant: &Tenant, now: Timestamp) -> Vec<&Alert> {
        if self.routing.inhibit.is_empty() {
            return Vec::new();
        }
        self.alerts.values().filter(|alert| alert.tenant == *tenant && !alert.is_resolved_at(now)).collect()
    }

    /// The alert that holds this one back.
    pub(crate) fn inhibitor<'f>(&self, alert: &Alert, firing: &[&'f Alert]) -> Option<&'f Alert> {
        let inhibits = |rule: &InhibitRule| rule.inhibits(&alert.labels, firing.iter().map(|alert| &alert.labels));
        let position = self.routing.inhibit.iter().find_map(inhibits)?;
        firing.get(position).copied()
    }

    /// What is due was kept: the group is looked at again after its interval, and what had ended is forgotten. Gives the
    /// alerts that are in no group any more.
    pub(crate) fn settle(&mut self, due: &Due, now: Timestamp) -> Vec<(Tenant, u64)> {
        let Some(group) = self.groups.get_mut(&due.group) else { return Vec::new() };
        (group.next, group.flushed) = (due.next, true);
        for (fingerprint, updated) in &due.ended {
            let known = self.alerts.get(&(due.tenant.clone(), *fingerprint));
            if known.is_none_or(|alert| alert.updated_at == *updated && alert.is_resolved_at(now)) {
                group.members.remove(fingerprint);
            }
        }
        if group.members.is_empty() {
            self.groups.remove(&due.group);
        }
        let mut gone = Vec::new();
        for (fingerprint, _) in &due.ended {
            let key = (due.tenant.clone(), *fingerprint);
            let groups = self.alerts.get(&key).map(|alert| self.groups_of(alert)).unwrap_or_default();
            let is_in = |id: &String| self.groups.get(id).is_some_and(|group| group.members.contains(fingerprint));
            if !groups.iter().any(is_in) {
                self.alerts.remove(&key);
                gone.push(key);
            }
        }
        gone
    }
}

/// Names the group of an alert below a route among all of all tenants.
fn group_id(alert: &Alert, route: &Route, labels: &Labels) -> String {
    format!("{}/{}:{}", alert.tenant, route.id, label_text(labels))
}

impl LogEntry {
    /// What has to be told about a group, after what was told last; nothing most of the time.
    pub(crate) fn next(last: Option<&Self>, due: &Due, send_resolved: bool, now: Timestamp) -> Option<Sent> {
        if due.alerts.is_empty() {
            return None;
        }
        let of = |resolved: bool| {
            let alerts = due.alerts.iter().filter(move |alert| alert.is_resolved_at(now) == resolved);
            alerts.map(Alert::fingerprint).collect::<BTreeSet<u64>>()
        };
        let (firing, resolved) = (of(false), of(true));
        let stuck: BTreeMap<u64, Named> = due
            .alerts
            .iter()
            .filter(|alert| is_stuck(alert) && !alert.is_resolved_at(now))
            .map(|alert| (alert.fingerprint(), Named::by(alert)))
            .collect();
        let needed = match last {
            None => !firing.is_empty(),
            Some(last) if !firing.is_subset(&last.firing) || last.lacks(&stuck) => true,
            Some(last) if firing.is_empty() => !last.firing.is_empty(),
            Some(last) if send_resolved && !resolved.is_subset(&last.resolved) => true,
            Some(last) => last.at.after(due.repeat) <= now,
        };
        if !needed {
            return None;
        }
        let told = due.alerts.iter().filter(|alert| send_resolved || !alert.is_resolved_at(now)).cloned();
        let sequence = last.map_or(0, |last| last.sequence) + 1;
        Some(Sent { alerts: told.collect(), entry: Self { firing, resolved, stuck: Some(stuck), at: now, sequence } })
    }

    /// Whether orders are stuck that it did not tell of: they are news as an alert of each would be.
    fn lacks(&self, stuck: &BTreeMap<u64, Named>) -> bool {
        let told = |alert: &u64| self.stuck.as_ref().and_then(|told| told.get(alert));
        stuck.iter().any(|(alert, named)| told(alert).is_some_and(|told| named.exceeds(told)))
    }

    /// Whether the end of everything that was told about was told as well.
    pub(crate) fn is_over(&self) -> bool {
        self.firing.is_empty()
    }
}

#[cfg(test)]
mod tests;
