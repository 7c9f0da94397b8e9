//! Where many paths leave their graph: what [`crate::deviation`] tells of one path, with numbers instead of names.

use std::collections::HashMap;

use super::{Lens, Version};
use crate::Evidence;
use crate::deviation::{self, SKEWED, befores};
use crate::symbols::{Symbol, Symbols};
use crate::trail::{Stay, Trail};
use crate::wire::millis;

/// What is wrong with a step, without saying how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fault {
    /// [`DeviationKind::name`].
    pub(crate) kind: &'static str,
    /// The status before, if the fault is about a change.
    pub(crate) from: Option<Symbol>,
    pub(crate) status: Symbol,
    /// Who did it, if that is the fault.
    pub(crate) service: Option<Symbol>,
}

/// Remembers what was judged before: most paths are alike.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    edges: HashMap<Asked, Option<&'static str>>,
    services: HashMap<(usize, Option<Symbol>, Symbol, Symbol), bool>,
    visits: Vec<u32>,
}

/// Version, status before, evidence is only that it was seen, status.
type Asked = (usize, Option<Symbol>, bool, Symbol);

impl Judge {
    /// Everything that is wrong with a path, in order of its steps; nothing if it has no graph.
    pub(crate) fn faults(
        &mut self,
        lens: &Lens<'_>,
        trail: &Trail,
        version: Option<&Version<'_>>,
        found: &mut Vec<Fault>,
    ) {
        found.clear();
        let Some(version) = version else { return };
        let number = lens.versions().iter().position(|known| std::ptr::eq(known, version)).unwrap_or(0);
        self.visits.clear();
        self.visits.resize(lens.symbols().len(), 0);
        let told = trail.stays.iter().any(|stay| stay.told.is_some());
        let near = |a: &Stay, b: &Stay| super::span(a.entered, b.entered) <= millis(SKEWED);
        let befores = told.then(|| befores(&trail.stays, |stay| (stay.status, stay.told), near));
        for (step, stay) in trail.stays.iter().enumerate() {
            let status = stay.status;
            let mut add = |kind, from, service| found.push(Fault { kind, from, status, service });
            if let Some(visits) = self.visits.get_mut(usize::from(status.number())) {
                *visits += 1;
            }
            if trail.end.is_some_and(|end| end < step) {
                add("after_end", None, None);
                continue;
            }
            let before = befores.as_ref().and_then(|all| all.get(step)).copied();
            let (before, skewed) = before.unwrap_or((step.checked_sub(1), false));
            if skewed {
                add("clock_skew", None, Some(stay.service));
            }
            let from = before.and_then(|before| trail.stays.get(before)).map(|stay| stay.status);
            let seen = stay.evidence == Evidence::Seen;
            if let Some(kind) = self.edge((number, from, seen, status), version, lens.symbols(), stay.evidence) {
                add(kind, from.filter(|_| kind != "unknown_status"), None);
            }
            let visits = self.visits.get(usize::from(status.number())).copied().unwrap_or(0);
            if version.status(status).is_some_and(|status| status.rework.saturating_add(1) < visits) {
                add("repeated", None, None);
            }
            if !seen && self.wrong_service((number, from, status, stay.service), version, lens.symbols()) {
                add("wrong_service", from, Some(stay.service));
            }
            if unconfirmed(version, stay, lens.now_ms()) {
                add("unconfirmed", None, None);
            }
        }
    }

    fn edge(
        &mut self,
        asked: Asked,
        version: &Version<'_>,
        symbols: &Symbols,
        evidence: Evidence,
    ) -> Option<&'static str> {
        let name = |symbol| symbols.name(symbol);
        let judge =
            || deviation::edge(version.graph, asked.1.map(name), evidence, name(asked.3)).map(|kind| kind.name());
        *self.edges.entry(asked).or_insert_with(judge)
    }

    fn wrong_service(
        &mut self,
        asked: (usize, Option<Symbol>, Symbol, Symbol),
        version: &Version<'_>,
        symbols: &Symbols,
    ) -> bool {
        let name = |symbol| symbols.name(symbol);
        let (_, from, status, service) = asked;
        let judge = || {
            let from = from.map(name);
            deviation::wrong_service(version.graph, from, Evidence::Line, name(status), name(service)).is_some()
        };
        *self.services.entry(asked).or_insert_with(judge)
    }
}

fn unconfirmed(version: &Version<'_>, stay: &Stay, now: i64) -> bool {
    let confirm = version.status(stay.status).and_then(|status| status.confirm.as_ref());
    let Some(within) = confirm.filter(|_| stay.evidence != Evidence::Seen).map(|confirm| millis(confirm.within)) else {
        return false;
    };
    stay.confirmed.map_or(within < super::span(stay.entered, now), |after| within < after)
}
