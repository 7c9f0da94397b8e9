//! Rules that read facts out of free text: where a pattern stands in a line, its captures are facts of that line.

mod find;

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem::Finder;

use crate::aliases::{Target, is_fact};
use crate::reader::good_value;
use crate::{Entity, Kind, scan};

/// A piece of a rule's pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it must stand in the line.
    Literal(String),
    /// A fact by its name, or `None` for any text.
    Capture(Option<String>),
}

/// The rules of a configuration, in order: of those that fit a line the first reads it.
#[derive(Clone, Debug, Default)]
pub struct Extraction(Vec<Rule>);

/// What is read out of lines of some services.
#[derive(Clone, Debug)]
pub struct Rule {
    /// None for all services.
    services: Vec<String>,
    pieces: Vec<Piece>,
    /// The longest literal: a line without it is not looked at any further.
    literal: Finder<'static>,
    /// Captured facts: the name that is known, and what it stands for; by the number of the capture.
    captured: Vec<(String, Target)>,
    /// The same for every line.
    set: Vec<(String, Target, String)>,
}

/// A part of a pattern as lines are compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    /// One word: an id, a status, a number.
    Word(Option<usize>),
    /// Any text, as short as can be.
    Text(Option<usize>),
}

/// What a rule found in a text: each fact by its name, with where it stands or what it always is.
#[derive(Debug)]
pub(crate) struct Finding<'r> {
    rule: &'r Rule,
    spans: Vec<Range<usize>>,
}

impl Rule {
    /// A rule for lines of these services, or of all when there are none. Texts begin and end anywhere in a line.
    ///
    /// # Errors
    ///
    /// Everything that is wrong: whether it is about `pattern` or `set.NAME`, and what.
    pub fn new(
        services: Vec<String>,
        parts: Vec<Part>,
        set: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<(String, String)>> {
        let set: Vec<(String, String)> = set.into_iter().collect();
        let names: Vec<&str> = parts.iter().filter_map(Part::name).collect();
        let problems = problems(&parts, &names, &set);
        if !problems.is_empty() {
            return Err(problems);
        }
        let captured = names.iter().map(|name| ((*name).to_owned(), Target::of(name))).collect();
        let changes = names.contains(&"to") || set.iter().any(|(name, _)| name == "to");
        let kind = (changes && !names.contains(&"kind") && !set.iter().any(|(name, _)| name == "kind"))
            .then(|| ("kind".to_owned(), Kind::Status.as_str().to_owned()));
        let set = set.into_iter().chain(kind).map(|(name, value)| {
            let target = Target::of(&name);
            (name, target, value)
        });
        let longest = parts.iter().filter_map(Part::literal).max_by_key(|literal| literal.len()).unwrap_or_default();
        let literal = Finder::new(longest).into_owned();
        Ok(Self { services, set: set.collect(), captured, literal, pieces: pieces(parts) })
    }

    fn is_for(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|known| known == service)
    }

    fn find(&self, text: &str) -> Option<Vec<Range<usize>>> {
        self.literal.find(text.as_bytes())?;
        find::find(&self.pieces, self.captured.len(), text)
    }
}

impl Part {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Capture(name) => name.as_deref(),
            Self::Literal(_) => None,
        }
    }

    fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Capture(_) => None,
        }
    }
}

impl Extraction {
    /// Whether there is no rule.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the first rule that fits reads out of a text.
    pub(crate) fn find(&self, service: &str, text: &str) -> Option<Finding<'_>> {
        let mut fitting = self.0.iter().filter(|rule| rule.is_for(service));
        fitting.find_map(|rule| rule.find(text).map(|spans| Finding { rule, spans }))
    }
}

