//! Incidents: what alerts have in common for people: opened by them, acknowledged, resolved, with a timeline.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

pub use report::{Delay, Report, ReportRow, report};

use crate::message::services_of;
use crate::{Alert, RuleRef};

/// Something that went wrong, and what was done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Unique.
    pub id: String,
    /// Whose.
    pub tenant: Tenant,
    /// What its alerts have in common: the rule and the place.
    pub key: String,
    /// One line that says what it is.
    pub title: String,
    /// The rule that opened it.
    pub rule: RuleRef,
    /// Of the worst of its alerts.
    pub severity: String,
    /// Services it is about.
    pub services: BTreeSet<String>,
    /// Orders it is or was about; a bounded sample.
    pub orders: Vec<String>,
    /// How many orders it was about at most.
    pub orders_total: u64,
    /// Orders that its alerts name now, by the alert's fingerprint.
    #[serde(default)]
    pub now: BTreeMap<String, Named>,
    /// How far it is.
    pub state: IncidentState,
    /// The first evidence of it, from the data.
    pub started_at: Timestamp,
    /// When an alert opened it.
    pub opened_at: Timestamp,
    /// When somebody was first told.
    pub notified_at: Option<Timestamp>,
    /// When somebody said that they care.
    pub acknowledged_at: Option<Timestamp>,
    /// Who cares.
    pub assignee: Option<String>,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// Its alerts by fingerprint: when each ended.
    pub alerts: BTreeMap<String, Option<Timestamp>>,
    /// What happened, the oldest first.
    pub timeline: Vec<IncidentEvent>,
}

/// Orders that an alert names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Their ids, those that wait for longest first; a bounded sample.
    pub orders: Vec<String>,
    /// How many there are.
    pub total: u64,
}

impl Named {
    /// What several alerts name, some of it perhaps alike: each listed order counts once, and those that are not listed, of
    /// which nobody can tell, for each alert.
    pub fn together<'n>(each: impl Iterator<Item = (&'n [String], u64)>) -> Self {
        let (mut seen, mut orders, mut unlisted) = (BTreeSet::new(), Vec::new(), 0);
        for (listed, total) in each {
            unlisted += total.saturating_sub(listed.len() as u64);
            orders.extend(listed.iter().filter(|order| seen.insert(*order)).cloned());
        }
        Self { total: orders.len() as u64 + unlisted, orders }
    }

    /// Orders that an alert names now.
    pub(crate) fn by(alert: &Alert) -> Self {
        Self { orders: alert.evidence.orders.clone(), total: alert.evidence.orders_total }
    }

    /// Whether all of them are named.
    pub(crate) fn is_all(&self) -> bool {
        self.total <= self.orders.len() as u64
    }

    /// Whether there are some that an earlier message did not tell of.
    pub(crate) fn exceeds(&self, told: &Self) -> bool {
        told.total < self.total || self.is_all() && self.orders.iter().any(|order| !told.orders.contains(order))
    }
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// Nobody has said that they care.
    Open,
    /// Somebody cares.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl IncidentState {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// Something that happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentEvent {
    /// When.
    pub at: Timestamp,
    /// What: `opened`, `alert`, `alert ended`, `stuck`, `moved on`, `notified`, `acknowledged`, `assigned`, `comment`,
    /// `resolved`, `reopened`.
    pub what: String,
    /// Who did it; `system` for the server.
    pub who: String,
    /// More about it.
    pub text: String,
}

/// Something a person does to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum IncidentAction {
    /// I care.
    Ack {
        /// Why, or what is known.
        #[serde(default)]
        comment: String,
    },
    /// Somebody cares.
    Assign {
        /// Who.
        to: String,
    },
    /// Something to know.
    Comment {
        /// What.
        comment: String,
    },
    /// It is over.
    Resolve {
        /// What it was.
        #[serde(default)]
        comment: String,
    },
}

/// Orders that are named in an incident.
const MOST_ORDERS: usize = 200;
/// Alerts that one incident follows; further ones are in it, but their ends are not waited for.
const MOST_ALERTS: usize = 2_000;
/// Events that are kept; the first ones and the last ones.
const MOST_EVENTS: usize = 400;
/// Longest text of a person, in characters.
const LONGEST_TEXT: usize = 2_000;
/// An incident that comes again within this time goes on.
pub(crate) const REOPENS_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Labels that name a place: what is the same in these is one incident.
const PLACE: [&str; 6] = ["service_name", "service", "object", "object_type", "type", "status"];

