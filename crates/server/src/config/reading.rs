//! How facts are read out of lines that are not in the house format: by names, and by rules for free text.

use std::sync::Arc;

use logline::{Aliases, Extraction, Reader};
use orders::Graphs;
use stdx::Settings;

use super::{extract, facts};

/// What is known about lines beside what everybody's look like.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// What facts are called.
    facts: Aliases,
    /// What lines of free text tell.
    extraction: Extraction,
}

/// Reads the names and the rules; what is wrong with them is reported to `settings`.
pub(super) fn read(settings: &mut Settings) -> Reading {
    Reading { facts: facts::read(settings), extraction: extract::read(settings) }
}

impl Reading {
    /// The one reader of a program; the statuses are those of the graphs.
    pub(crate) fn reader(self, graphs: &Graphs) -> Arc<Reader> {
        let Self { facts: aliases, extraction } = self;
        let statuses = graphs.known_statuses();
        Arc::new(Reader::new(logline::Config { aliases, extraction, statuses, ..logline::Config::default() }))
    }
}
