//! Retention: how long which rows are kept, and what that means for a file.

use std::collections::BTreeSet;
use std::time::Duration;

use logline::{Tenant, Timestamp};

use crate::{FileRef, LOGS, Lifecycle, Predicate, Retention, StreamRetention};

/// What is to be done about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// All of its rows may go.
    Whole,
    /// The rows that satisfy this may go; those of streams that are kept for at most this long.
    Rows(Duration, Predicate),
}

/// The periods of one tenant in one table.
#[derive(Debug)]
pub(super) struct Periods<'a> {
    /// The first rule whose selector fits decides.
    rules: Vec<&'a StreamRetention>,
    /// What holds for the rest; `None` is for ever.
    rest: Option<Duration>,
}

impl<'a> Periods<'a> {
    pub(super) fn of(lifecycle: &'a Lifecycle, table: &str, tenant: &Tenant) -> Self {
        let own = lifecycle.tenants.get(tenant);
        if table != LOGS {
            return Self { rules: Vec::new(), rest: lifecycle.tables.get(table).copied().filter(|p| !p.is_zero()) };
        }
        // A tenant's own rules come first; then the highest priority, and of equal ones the shorter period.
        let ranked = |retention: Option<&'a Retention>| {
            let mut rules: Vec<_> = retention.into_iter().flat_map(|retention| &retention.streams).collect();
            rules.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.period.cmp(&b.period)));
            rules
        };
        let mut rules = ranked(own);
        rules.extend(ranked(Some(&lifecycle.retention)));
        let rest = own.and_then(|own| own.period).or(lifecycle.retention.period);
        Self { rules, rest: rest.filter(|period| !period.is_zero()) }
    }

    /// The shortest of them: younger rows are all kept.
    pub(super) fn shortest(&self) -> Option<Duration> {
        self.rules.iter().map(|rule| rule.period).chain(self.rest).filter(|period| !period.is_zero()).min()
    }

    /// What of a file has expired at `now`. Rows go when the newest row of the file is old enough, so that a file is
    /// rewritten once for each period and not every day.
    pub(super) fn expired(&self, file: &FileRef, now: Timestamp) -> Option<Expiry> {
        let periods: BTreeSet<Duration> = self.rules.iter().map(|rule| rule.period).chain(self.rest).collect();
        let age = now.since(file.last);
        let reached = periods.iter().copied().rfind(|period| *period < age)?;
        if self.rest.is_some() && periods.last() == Some(&reached) {
            return Some(Expiry::Whole);
        }
        Some(Expiry::Rows(reached, self.kept_at_most(reached)))
    }

    /// Rows that are kept for this long at most.
    fn kept_at_most(&self, period: Duration) -> Predicate {
        let rest = if self.rest.is_some_and(|rest| rest <= period) { Predicate::True } else { Predicate::False };
        self.rules.iter().rev().fold(rest, |later, rule| {
            let fits = rule.selector.clone();
            if rule.period <= period {
                Predicate::Or(vec![fits, later])
            } else {
                Predicate::And(vec![Predicate::Not(Box::new(fits)), later])
            }
        })
    }
}

#[cfg(test)]
mod tests;
