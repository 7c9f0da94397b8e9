//! From a scope to what a scan may show. Nothing else in the whole program makes a [`Visibility`].

use std::collections::BTreeMap;

use auth::{Scope, Services};
use storage::{Predicate, TextMatch, Visibility, logs};

/// What the holder of a scope may see of a table. Without a column that names the service of a row, who may not see
/// all services sees nothing.
pub(crate) fn visibility(scope: &Scope, table: &str, service_columns: &BTreeMap<String, String>) -> Visibility {
    let rows = match scope.services() {
        Services::All => Predicate::True,
        Services::Only(names) => {
            let text = TextMatch::OneOf(names.iter().filter(|name| !name.is_empty()).cloned().collect());
            match service_columns.get(table) {
                _ if table == logs::LOGS => Predicate::Label { name: logs::SERVICE_NAME.to_owned(), text },
                Some(column) => Predicate::Column { name: column.clone(), text },
                None => Predicate::False,
            }
        }
    };
    Visibility::new(rows, Vec::new())
}
