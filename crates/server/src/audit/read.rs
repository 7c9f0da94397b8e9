//! Reads the trail: the newest records that fit a filter; beside it what looks at all of them, and at the end of a chain.

mod behind;
mod check;
mod end;
mod parts;

use auth::{AuditSink, Record};
use logline::Tenant;
use query::Engine;
use serde::{Deserialize, Serialize};
use storage::{Predicate, Storage, TextMatch, TimeRange};

use super::table::{ACTION, DETAIL, NODE, OF_TENANT, OUTCOME, PRINCIPAL};

pub(super) use behind::behind;
pub(crate) use check::{Checked, verify};
pub(super) use end::end;
use parts::{common, parts, scope, stretches};

/// Which records; what is not said is not asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) principal: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) node: Option<String>,
    /// Stands somewhere in the detail.
    pub(crate) text: Option<String>,
    /// Records of these tenants' data; of all without.
    pub(crate) tenants: Option<Vec<Tenant>>,
    pub(crate) range: Option<TimeRange>,
    pub(crate) limit: usize,
}

/// Records, the newest first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) records: Vec<Record>,
    /// Whether there are older ones.
    pub(crate) more: bool,
    /// What is wrong with parts of the time that cannot be read; their records are not among these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unreadable: Vec<String>,
}

impl Filter {
    fn predicate(&self) -> Predicate {
        let column = |name: &str, text: TextMatch| Predicate::Column { name: name.to_owned(), text };
        let equals = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| column(name, TextMatch::Equals(value.clone())))
        };
        let tenants = self.tenants.as_ref().map(|tenants| {
            column(OF_TENANT, TextMatch::OneOf(tenants.iter().map(|tenant| tenant.as_str().to_owned()).collect()))
        });
        let all = [
            equals(PRINCIPAL, &self.principal),
            equals(ACTION, &self.action),
            equals(OUTCOME, &self.outcome),
            equals(NODE, &self.node),
            self.text.as_ref().map(|text| column(DETAIL, TextMatch::Contains(text.clone()))),
            tenants,
        ];
        all.into_iter().flatten().fold(Predicate::True, Predicate::and)
    }
}

/// The newest records that fit.
pub(crate) async fn list(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    filter: &Filter,
) -> Result<Page, query::Error> {
    let scope = scope("list of the audit trail", sink);
    let (mut records, mut unreadable) = (Vec::new(), Vec::new());
    for stretch in stretches(storage).into_iter().rev() {
        let range = filter.range.map_or(Some(stretch), |range| common(range, stretch));
        let Some(range) = range else { continue };
        let mut found = Vec::new();
        for part in parts(engine, storage, &scope, range, &filter.predicate()).await? {
            match part {
                Ok(part) => found.extend(part),
                Err(reason) if unreadable.contains(&reason) => {}
                Err(reason) => unreadable.push(reason),
            }
        }
        found.sort_by_key(|record| std::cmp::Reverse((record.time, record.sequence)));
        records.extend(found);
        if records.len() > filter.limit {
            break;
        }
    }
    let more = records.len() > filter.limit;
    records.truncate(filter.limit);
    Ok(Page { records, more, unreadable })
}

fn of_node(node: &str) -> Predicate {
    Filter { node: Some(node.to_owned()), ..Filter::default() }.predicate()
}
