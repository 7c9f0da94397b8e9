//! What is made of an event beside its text: its time, labels and metadata from its fields, and whether it is kept.
//!
//! Fields are raw here and are masked where the batch takes them in. Nothing is allocated for an input without settings.

mod fields;
mod path;
mod rule;

use std::sync::Arc;

use logline::{Labels, Reader, Timestamp};

use fields::Fields;
pub(crate) use fields::{Captures, Parser, TimeFormat};
pub(crate) use path::PathLabels;
pub(crate) use rule::{Condition, Rule};

/// How the events of an input are shaped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) parser: Parser,
    /// The field that holds the time, if it is not one that the parser knows.
    pub(crate) time_field: Option<String>,
    pub(crate) time_format: TimeFormat,
    /// Labels by the names of their fields.
    pub(crate) labels: Vec<(String, String)>,
    /// Metadata by the names of their fields.
    pub(crate) metadata: Vec<(String, String)>,
    /// The first one that matches decides.
    pub(crate) rules: Vec<Rule>,
    pub(crate) context: logline::Context,
}

/// An event as it comes from an input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) text: &'a str,
    /// The labels of its source.
    pub(crate) labels: &'a Labels,
    /// What the input itself says about it.
    pub(crate) metadata: &'a [(String, String)],
}

/// What is kept of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shaped {
    /// The event's own time.
    pub(crate) time: Option<Timestamp>,
    /// Its labels, if they are not those of its source.
    pub(crate) labels: Option<Labels>,
    /// Metadata beside what the input says.
    pub(crate) metadata: Vec<(String, String)>,
}

impl Shape {
    /// Looks at an event; the name of the rule that drops it, if one does.
    pub(crate) fn apply(&self, event: Event<'_>, reader: &Reader) -> Result<Shaped, Arc<str>> {
        if self.wants_time_alone() {
            let time = reader.time(first_line(event.text), &self.context).map(|time| time.at);
            return Ok(Shaped { time, ..Shaped::default() });
        }
        let fields = Fields::read(event.text, self, event.metadata, reader);
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches(event.text, &fields))
            && !rule.keeps(&fields)
        {
            return Err(Arc::clone(&rule.name));
        }
        let mut shaped = Shaped { time: fields.time(self), ..Shaped::default() };
        for (label, field) in &self.labels {
            if let Some(value) = fields.get(field).filter(|value| !value.is_empty()) {
                shaped.labels.get_or_insert_with(|| event.labels.clone()).set(label, clip(&value));
            }
        }
        for (name, field) in &self.metadata {
            if let Some(value) = fields.get(field).filter(|value| !value.is_empty()) {
                shaped.metadata.push((name.clone(), value.into_owned()));
            }
        }
        shaped.metadata.extend(fields.captured());
        Ok(shaped)
    }

    /// Whether no other field of an event matters.
    fn wants_time_alone(&self) -> bool {
        let wants_none = self.labels.is_empty() && self.metadata.is_empty() && self.rules.is_empty();
        matches!(self.parser, Parser::Auto) && self.time_field.is_none() && wants_none
    }
}

/// Of a joined event, the one that has its form.
fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or(text)
}

/// The longest value of a label, which is the server's default limit.
const MAX_LABEL: usize = 2048;

fn clip(value: &str) -> &str {
    value.get(..value.floor_char_boundary(MAX_LABEL)).unwrap_or(value)
}

#[cfg(test)]
mod tests;
