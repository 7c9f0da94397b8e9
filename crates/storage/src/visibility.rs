//! What the reader of a scan may see. There is no default: without one nothing can be scanned.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Predicate, Veil};

/// The rows a reader may see, and the columns and parts of lines that are hidden from them.
///
/// Only `query` builds one, from an `auth::Scope`. Masks apply before any filter of the query, so that a filter cannot
/// probe what is hidden; `rows` looks at the unmasked row. Each scan of a query holds it, so copies are cheap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visibility {
    rows: Arc<Predicate>,
    masks: Arc<[ColumnMask]>,
    veils: Arc<[Veil]>,
}

/// Hides a text column: every value is replaced before anything else looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnMask {
    /// Name of the column.
    pub column: String,
    /// What is seen instead.
    pub replacement: String,
}

impl Visibility {
    /// Shows the rows that `rows` keeps, with `masks` applied.
    pub fn new(rows: Predicate, masks: Vec<ColumnMask>) -> Self {
        Self { rows: Arc::new(rows), masks: masks.into(), veils: Arc::new([]) }
    }

    /// And hides these parts of lines.
    #[must_use]
    pub fn behind(self, veils: Vec<Veil>) -> Self {
        Self { veils: veils.into(), ..self }
    }

    /// Whether every row is seen, whole.
    pub fn is_everything(&self) -> bool {
        *self.rows == Predicate::True && self.masks.is_empty() && self.veils.is_empty()
    }

    /// The parts of lines that are hidden.
    pub fn veils(&self) -> &[Veil] {
        &self.veils
    }

    /// The rows that may be seen.
    pub fn rows(&self) -> &Predicate {
        &self.rows
    }

    /// The columns that are replaced.
    pub fn masks(&self) -> &[ColumnMask] {
        &self.masks
    }
}
