//! What is made of an event beside its text: its time, labels and metadata from its fields, and whether it is kept.
//!
//! Times and rules see the raw text. Labels and metadata are taken out of the masked one, as far as it holds them, and
//! masked by their names where the batch takes them in. Nothing is allocated for an input without settings.

mod fields;
mod path;
mod rule;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use logline::{Reader, Timestamp};

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
    /// What the input itself says about it.
    pub(crate) metadata: &'a [(String, String)],
}

/// What was seen of an event before it is masked.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    event: Event<'a>,
    /// The event's own time.
    pub(crate) time: Option<Timestamp>,
    /// `None`: nothing is made of them.
    fields: Option<Fields<'a>>,
}

/// A value that becomes a label or metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapped<'a> {
    pub(crate) name: &'a str,
    /// The name that its field came with.
    pub(crate) field: &'a str,
    pub(crate) value: String,
    /// Whether the masked text does not hold it any more, so that it may go nowhere as it is.
    pub(crate) is_gone: bool,
}

/// What is made of an event's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values<'a> {
    pub(crate) labels: Vec<Mapped<'a>>,
    pub(crate) metadata: Vec<Mapped<'a>>,
}

impl Shape {
    /// Looks at an event; the name of the rule that drops it, if one does.
    pub(crate) fn look<'a>(&'a self, event: Event<'a>, reader: &'a Reader) -> Result<Seen<'a>, Arc<str>> {
        if self.wants_time_alone() {
            let time = reader.time(first_line(event.text), &self.context).map(|time| time.at);
            return Ok(Seen { event, time, fields: None });
        }
        let fields = Fields::read(event.text, self, event.metadata, reader);
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches(event.text, &fields))
            && !rule.keeps(&fields)
        {
            return Err(Arc::clone(&rule.name));
        }
        Ok(Seen { event, time: fields.time(self), fields: Some(fields) })
    }

    /// Labels and metadata of an event that was seen, of which `masked` is the masked text.
    pub(crate) fn values<'s>(&'s self, seen: &Seen<'s>, masked: &str, reader: &Reader) -> Values<'s> {
        let Some(fields) = &seen.fields else { return Values::default() };
        let anew = fields.masked(masked, self, reader);
        let found = anew.as_ref().unwrap_or(fields);
        let is_changed = masked != seen.event.text;
        let mapped = |name: &'s str, field: &'s str, value: &str| {
            let is_gone = is_changed && !masked.contains(value) && seen.event.text.contains(value);
            let field = fields.given(field).map_or(field, |(came, _)| came);
            Mapped { name, field, value: value.to_owned(), is_gone }
        };
        let of = |pairs: &'s [(String, String)]| -> Vec<_> {
            let value = |field: &str| {
                let given = || fields.given(field).map(|(_, value)| value.as_str());
                found.of(field).or_else(given).filter(|value| !value.is_empty())
            };
            pairs.iter().filter_map(|(name, field)| Some(mapped(name, field, value(field)?))).collect()
        };
        let (labels, mut metadata) = (of(&self.labels), of(&self.metadata));
        metadata.extend(fields.groups().map(|(name, value, _)| mapped(name, name, value)));
        Values { labels, metadata }
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

impl<'a> Seen<'a> {
    /// The text, with groups of a pattern masked by their names: the text itself may not say what they are.
    pub(crate) fn text(&self, mut mask: impl FnMut(&str, &'a str) -> Cow<'a, str>) -> Cow<'a, str> {
        let text = self.event.text;
        let (mut out, mut from) = (String::new(), 0);
        let mut groups: Vec<_> = self.fields.iter().flat_map(Fields::groups).collect();
        groups.sort_by_key(|(_, _, span)| (span.start, Reverse(span.end)));
        for (name, value, span) in groups {
            if from <= span.start
                && let masked @ Cow::Owned(_) = mask(name, value)
            {
                out.push_str(text.get(from..span.start).unwrap_or_default());
                out.push_str(&masked);
                from = span.end;
            }
        }
        if from == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests;
