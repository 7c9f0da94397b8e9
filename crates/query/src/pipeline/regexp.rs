//! `| regexp "(?P<name>…)"`: the named captures of the first match become labels.

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;

use super::{Row, Stage, Wanted};

/// Extracts named captures; a line without a match gets no labels and no error.
#[derive(Debug)]
pub(crate) struct Regexp {
    regex: Regex,
    captures: Captures,
    /// Number and name of the captures that are wanted.
    names: Vec<(usize, String)>,
}

impl Regexp {
    pub(crate) fn new(regex: &logql::Regex, wanted: &Wanted) -> Self {
        let regex = regex.searcher();
        let captures = regex.create_captures();
        let named = captures.group_info().all_names().filter_map(|(_, index, name)| Some((index, name?)));
        let names = named.filter(|(_, name)| wanted.has(name)).map(|(index, name)| (index, name.to_owned())).collect();
        Self { regex, captures, names }
    }
}

impl Stage for Regexp {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        if self.names.is_empty() {
            return true;
        }
        self.regex.captures(row.line.as_bytes(), &mut self.captures);
        if self.captures.is_match() {
            for (index, name) in &self.names {
                let span = self.captures.get_group(*index);
                row.labels.extract(name, span.and_then(|span| row.line.get(span.range())).unwrap_or_default());
            }
        }
        true
    }
}
