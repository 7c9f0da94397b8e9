//! The tree of routes: which receivers an alert goes to, and how it is grouped on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::matcher::{Matcher, shown};
use super::times::TimeInterval;

/// Names and values.
pub(crate) type Labels = BTreeMap<String, String>;

/// A node of the tree; what it does not say it has from its parent.
#[derive(Clone, Debug)]
pub struct Route {
    /// What names it, also after others were added: its path of matchers.
    pub id: String,
    /// The path of matchers as Alertmanager writes it in group keys; not unique.
    pub key: String,
    /// Who is told.
    pub receiver: String,
    pub(super) matchers: Vec<Matcher>,
    pub(super) goes_on: bool,
    /// What alerts are grouped by.
    pub group_by: GroupBy,
    /// How long a new group waits for more.
    pub group_wait: Duration,
    /// How long a group waits before it tells what changed.
    pub group_interval: Duration,
    /// How long until the same is told again.
    pub repeat_interval: Duration,
    pub(super) mute: Vec<TimeInterval>,
    pub(super) active: Vec<TimeInterval>,
    pub(super) routes: Vec<Self>,
}

/// What alerts are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// By all labels (`...`): every alert for itself.
    All,
    /// By these; all together when there are none.
    Labels(BTreeSet<String>),
}

impl GroupBy {
    /// The labels that name the group of an alert.
    pub fn labels(&self, labels: &Labels) -> Labels {
        match self {
            Self::All => labels.clone(),
            Self::Labels(names) => {
                let own = labels.iter().filter(|(name, _)| names.contains(*name));
                own.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
        }
    }
}

impl Route {
    /// The routes that an alert takes: the deepest that fit, and their next sisters where `continue` says so.
    pub fn matching(&self, labels: &Labels) -> Vec<&Self> {
        if !self.matchers.iter().all(|matcher| matcher.matches(labels)) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for route in &self.routes {
            let below = route.matching(labels);
            let ends = !below.is_empty() && !route.goes_on;
            found.extend(below);
            if ends {
                break;
            }
        }
        if found.is_empty() { vec![self] } else { found }
    }

    /// Every node, the root first.
    pub fn all(&self) -> Vec<&Self> {
        std::iter::once(self).chain(self.routes.iter().flat_map(Self::all)).collect()
    }

    /// Whether nobody is told at that time.
    pub fn is_muted(&self, now: Timestamp) -> bool {
        let within = |intervals: &[TimeInterval]| intervals.iter().any(|interval| interval.contains(now));
        within(&self.mute) || (!self.active.is_empty() && !within(&self.active))
    }

    /// Names the nodes of a tree; nodes with equal paths of matchers are told apart by number.
    pub(super) fn name(&mut self, parent: Option<&str>, seen: &mut BTreeMap<String, usize>) {
        let own = shown(&self.matchers);
        self.key = parent.map_or_else(|| own.clone(), |parent| format!("{parent}/{own}"));
        let count = seen.entry(self.key.clone()).and_modify(|count| *count += 1).or_insert(0);
        self.id = if *count == 0 { self.key.clone() } else { format!("{}#{count}", self.key) };
        let key = self.key.clone();
        for route in &mut self.routes {
            route.name(Some(&key), seen);
        }
    }
}

/// Labels as Alertmanager writes them in a group key: `{a="b", c="d"}`.
pub(crate) fn label_text(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
