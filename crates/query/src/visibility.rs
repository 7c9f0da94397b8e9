//! From a scope to what a scan may show. Nothing else in the whole program makes a [`Visibility`].

use std::collections::BTreeMap;

use auth::{Grant, Scope, Services, Sight};
use logline::{Tenant, Timestamp};
use storage::{Predicate, TextMatch, TimeRange, Veil, Visibility, logs};

use crate::matchers::{of_matcher, of_test};

/// Where the rows of a table tell whose they are.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// In the labels of their streams.
    Labels,
    /// In a column that names the service.
    Column(&'a str),
    /// Nowhere.
    Nowhere,
}

/// What the holder of a scope may see of a tenant's rows. In a table without labels only what the name of the service
/// decides is shown; without a column that names it, who may not see all services sees nothing.
pub(crate) fn visibility(
    scope: &Scope,
    tenant: &Tenant,
    table: &str,
    service_columns: &BTreeMap<String, String>,
) -> Visibility {
    let sight = scope.sight(tenant);
    let place = match service_columns.get(table) {
        _ if table == logs::LOGS => Place::Labels,
        Some(column) => Place::Column(column),
        None => Place::Nowhere,
    };
    let rows = place.rows(sight);
    let veils = sight.veils().iter().map(|veil| Veil {
        on: place.covered(&veil.on, true),
        lines: veil.lines,
        hide: veil.hide.clone(),
        mask: veil.mask.clone(),
    });
    match place {
        Place::Labels => Visibility::new(rows, Vec::new()).behind(veils.collect()),
        // What was taken out of a line cannot be hidden again: rows of lines that are not seen whole are not seen.
        Place::Column(_) | Place::Nowhere => {
            Visibility::new(veils.fold(rows, |rows, veil| without(rows, veil.on)), Vec::new())
        }
    }
}

fn without(rows: Predicate, others: Predicate) -> Predicate {
    match others {
        Predicate::False => rows,
        Predicate::True => Predicate::False,
        others => rows.and(Predicate::Not(Box::new(others))),
    }
}

impl Place<'_> {
    fn rows(self, sight: &Sight) -> Predicate {
        let mut shown: Vec<_> = sight.grants().iter().map(|grant| self.covered(grant, false)).collect();
        let shown = if shown.contains(&Predicate::True) {
            Predicate::True
        } else if shown.len() == 1 {
            shown.swap_remove(0)
        } else {
            Predicate::Or(shown)
        };
        sight.denials().iter().fold(shown, |shown, denial| without(shown, self.covered(denial, true)))
    }

    /// The rows that a grant covers; where that cannot be told, `unknown`.
    fn covered(self, grant: &Grant, unknown: bool) -> Predicate {
        let undecided = if unknown { Predicate::True } else { Predicate::False };
        let service = |text| match self {
            Self::Labels => Predicate::Label { name: logs::SERVICE_NAME.to_owned(), text },
            Self::Column(name) => Predicate::Column { name: name.to_owned(), text },
            Self::Nowhere => undecided.clone(),
        };
        let mut rows = match grant.services() {
            Services::All => Predicate::True,
            Services::Only(names) => {
                service(TextMatch::OneOf(names.iter().filter(|name| !name.is_empty()).cloned().collect()))
            }
            Services::Seen(_) => undecided.clone(),
        };
        for test in grant.tests() {
            let matcher = test.matcher();
            rows = rows.and(match self {
                Self::Labels => of_matcher(matcher),
                Self::Column(_) if matcher.name == logs::SERVICE_NAME => of_test(&matcher.test, service),
                Self::Column(_) | Self::Nowhere => undecided.clone(),
            });
        }
        if let Some(since) = grant.since() {
            rows = rows.and(Predicate::Within(TimeRange { start: since, end: Timestamp::MAX }));
        }
        rows
    }
}
