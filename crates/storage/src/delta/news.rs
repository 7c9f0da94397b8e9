//! What commits bring that whoever watches a table has to hear of: rows of other nodes, and rows that were made anew.

use logline::Tenant;

use super::actions::WRITE;
use super::live::FileChange;
use super::{Committed, DeltaLog};
use crate::FileRef;

/// The operation of the commit, without any files, that stands behind those that made the rows of a tenant anew.
pub(crate) const REMADE: &str = "REREAD";

/// News of a table that nobody was told yet.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Files with rows that did not come through this node.
    pub(crate) added: Vec<(Tenant, FileRef)>,
    /// Whether rows were made anew, by whomever.
    pub(crate) remade: bool,
}

impl News {
    pub(crate) fn extend(&mut self, more: Self) {
        self.added.extend(more.added);
        self.remade |= more.remade;
    }
}

impl DeltaLog {
    /// What some commits bring. This node's own flushes are none: who watches heard of their rows when they came.
    pub(crate) fn news_in(&self, committed: &Committed) -> News {
        let mut news = News::default();
        for entry in &committed.entries {
            match entry.operation.as_deref() {
                Some(REMADE) => news.remade = true,
                Some(WRITE) if entry.position(&self.app).is_none() => {
                    let added = |change: &FileChange| match change {
                        FileChange::Add(tenant, file) => Some((tenant.clone(), file.clone())),
                        FileChange::Remove(_) => None,
                    };
                    news.added.extend(entry.changes.iter().filter_map(added));
                }
                _ => {}
            }
        }
        news
    }
}