impl Incident {
    /// What an alert has in common with others of its incident.
    pub fn key(alert: &Alert) -> String {
        let mut key = format!("{}/{}/{}/{}", alert.tenant, alert.rule.namespace, alert.rule.group, alert.name());
        for name in PLACE {
            if let Some(value) = alert.labels.get(name) {
                key += &format!(" {name}={value:?}");
            }
        }
        key
    }

    /// One line that says what it is: the rule, and which of several places of a service.
    pub fn title(alert: &Alert) -> String {
        let label = |name: &str| alert.labels.get(name).map(String::as_str);
        let kind = ["object", "object_type", "type"].into_iter().find_map(label).filter(|kind| *kind != "order");
        let parts = [Some(alert.name()), kind, label("status")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// Opens one.
    pub fn open(id: String, alert: &Alert, title: String, now: Timestamp) -> Self {
        let mut incident = Self {
            id,
            tenant: alert.tenant.clone(),
            key: Self::key(alert),
            title,
            rule: alert.rule.clone(),
            severity: String::new(),
            services: BTreeSet::new(),
            orders: Vec::new(),
            orders_total: 0,
            now: BTreeMap::new(),
            state: IncidentState::Open,
            started_at: first_evidence(alert),
            opened_at: now,
            notified_at: None,
            acknowledged_at: None,
            assignee: None,
            resolved_at: None,
            alerts: BTreeMap::new(),
            timeline: Vec::new(),
        };
        incident.note(now, "opened", "system", String::new());
        incident
    }

    /// Takes in what an alert says now; tells whether anything changed. `clean` masks what people will read.
    pub fn absorb(&mut self, alert: &Alert, now: Timestamp, clean: &dyn Fn(&str) -> String) -> bool {
        let before = self.clone();
        let fingerprint = format!("{:016x}", alert.fingerprint());
        let ended = alert.ends_at.filter(|end| *end <= now);
        match self.alerts.get(&fingerprint).copied() {
            None if self.alerts.len() >= MOST_ALERTS || ended.is_some() => {}
            None => {
                self.alerts.insert(fingerprint.clone(), None);
                self.note(alert.starts_at, "alert", "system", clean(&named(alert)));
            }
            Some(known) if known != ended => {
                self.alerts.insert(fingerprint.clone(), ended);
                let (at, what) = ended.map_or((alert.starts_at, "alert"), |end| (end, "alert ended"));
                self.note(at, what, "system", clean(&named(alert)));
            }
            Some(_) => {}
        }
        self.started_at = self.started_at.min(first_evidence(alert));
        self.services.extend(services_of(alert));
        let severity = alert.labels.get("severity").map_or("", String::as_str);
        if rank(severity) > rank(&self.severity) || self.severity.is_empty() {
            severity.clone_into(&mut self.severity);
        }
        for order in &alert.evidence.orders {
            if self.orders.len() < MOST_ORDERS && !self.orders.contains(order) {
                self.orders.push(order.clone());
            }
        }
        self.orders_total = self.orders_total.max(alert.evidence.orders_total).max(self.orders.len() as u64);
        if self.alerts.get(&fingerprint).is_some_and(Option::is_none) {
            self.name(fingerprint, Named::by(alert), is_stuck(alert), now);
        } else {
            self.name(fingerprint, Named::default(), is_stuck(alert), now);
        }
        self.follow(now);
        *self != before
    }

    /// Takes in which orders an alert names now; who came to be stuck and who moved on is noted.
    fn name(&mut self, alert: String, named: Named, is_stuck: bool, now: Timestamp) {
        let last = self.now.remove(&alert).unwrap_or_default();
        let listed = |of: &Named, but: &Named| {
            let others = of.orders.iter().filter(|order| !but.orders.contains(order));
            others.cloned().collect::<Vec<_>>().join(", ")
        };
        // Of a sample that is not all of them, one may be new only because another one has left it.
        let joined = if named.exceeds(&last) { listed(&named, &last) } else { String::new() };
        for (what, orders) in [("stuck", joined), ("moved on", listed(&last, &named))] {
            if is_stuck && !orders.is_empty() {
                self.note(now, what, "system", orders);
            }
        }
        if named != Named::default() {
            self.now.insert(alert, named);
        }
    }

    /// Orders that it is about now, and how many there are.
    pub fn orders_now(&self) -> Named {
        Named::together(self.now.values().map(|named| (named.orders.as_slice(), named.total)))
    }

    /// Over when all its alerts are over; it goes on when one comes again.
    fn follow(&mut self, now: Timestamp) {
        let last = self.alerts.values().copied().collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max());
        match (last, self.state) {
            (Some(end), IncidentState::Open | IncidentState::Acknowledged) => {
                self.state = IncidentState::Resolved;
                self.resolved_at = Some(end);
                self.note(now, "resolved", "system", String::new());
            }
            // A person may say that it is over while alerts still fire: that holds until they end.
            (None, IncidentState::Resolved) if self.is_reopened() => {
                self.state = IncidentState::Open;
                (self.resolved_at, self.acknowledged_at) = (None, None);
                self.note(now, "reopened", "system", String::new());
            }
            _ => {}
        }
    }

    fn is_reopened(&self) -> bool {
        let end = self.timeline.iter().rev().find(|event| event.what == "resolved");
        end.is_none_or(|event| event.who == "system")
    }

    /// Whether alerts can still change it.
    pub fn is_followed(&self) -> bool {
        self.state != IncidentState::Resolved || self.alerts.values().any(Option::is_none)
    }

    /// Whether an alert at that time goes on with it.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        self.is_followed() || self.resolved_at.is_some_and(|end| now <= end.after(REOPENS_WITHIN))
    }

