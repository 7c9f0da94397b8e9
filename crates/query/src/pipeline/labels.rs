//! The labels of one line while it travels through a pipeline: stream, structured metadata, parsed, and who wins.
//!
//! A name belongs to the stream before metadata before what a parser found; whoever loses is kept under
//! `<name>_extracted`, where the order is the opposite.

use std::ops::Range;

use logline::Labels;

/// Name of the label that says why a stage failed.
pub(crate) const ERROR: &str = "__error__";
/// Name of the label that says more about it.
pub(crate) const ERROR_DETAILS: &str = "__error_details__";
/// Added to the name of a label that lost to another.
const LOSER: &str = "_extracted";

/// Where a label's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Stream,
    Metadata,
    Parsed,
}

/// Why a stage failed on a line; the text of the label `__error__`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Json,
    Logfmt,
    Template,
    LabelFilter,
    Sample,
}

impl Failure {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSONParserErr",
            Self::Logfmt => "LogfmtParserErr",
            Self::Template => "TemplateFormatErr",
            Self::LabelFilter => "LabelFilterErr",
            Self::Sample => "SampleExtractionErr",
        }
    }
}

/// The labels of one line. Made once and [`LabelSet::reset`] for each line, so that nothing is allocated per line.
#[derive(Debug)]
pub(crate) struct LabelSet<'s> {
    stream: &'s Labels,
    /// Labels of the stream that a stage removed or overwrote.
    removed: Vec<usize>,
    added: Vec<Added>,
    /// Names and values of `added`.
    text: String,
    error: Option<Failure>,
    details: String,
}

#[derive(Clone, Debug)]
struct Added {
    name: Range<usize>,
    value: Range<usize>,
    source: Source,
}

impl<'s> LabelSet<'s> {
    pub(crate) const fn new(stream: &'s Labels) -> Self {
        Self {
            stream,
            removed: Vec::new(),
            added: Vec::new(),
            text: String::new(),
            error: None,
            details: String::new(),
        }
    }

    /// Starts over for a line of this stream.
    pub(crate) fn reset(&mut self, stream: &'s Labels) {
        self.stream = stream;
        self.removed.clear();
        self.added.clear();
        self.text.clear();
        self.error = None;
        self.details.clear();
    }

    /// The labels the line's stream had before any stage.
    pub(crate) const fn stream(&self) -> &'s Labels {
        self.stream
    }

    /// The value of a label, `__error__` included.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match name {
            ERROR => return self.error.map(Failure::name),
            ERROR_DETAILS => return (!self.details.is_empty()).then_some(self.details.as_str()),
            _ => {}
        }
        if let Some(added) = self.find(name) {
            return Some(self.slice(&added.value));
        }
        let index = self.position(name)?;
        if self.removed.contains(&index) { None } else { self.stream.get(name) }
    }

    /// Adds structured metadata; call it before any stage has run.
    pub(crate) fn add_metadata(&mut self, name: &str, value: &str) {
        match self.position(name) {
            Some(_) => {
                let renamed = format!("{name}{LOSER}");
                self.set(&renamed, value, Source::Metadata);
            }
            None => self.set(name, value, Source::Metadata),
        }
    }

    /// Adds what a parser found, under the name that is left for it; returns whether it got its own name. The first
    /// parser to find a name wins.
    pub(crate) fn extract(&mut self, name: &str, value: &str) -> bool {
        let known = self.find(name).map(|added| added.source);
        if self.position(name).is_some() || known == Some(Source::Metadata) {
            let renamed = format!("{name}{LOSER}");
            self.extract_as(&renamed, value);
            return false;
        }
        if known.is_none() && !name.starts_with("__") {
            self.push(name, value, Source::Parsed);
            return true;
        }
        self.extract_as(name, value)
    }

    fn extract_as(&mut self, name: &str, value: &str) -> bool {
        if self.find(name).is_some_and(|added| added.source == Source::Parsed) {
            return false;
        }
        self.set(name, value, Source::Parsed);
        true
    }

    /// Gives a label a value, whatever it had before.
    pub(crate) fn set(&mut self, name: &str, value: &str, source: Source) {
        self.remove(name);
        self.push(name, value, source);
    }

    /// Adds a label of a name that there is not.
    fn push(&mut self, name: &str, value: &str, source: Source) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.added.push(Added { name: start..middle, value: middle..self.text.len(), source });
    }

    /// Removes a label, wherever it came from.
    pub(crate) fn remove(&mut self, name: &str) {
        match name {
            ERROR => self.error = None,
            ERROR_DETAILS => self.details.clear(),
            _ => {
                if let Some(index) = self.added.iter().position(|added| self.slice(&added.name) == name) {
                    self.added.remove(index);
                }
                if let Some(index) = self.position(name)
                    && !self.removed.contains(&index)
                {
                    self.removed.push(index);
                }
            }
        }
    }

    /// Removes every label that `keep` refuses; the error labels stay.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let text = &self.text;
        let slice = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        self.added.retain(|added| keep(slice(&added.name), slice(&added.value)));
        for (index, (name, value)) in self.stream.iter().enumerate() {
            if !self.removed.contains(&index) && !keep(name, value) {
                self.removed.push(index);
            }
        }
    }

    /// Notes that a stage failed; the first details win as long as nobody resets them.
    pub(crate) fn fail(&mut self, failure: Failure, details: impl std::fmt::Display) {
        use std::fmt::Write as _;

        self.error = Some(failure);
        self.details.clear();
        write!(self.details, "{details}").expect("writing to a string cannot fail");
    }

    pub(crate) const fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Whether the labels are exactly those of the stream.
    pub(crate) fn is_untouched(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty() && self.error.is_none() && self.details.is_empty()
    }

    /// All labels with where they came from, in no particular order; errors count as parsed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, Source)> {
        let stream = self.stream.iter().enumerate().filter(|(index, _)| !self.removed.contains(index));
        let stream = stream.map(|(_, (name, value))| (name, value, Source::Stream));
        let added = self.added.iter().map(|added| (self.slice(&added.name), self.slice(&added.value), added.source));
        let error = self.error.map(|error| (ERROR, error.name(), Source::Parsed));
        let details = (!self.details.is_empty()).then_some((ERROR_DETAILS, self.details.as_str(), Source::Parsed));
        stream.chain(added).chain(error).chain(details)
    }

    /// Where a name stands among the labels of the stream, removed or not.
    fn position(&self, name: &str) -> Option<usize> {
        self.stream.iter().position(|(own, _)| own == name)
    }

    fn find(&self, name: &str) -> Option<&Added> {
        self.added.iter().find(|added| self.slice(&added.name) == name)
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