impl FromIterator<Rule> for Extraction {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl<'r> Finding<'r> {
    /// The facts: name, target and value. What was captured is cut out of `text`, the text that was looked at.
    pub(crate) fn facts<'t>(&self, text: &Cow<'t, str>) -> Vec<(&'r str, &'r Target, Cow<'t, str>)>
    where
        'r: 't,
    {
        let cut = |span: &Range<usize>| match text {
            Cow::Borrowed(text) => Cow::Borrowed(scan::cut(text, span.start, span.end)),
            Cow::Owned(text) => Cow::Owned(scan::cut(text, span.start, span.end).to_owned()),
        };
        let captured = self.rule.captured.iter().zip(&self.spans);
        let captured = captured.map(|((name, target), span)| (name.as_str(), target, cut(span)));
        let set = &self.rule.set;
        let set = set.iter().map(|(name, target, value)| (name.as_str(), target, Cow::Borrowed(value.as_str())));
        captured.chain(set).collect()
    }
}

fn pieces(parts: Vec<Part>) -> Vec<Piece> {
    let mut captures = 0;
    let mut piece = |part| match part {
        Part::Literal(text) => Piece::Literal(text.into()),
        Part::Capture(None) => Piece::Text(None),
        Part::Capture(Some(name)) => {
            captures += 1;
            let index = Some(captures - 1);
            if is_text(&name) { Piece::Text(index) } else { Piece::Word(index) }
        }
    };
    parts.into_iter().map(&mut piece).collect()
}

/// Whether the value of a fact may have spaces in it.
fn is_text(fact: &str) -> bool {
    matches!(fact, "time" | "endpoint" | "error" | "msg" | "headers" | "body")
}

/// What is wrong with a rule.
fn problems(parts: &[Part], names: &[&str], set: &[(String, String)]) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut tell = |place: &str, text: String| problems.push((place.to_owned(), text));
    if parts.iter().all(|part| part.literal().is_none_or(|text| text.trim().is_empty())) {
        tell("pattern", "has no text beside its captures, so that it would fit any line".to_owned());
    }
    for name in parts.iter().filter_map(Part::literal).flat_map(mistyped) {
        tell("pattern", format!("has `{name}`, which is no capture; write `<{}>`", fact_of(&name)));
    }
    for name in names.iter().filter(|name| !can_be_read(name)) {
        tell("pattern", format!("captures `{name}`, which {}", no_fact()));
    }
    for (name, value) in set {
        let place = format!("set.{name}");
        if !can_be_read(name) {
            tell(&place, no_fact());
        } else if names.contains(&name.as_str()) {
            tell(&place, "is captured by the pattern as well; take it out of one".to_owned());
        } else if !good_value(name, value) {
            tell(&place, format!("is `{value}`, which is no value of it"));
        }
    }
    let has = |fact: &str| names.contains(&fact) || set.iter().any(|(name, _)| name == fact);
    let all = || names.iter().copied().chain(set.iter().map(|(name, _)| name.as_str()));
    let status = ["to", "from", "status"].into_iter().find(|fact| has(fact));
    if let Some(status) = status.filter(|_| !all().any(|name| Entity::of_field(name, "1").is_some())) {
        tell(
            "pattern",
            format!(
                "has `{status}` but does not say of which order or object: capture `<order_id>`, or the id of another type such as `<model_id>`"
            ),
        );
    }
    let object = set.iter().find(|(name, value)| name == "endpoint" && is_object(value)).map(|(_, object)| object);
    let told = set.iter().any(|(name, kind)| name == "kind" && Kind::parse(kind) == Some(Kind::Status));
    if let Some(object) = object.filter(|object| (told || has("to")) && !has(&format!("{object}_id"))) {
        tell("set.endpoint", format!("is `{object}`, whose id the rule does not tell; capture `<{object}_id>`"));
    }
    if names.is_empty() {
        tell("pattern", "captures no fact; want such as `Order <order_id> moved to <to>`".to_owned());
    }
    problems
}

/// Names of facts with a bracket on one side only, or with letters that no capture has: `<to`, `order_id>`, `<order-id>`.
fn mistyped(literal: &str) -> Vec<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut found = Vec::new();
    for (at, bracket) in literal.match_indices(['<', '>']) {
        let (before, after) = (scan::cut(literal, 0, at), scan::cut(literal, at + 1, literal.len()));
        let name = if bracket == "<" {
            let end = after.find(|c| !is_of_name(c)).unwrap_or(after.len());
            let closed = if scan::cut(after, end, after.len()).starts_with('>') { ">" } else { "" };
            format!("<{}{closed}", scan::cut(after, 0, end))
        } else {
            let start = before.trim_end_matches(is_of_name).len();
            if scan::cut(before, 0, start).ends_with(['<', '/']) {
                continue;
            }
            format!("{}>", scan::cut(before, start, before.len()))
        };
        if can_be_read(&fact_of(&name)) {
            found.push(name);
        }
    }
    found
}

/// The fact that a mistyped capture means.
fn fact_of(mistyped: &str) -> String {
    mistyped.trim_matches(['<', '>']).to_ascii_lowercase().replace(['-', '.'], "_")
}

/// Whether the endpoint of a STATUS line names a type of object.
fn is_object(endpoint: &str) -> bool {
    !endpoint.contains([' ', '/'])
}

fn can_be_read(fact: &str) -> bool {
    fact != "*" && is_fact(fact)
}

fn no_fact() -> String {
    let known = crate::aliases::DEFAULTS.iter().map(|(fact, _)| *fact).filter(|fact| *fact != "*");
    format!("is no fact; there are {}, rating, and TYPE_id of any type", known.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
