//! The fields of an event, by the parser of its input.

use std::borrow::Cow;
use std::ops::Range;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use logline::{Format, Level, LineTime, Reader, Record, Timestamp};
use regex::Regex;

use super::{Shape, first_line};

/// How fields are found in an event's text.
#[derive(Clone, Debug, Default)]
pub(crate) enum Parser {
    /// House format, JSON or logfmt, whichever it is.
    #[default]
    Auto,
    /// This one; a line in any other has no fields.
    Only(Format),
    /// There are none.
    Nothing,
    /// A pattern with named groups. `time` and `level` have their meaning; the others become metadata.
    Regexp(Captures),
}

/// A pattern and the names of its groups.
#[derive(Clone, Debug)]
pub(crate) struct Captures {
    regex: Regex,
    names: Vec<String>,
}

/// How the text of the time field is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// RFC 3339 and its relatives, or a number since the epoch.
    #[default]
    Usual,
    /// As in strftime: `%d/%b/%Y:%H:%M:%S %z`.
    Pattern(String),
}

/// What was found in one event.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    text: &'a str,
    found: Found<'a>,
    /// What the input says, each pair with the name that it is kept under; counts where the text says nothing.
    given: Vec<(Cow<'a, str>, &'a (String, String))>,
}

#[derive(Debug)]
enum Found<'a> {
    Nothing,
    Record(Box<Record<'a>>),
    Captures(Vec<(&'a str, Range<usize>)>),
}

impl Captures {
    pub(crate) fn new(pattern: &str) -> Result<Self, regex::Error> {
        let regex = Regex::new(pattern)?;
        let names = regex.capture_names().flatten().map(str::to_owned).collect();
        Ok(Self { regex, names })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}

impl<'a> Fields<'a> {
    pub(super) fn read(text: &'a str, shape: &'a Shape, given: &'a [(String, String)], reader: &'a Reader) -> Self {
        let given = given.iter().map(|pair| (ingest::clean_name(&pair.0), pair)).collect();
        Self { given, ..Self::of_text(text, shape, reader) }
    }

    /// Without what the input says.
    fn of_text(text: &'a str, shape: &'a Shape, reader: &'a Reader) -> Self {
        let found = match &shape.parser {
            Parser::Nothing => Found::Nothing,
            Parser::Auto | Parser::Only(_) => {
                let record = reader.read(first_line(text), &shape.context);
                match &shape.parser {
                    Parser::Only(format) if *format != record.format() => Found::Nothing,
                    _ => Found::Record(Box::new(record)),
                }
            }
            Parser::Regexp(pattern) => Found::captures(pattern, text),
        };
        Self { text, found, given: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.of(name).or_else(|| self.given(name).map(|(_, value)| value.as_str()))
    }

    /// What the text says.
    pub(super) fn of(&self, name: &str) -> Option<&str> {
        match &self.found {
            Found::Nothing => None,
            Found::Record(record) if name == "endpoint" => Some(record.endpoint()).filter(|text| !text.is_empty()),
            Found::Record(record) => record.get(name),
            Found::Captures(groups) => {
                groups.iter().find(|(known, _)| *known == name).and_then(|(_, span)| self.text.get(span.clone()))
            }
        }
    }

    /// The pair of the input by the name it came with, or by the one it is kept under.
    pub(super) fn given(&self, name: &str) -> Option<&'a (String, String)> {
        self.given.iter().find(|(kept, pair)| pair.0 == name || kept == name).map(|(_, pair)| *pair)
    }

    /// The level that the text or the input states or implies.
    pub(super) fn level(&self) -> Level {
        let given = || self.get("level").map_or(Level::Unknown, Level::parse);
        match &self.found {
            Found::Record(record) if record.format() != Format::Unknown => record.level(),
            Found::Record(record) => Some(given()).filter(|level| *level != Level::Unknown).unwrap_or(record.level()),
            Found::Nothing | Found::Captures(_) => given(),
        }
    }

    pub(super) fn time(&self, shape: &Shape) -> Option<Timestamp> {
        match (&shape.time_field, &self.found) {
            (Some(field), _) => shape.time_format.read(self.get(field)?, &shape.context.timezone),
            (None, Found::Record(record)) => record.time().map(|time| time.at),
            (None, Found::Captures(_)) => shape.time_format.read(self.get("time")?, &shape.context.timezone),
            (None, Found::Nothing) => None,
        }
    }

    /// What the groups of a pattern give, and where it stands: all but the time.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&'a str, &'a str, Range<usize>)> {
        let groups = if let Found::Captures(groups) = &self.found { groups.as_slice() } else { &[] };
        let kept = groups.iter().filter(|(name, span)| *name != "time" && !span.is_empty());
        kept.filter_map(|(name, span)| Some((*name, self.text.get(span.clone())?, span.clone())))
    }

    /// The fields of the same event in its masked text alone. Groups of a pattern stay as they are: what is masked may not
    /// match it.
    pub(super) fn masked<'m>(&self, masked: &'m str, shape: &'m Shape, reader: &'m Reader) -> Option<Fields<'m>> {
        let is_other = matches!(self.found, Found::Record(_)) && masked != self.text;
        is_other.then(|| Fields::of_text(masked, shape, reader))
    }
}

impl<'a> Found<'a> {
    fn captures(pattern: &'a Captures, text: &'a str) -> Self {
        let Some(captures) = pattern.regex.captures(text) else { return Self::Nothing };
        let pair = |name: &'a String| captures.name(name).map(|group| (name.as_str(), group.range()));
        Self::Captures(pattern.names.iter().filter_map(pair).collect())
    }
}

impl TimeFormat {
    /// Reads a time; without a zone in the text it is meant in `zone`.
    pub(super) fn read(&self, text: &str, zone: &TimeZone) -> Option<Timestamp> {
        let Self::Pattern(pattern) = self else { return LineTime::parse(text, zone).map(|time| time.at) };
        let time = strtime::parse(pattern, text).ok()?;
        if let Ok(timestamp) = time.to_timestamp() {
            return Some(timestamp.into());
        }
        zone.to_timestamp(time.to_datetime().ok()?).ok().map(Timestamp::from)
    }
}
