//! Draws stories and lists for people at a terminal: fixed width, colours if wanted, English or Russian.
//!
//! Names of statuses, services and endpoints stay as they are in every language.

mod ink;
mod story;
mod tables;
mod words;

use jiff::tz::TimeZone;

use crate::{Page, Story, Summary};

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
    /// Whether lines are drawn to their end, not cut at the width, and all of them.
    pub whole_lines: bool,
}

/// A language people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Russian.
    #[serde(rename = "ru")]
    Russian,
}

impl Default for Style {
    /// 100 columns, no colours, English, UTC, with lines, cut at the width.
    fn default() -> Self {
        Self {
            width: 100,
            color: false,
            language: Language::English,
            zone: TimeZone::UTC,
            lines: true,
            whole_lines: false,
        }
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

/// Open objects by status.
pub fn summary(summary: &Summary, style: &Style) -> String {
    tables::summary(summary, style)
}

/// The words of a language, for tests of other parts.
#[cfg(test)]
pub(crate) fn words(language: Language) -> words::Words<'static> {
    static ZONE: TimeZone = TimeZone::UTC;
    words::Words { language, zone: &ZONE }
}
