//! The one door for reading a line: recognises its format, reads its facts, notes its defects.

use jiff::tz::TimeZone;

use crate::{Aliases, Limits, Record, Statuses};

/// What a reader needs to know; the default serves a system without configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Names that other formats use for the reserved keys.
    pub aliases: Aliases,
    /// The known statuses of each object type.
    pub statuses: Statuses,
    /// How much of a line is looked at.
    pub limits: Limits,
}

/// What is known about a line before it is read: the settings of its source.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where a date-time without zone is meant.
    pub timezone: TimeZone,
}

impl Default for Context {
    /// UTC.
    fn default() -> Self {
        Self { timezone: TimeZone::UTC }
    }
}

/// Reads lines. Cheap to call, shared between threads.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    config: Config,
}

impl Reader {
    /// A reader with these settings.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Reads a line of any format. Never fails: what is wrong stands in [`Record::defects`]. The record borrows from
    /// the line, and from the reader where an alias was replaced.
    pub fn read<'a>(&'a self, line: &'a str, context: &Context) -> Record<'a> {
        // being written
    }
}
