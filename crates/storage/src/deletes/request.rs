//! One request to delete lines, through its states.

use std::collections::BTreeMap;
use std::sync::Arc;

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::filter::{Filter, Hidden};
use crate::ids::Ids;
use crate::{Error, LOGS, Predicate, Source, TableSpec, TimeRange, Visibility, logs};

/// What somebody wants to be deleted.
#[derive(Clone, Debug)]
pub struct NewDelete {
    /// Whose lines.
    pub tenant: Tenant,
    /// The query as it was written, for the report.
    pub query: String,
    /// Which lines of the table of lines.
    pub predicate: Predicate,
    /// Of which time.
    pub range: TimeRange,
}

/// How far a request to delete lines has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeleteState {
    /// Nobody sees the lines any more; what is derived from them is being looked for.
    Received,
    /// Nobody sees them, nor what is derived from them.
    Hidden,
    /// Files are being written anew without them; the request cannot be taken back any more.
    Rewriting,
    /// No live file has them. Files that had them are kept for the delay of removal.
    Rewritten,
    /// They are physically gone from the tables.
    Gone,
    /// The request was taken back in time, and the lines are seen again.
    Cancelled,
}

/// A request to delete lines, as it is reported.
#[derive(Clone, Debug, Serialize)]
pub struct Delete {
    /// Names the request.
    pub id: String,
    /// Whose lines.
    pub tenant: Tenant,
    /// The query as it was written.
    pub query: String,
    /// Of which time.
    pub range: TimeRange,
    /// How far it has come.
    pub state: DeleteState,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it can be taken back.
    pub cancel_until: Timestamp,
    /// Since when nobody sees the lines and what is derived from them.
    pub hidden: Option<Timestamp>,
    /// Since when no live file has them.
    pub rewritten: Option<Timestamp>,
    /// When the files that had them are removed at the earliest.
    pub gone_after: Option<Timestamp>,
    /// Since when they are physically gone.
    pub gone: Option<Timestamp>,
    /// Lines that were written out of files, and rows of derived tables.
    pub rows: u64,
    /// Files that still have them on the disk, waiting for their removal.
    pub files_left: u64,
    /// How much of the rewriting is done, in percent, while it runs.
    pub percent: Option<u64>,
    /// Backups that were made before the lines were gone, and may have them.
    pub backups: Vec<String>,
}

/// What a file tells of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) tenant: Tenant,
    pub(crate) query: String,
    pub(crate) predicate: Predicate,
    pub(crate) range: TimeRange,
    pub(crate) state: DeleteState,
    pub(crate) created: Timestamp,
    pub(crate) hidden: Option<Timestamp>,
    pub(crate) rewritten: Option<Timestamp>,
    pub(crate) gone: Option<Timestamp>,
    pub(crate) rows: u64,
    /// For each table the version from which on no file has the rows.
    pub(crate) versions: BTreeMap<String, u64>,
}

/// A request at work.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) stored: Stored,
    /// Keeps the lines that it is about.
    pub(crate) lines: Filter,
    /// Rows of derived tables that go with the lines.
    pub(crate) ids: BTreeMap<&'static str, Arc<Ids>>,
    /// The column of their ids, for each derived table.
    columns: BTreeMap<&'static str, &'static str>,
}

impl DeleteState {
    /// Counts up with every step.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Received => 0,
            Self::Hidden => 1,
            Self::Rewriting => 2,
            Self::Rewritten => 3,
            Self::Gone => 4,
            Self::Cancelled => 9,
        }
    }
}

impl Stored {
    pub(super) fn new(new: NewDelete, now: Timestamp) -> Self {
        Self {
            id: uuid::Uuid::new_v4().simple().to_string(),
            tenant: new.tenant,
            query: new.query,
            predicate: new.predicate,
            range: new.range,
            state: DeleteState::Received,
            created: now,
            hidden: None,
            rewritten: None,
            gone: None,
            rows: 0,
            versions: BTreeMap::new(),
        }
    }
}

impl Request {
    pub(super) fn new(stored: Stored, specs: &[TableSpec]) -> Result<Self, Error> {
        let everything = Visibility::new(Predicate::True, Vec::new());
        let lines = Filter::new(&logs::schema(), stored.range, &stored.predicate, &everything, &[])?;
        let columns: BTreeMap<_, _> = specs.iter().filter_map(|spec| Some((spec.name, spec.id?))).collect();
        let ids = columns.keys().map(|table| (*table, Arc::default())).collect();
        Ok(Self { stored, lines, ids, columns })
    }

    /// Whether there may be something on the disk that must not be seen.
    pub(crate) const fn hides(&self) -> bool {
        self.takes_new_lines() || matches!(self.stored.state, DeleteState::Rewritten)
    }

    /// Whether it is also about lines that come now.
    pub(crate) const fn takes_new_lines(&self) -> bool {
        self.can_be_cancelled() || matches!(self.stored.state, DeleteState::Rewriting)
    }

    /// Whether everything that it is about is still there.
    pub(crate) const fn can_be_cancelled(&self) -> bool {
        matches!(self.stored.state, DeleteState::Received | DeleteState::Hidden)
    }

    /// What a scan of a source may not show because of it.
    pub(super) fn hidden(&self, table: &str, range: &TimeRange, source: &Source) -> Option<Hidden> {
        if self.stored.state == DeleteState::Rewritten {
            // Only old versions still have the rows; what came later is none of its business.
            let rewritten = self.stored.versions.get(table).copied().unwrap_or(0);
            match source {
                Source::Files { version, .. } if *version < rewritten => {}
                Source::Files { .. } | Source::Head { .. } => return None,
            }
        }
        if table == LOGS {
            let overlaps = self.stored.range.start < range.end && range.start < self.stored.range.end;
            return overlaps.then(|| Hidden::Rows(self.stored.range, self.stored.predicate.clone()));
        }
        self.derived(table)
    }

    /// Rows of a derived table that go with the lines; `None` when there are none.
    pub(crate) fn derived(&self, table: &str) -> Option<Hidden> {
        let (ids, column) = (self.ids.get(table)?, self.columns.get(table)?);
        (!ids.is_empty()).then(|| Hidden::Ids(column, Arc::clone(ids)))
    }
}