    /// Somebody was told.
    pub fn notified(&mut self, receiver: &str, now: Timestamp) {
        self.notified_at.get_or_insert(now);
        let told = self.timeline.iter().any(|event| event.what == "notified" && event.text == receiver);
        if !told {
            self.note(now, "notified", "system", receiver.to_owned());
        }
    }

    /// A person does something.
    ///
    /// # Errors
    /// It cannot be done; why.
    pub fn act(&mut self, action: IncidentAction, who: &str, now: Timestamp) -> Result<(), String> {
        let checked = |text: String| {
            if text.chars().count() <= LONGEST_TEXT {
                Ok(text)
            } else {
                Err(format!("at most {LONGEST_TEXT} characters"))
            }
        };
        let over = self.state == IncidentState::Resolved;
        match action {
            IncidentAction::Ack { .. } | IncidentAction::Resolve { .. } if over => {
                Err("it is resolved already".to_owned())
            }
            IncidentAction::Ack { comment } => {
                self.state = IncidentState::Acknowledged;
                self.acknowledged_at.get_or_insert(now);
                self.assignee.get_or_insert_with(|| who.to_owned());
                self.note(now, "acknowledged", who, checked(comment)?);
                Ok(())
            }
            IncidentAction::Assign { to } if to.trim().is_empty() => Err("`to` is missing".to_owned()),
            IncidentAction::Assign { to } => {
                self.assignee = Some(checked(to.clone())?);
                self.note(now, "assigned", who, to);
                Ok(())
            }
            IncidentAction::Comment { comment } if comment.trim().is_empty() => Err("`comment` is missing".to_owned()),
            IncidentAction::Comment { comment } => {
                self.note(now, "comment", who, checked(comment)?);
                Ok(())
            }
            IncidentAction::Resolve { comment } => {
                self.state = IncidentState::Resolved;
                self.resolved_at = Some(now);
                self.note(now, "resolved", who, checked(comment)?);
                Ok(())
            }
        }
    }

    fn note(&mut self, at: Timestamp, what: &str, who: &str, text: String) {
        if self.timeline.len() >= MOST_EVENTS {
            // How it began stays; of what follows the latest.
            self.timeline.remove(MOST_EVENTS / 4);
        }
        self.timeline.push(IncidentEvent { at, what: what.to_owned(), who: who.to_owned(), text });
    }
}

/// Whether an alert names all orders that are stuck, so that one it names no more has moved on.
pub(crate) fn is_stuck(alert: &Alert) -> bool {
    alert.rule.kind == "order_stuck"
}

/// When the data first showed it.
fn first_evidence(alert: &Alert) -> Timestamp {
    let seen = alert.evidence.first_seen;
    if seen.0 > 0 { seen.min(alert.starts_at) } else { alert.starts_at }
}

/// What tells an alert from others of its incident; ids of labels only, no text of lines.
fn named(alert: &Alert) -> String {
    let own = alert.labels.iter().filter(|(name, _)| !PLACE.contains(&name.as_str()));
    own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn rank(severity: &str) -> u8 {
    match severity {
        "critical" | "page" | "error" | "high" => 3,
        "warning" => 2,
        "info" | "low" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
