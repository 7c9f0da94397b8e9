//! What the reader of a scan may see. There is no default: without one nothing can be scanned.

use serde::{Deserialize, Serialize};

use crate::{Predicate, Veil};

/// The rows a reader may see, and the columns and parts of lines that are hidden from them.
///
/// Only `query` builds one, from an `auth::Scope`. Masks apply before any filter of the query, so that a filter cannot
/// probe what is hidden; `rows` looks at the unmasked row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visibility {
    rows: Predicate,
    masks: Vec<ColumnMask>,
    veils: Vec<Veil>,
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
    pub const fn new(rows: Predicate, masks: Vec<ColumnMask>) -> Self {
        Self { rows, masks, veils: Vec::new() }
    }

    /// And hides these parts of lines.
    #[must_use]
    pub fn behind(self, veils: Vec<Veil>) -> Self {
        Self { veils, ..self }
    }

    /// The parts of lines that are hidden.
    pub fn veils(&self) -> &[Veil] {
        &self.veils
    }

    /// The rows that may be seen.
    pub const fn rows(&self) -> &Predicate {
        &self.rows
    }

    /// The columns that are replaced.
    pub fn masks(&self) -> &[ColumnMask] {
        &self.masks
    }
}
