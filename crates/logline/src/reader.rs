//! The one door for reading a line: recognises its format, reads its facts, notes its defects.

mod foreign;
mod house;
mod rules;

use std::borrow::Cow;

use jiff::tz::TimeZone;

use crate::scan::{self, Raw};
use crate::{Aliases, Defect, Defects, Extraction, Format, Limits, LineTime, Record, Statuses, Value};

pub(crate) use foreign::is_logfmt;
pub(crate) use house::Head;
pub(crate) use rules::good_value;

/// What a reader needs to know; the default serves a system without configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Names that other formats use for the reserved keys.
    pub aliases: Aliases,
    /// What lines of free text tell.
    pub extraction: Extraction,
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
    pub const fn new(config: Config) -> Self {
        Self { config }
    }

    /// Whether facts have no names but those of `docs/log-lines.md`, and free text tells none.
    pub fn is_by_default(&self) -> bool {
        self.config.extraction.is_empty() && self.config.aliases == Aliases::default()
    }

    /// Reads a line of any format. Never fails: what is wrong stands in [`Record::defects`]. The record borrows from
    /// the line, and from the reader where an alias was replaced. Of the rules for free text only those for all services
    /// hold.
    pub fn read<'a>(&'a self, line: &'a str, context: &Context) -> Record<'a> {
        self.read_of("", line, context)
    }

    /// As [`Self::read`], a line of this service: the rules for its free text hold too.
    pub fn read_of<'a>(&'a self, service: &str, line: &'a str, context: &Context) -> Record<'a> {
        let text = self.within_limit(line);
        let foreign = || self.json(text, context).or_else(|| self.logfmt(text, context));
        let mut record = self
            .house(text, context)
            .or_else(|| foreign().map(|record| self.with_message(record, text, service, context)))
            .or_else(|| self.extracted(text, service, context))
            .unwrap_or_else(|| {
                let mut record = Record::empty(Format::Unknown);
                record.words = Cow::Borrowed(text);
                record
            });
        if text.len() < line.len() {
            record.defects.add(Defect::TooLong);
        }
        record
    }

    /// The time of a line, as [`Self::read`] finds it; of a house line no more is read than its head.
    pub fn time(&self, line: &str, context: &Context) -> Option<LineTime> {
        match Head::of(self.within_limit(line)) {
            Some(head) => head.time(context),
            None => self.read(line, context).time(),
        }
    }

    fn within_limit<'a>(&self, line: &'a str) -> &'a str {
        let end = line.floor_char_boundary(self.config.limits.line_bytes);
        scan::cut(line, 0, end)
    }
}

/// The value that a raw one stands for.
fn value<'a>(raw: Raw<'a>, defects: &mut Defects) -> Value<'a> {
    match raw {
        Raw::Bare(text) | Raw::Plain(text) => Value::text(Cow::Borrowed(text)),
        Raw::Json(text) => Value::scanned_json(text),
        Raw::Escaped(text) => {
            let (text, good) = scan::unescape(text);
            if !good {
                defects.add(Defect::BadEscape);
            }
            Value::text(text)
        }
    }
}

#[cfg(test)]
mod tests;
