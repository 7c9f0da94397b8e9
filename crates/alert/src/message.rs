//! What people read: a notification, the message made of it in a language, and how each kind of messenger writes it.

mod compose;
mod lines;
mod render;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

pub use compose::{Author, Style, services_of};
pub use lines::{Line, Lines};
pub(crate) use render::{Entity, Flavour, entities, escape, html, markup, plain, utf16_len};

use crate::{Alert, Picture};

/// What is told about a group through one integration; kept in the outbox until it is delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Whose data it is about.
    pub tenant: Tenant,
    /// Who is told.
    pub receiver: String,
    /// The group as Alertmanager names it.
    pub group_key: String,
    /// What its alerts have in common by `group_by`.
    pub group_labels: BTreeMap<String, String>,
    /// Firing alerts first.
    pub alerts: Vec<Alert>,
    /// Alerts that were left out, since there are too many.
    pub truncated: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// How many times this group was told about through this integration.
    pub sequence: u64,
    /// Lines that the receiver may see, masked.
    pub lines: Vec<Line>,
    /// A test: nothing is wrong.
    #[serde(default)]
    pub test: bool,
}

/// Most alerts that are kept in one notification.
pub(crate) const MOST_ALERTS: usize = 500;

impl Notification {
    /// Those that fire.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| !alert.is_resolved_at(self.at))
    }

    /// Whether everything it tells of is over.
    pub fn is_resolved(&self) -> bool {
        self.firing().next().is_none()
    }

    /// Labels that all its alerts have.
    pub fn common_labels(&self) -> BTreeMap<String, String> {
        common(self.alerts.iter().map(|alert| &alert.labels))
    }

    /// Annotations that all its alerts have.
    pub fn common_annotations(&self) -> BTreeMap<String, String> {
        common(self.alerts.iter().map(|alert| &alert.annotations))
    }
}

fn common<'m>(mut maps: impl Iterator<Item = &'m BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut common = maps.next().cloned().unwrap_or_default();
    for map in maps {
        common.retain(|name, value| map.get(name) == Some(value));
    }
    common
}

/// A message in one language, before any messenger's own way to write it. Nothing in it needs escaping or is escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// One line that says it all; the subject of a mail.
    pub title: String,
    /// How it looks at first sight.
    pub tone: Tone,
    /// The text below the title.
    pub body: Vec<Span>,
    /// Where to look further.
    pub links: Vec<Link>,
    /// A drawing.
    pub picture: Option<Arc<Picture>>,
}

/// How a message looks at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something is badly wrong.
    Critical,
    /// Something is wrong.
    Warning,
    /// Good to know.
    Info,
    /// It is over.
    Resolved,
}

impl Tone {
    /// A colour for the edge of a message.
    pub const fn colour(self) -> &'static str {
        match self {
            Self::Critical => "#c62828",
            Self::Warning => "#ef6c00",
            Self::Info => "#1565c0",
            Self::Resolved => "#2e7d32",
        }
    }

    /// A sign before the title.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Critical => "🔴",
            Self::Warning => "🟠",
            Self::Info => "🔵",
            Self::Resolved => "✅",
        }
    }
}

/// A stretch of text of one look; line breaks are in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: String,
    /// Its look.
    pub look: Look,
}

/// How a stretch of text looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Stressed.
    Bold,
    /// Like a program's text, within a line.
    Code,
    /// Like a program's text, in lines of its own.
    Block,
    /// Leads somewhere.
    Link(String),
}

/// Where to look further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What is there.
    pub text: String,
    /// Its address.
    pub url: String,
}

impl Span {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), look: Look::Plain }
    }

    pub(crate) fn bold(text: impl Into<String>) -> Self {
        Self { text: text.into(), look: Look::Bold }
    }
}

/// The longest beginning of `spans` that `measure` finds no longer than `limit`, with an ellipsis where it was cut.
pub(crate) fn cut(spans: &[Span], limit: usize, measure: impl Fn(&str) -> usize) -> Vec<Span> {
    let total: usize = spans.iter().map(|span| measure(&span.text)).sum();
    if total <= limit {
        return spans.to_vec();
    }
    let mut left = limit.saturating_sub(measure("…"));
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        let length = measure(&span.text);
        if length <= left {
            left -= length;
            out.push(span.clone());
            continue;
        }
        let mut text = String::new();
        for c in span.text.chars() {
            let size = measure(c.encode_utf8(&mut [0; 4]));
            if size > left {
                break;
            }
            left -= size;
            text.push(c);
        }
        out.push(Span { text: text + "…", look: span.look.clone() });
        break;
    }
    out
}

#[cfg(test)]
pub(crate) mod tests;
