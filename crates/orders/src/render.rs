//! Draws stories and lists for people at a terminal: fixed width, colours if wanted, English or Russian.
//!
//! Names of statuses, services and endpoints stay as they are in every language.

mod analysis;
pub mod analysis_csv;
mod csv;
mod grid;
mod ink;
mod story;
mod tables;
mod words;

use jiff::tz::TimeZone;
use stdx::Language;

use crate::{Page, Story, Summary};

pub(crate) use csv::quoted;
pub use csv::{page as page_csv, story as story_csv, summary as summary_csv};

/// How something is drawn.
#[derive(Clone, Debug)]
pub struct Style {
    /// Columns of the terminal; less than 80 counts as 80.
    pub width: usize,
    /// Whether ANSI colours are used. Without them nothing is lost: every mark has a sign of its own.
    pub color: bool,
    /// The language of everything that is not data.
    pub language: Language,
    /// The zone in which times are told.
    pub zone: TimeZone,
    /// Whether the lines behind the steps are drawn, if the story has them.
    pub lines: bool,
    /// Whether nothing is cut or left out: all lines to their end, all traces, all failures of a step.
    pub wide: bool,
}

impl Default for Style {
    /// 100 columns, no colours, English, UTC, with lines, cut at the width.
    fn default() -> Self {
        Self { width: 100, color: false, language: Language::English, zone: TimeZone::UTC, lines: true, wide: false }
    }
}

/// The story of one object: where it is, its way over the services, what went wrong, the lines behind it.
pub fn story(story: &Story, style: &Style) -> String {
    story::draw(story, style)
}

/// A table of stuck objects, with the last error of each.
pub fn stuck(page: &Page, style: &Style) -> String {
    tables::stuck(page, style)
}

/// A table of open objects.
pub fn list(page: &Page, style: &Style) -> String {
    tables::list(page, style)
}

/// Analyses as tables.
pub use analysis::{conformance, dwell, funnel, incidents, sla, throughput, variants};

/// Open objects by status.
pub fn summary(summary: &Summary, style: &Style) -> String {
    tables::summary(summary, style)
}

pub use words::Words;

/// The words of a language, for tests of other parts.
#[cfg(test)]
pub(crate) fn words(language: Language) -> Words<'static> {
    static ZONE: TimeZone = TimeZone::UTC;
    Words { language, zone: &ZONE }
}
