//! `|= "a" or "b"` and its siblings, for the lines that the scan did not filter.

use logql::PatternPart;
use logql::ast::{self};
use memchr::memmem::Finder;
use regex_automata::meta::Regex;

use super::{Row, Stage, ip, pattern};

/// Keeps a line that has one of the needles or, when negated, none of them.
#[derive(Debug)]
pub(crate) struct LineFilter {
    negated: bool,
    needles: Vec<Needle>,
}

#[derive(Debug)]
enum Needle {
    Text(Box<Finder<'static>>),
    Regex(Box<Regex>),
    Pattern(Vec<PatternPart>),
    Ip(logql::IpSet),
}

impl LineFilter {
    pub(crate) fn new(filter: &ast::LineFilter) -> Self {
        let needles = filter.needles.iter().map(|needle| match needle {
            ast::Needle::Text(text) => Needle::Text(Box::new(Finder::new(text).into_owned())),
            ast::Needle::Regex(regex) => Needle::Regex(Box::new(regex.searcher())),
            ast::Needle::Pattern(pattern) => Needle::Pattern(pattern.parts().to_vec()),
            ast::Needle::Ip(set) => Needle::Ip(set.clone()),
        });
        Self { negated: filter.negated, needles: needles.collect() }
    }
}

impl Needle {
    fn stands_in(&self, line: &str) -> bool {
        match self {
            Self::Text(finder) => finder.find(line.as_bytes()).is_some(),
            Self::Regex(regex) => regex.is_match(line.as_bytes()),
            Self::Pattern(parts) => pattern::matches(parts, line),
            Self::Ip(set) => ip::stands_in(set, line),
        }
    }
}

impl Stage for LineFilter {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        self.needles.iter().any(|needle| needle.stands_in(&row.line)) != self.negated
    }
}
