//! Rules of one's own, as they stand in a document:
//!
//! ```toml
//! [[rule]]
//! id = "contract"
//! pattern = '\b[A-Z]{2}-\d{6}\b'
//! context = ["contract", "договор"]   # one of these words within 40 bytes before
//! action = { keep_last = 2 }
//!
//! [rule.tests]
//! match = ["договор AB-123456"]
//! no_match = ["part AB-123456"]
//!
//! [[rule]]
//! id = "salary"
//! keys = ["salary", "оклад"]
//! action = "drop_field"
//!
//! [[rule]]
//! id = "card"                         # a built-in rule: only what becomes of its hits
//! action = { keep_last = 4 }
//! ```

mod patterns;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::{Action, Error, Rule, Validator};

pub(crate) use patterns::{Overrun, Patterns};

/// A rule of one's own, or another action for a built-in one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    pub(crate) id: String,
    pub(crate) pattern: Option<String>,
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    pub(crate) validator: Option<Validator>,
    #[serde(default)]
    pub(crate) context: Vec<String>,
    #[serde(default = "default_within")]
    pub(crate) within: usize,
    pub(crate) action: Option<Action>,
    pub(crate) replace: Option<String>,
    #[serde(default)]
    pub(crate) tests: Tests,
    /// Where it stands in its document, from 1 on.
    #[serde(skip)]
    pub(crate) line: usize,
}

/// Texts in which a rule must find something, and texts in which it must not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tests {
    #[serde(default, rename = "match")]
    pub(crate) hits: Vec<String>,
    #[serde(default, rename = "no_match")]
    pub(crate) misses: Vec<String>,
}

const MAX_RULES: usize = 200;
const MAX_KEPT: usize = 5;
const MAX_WITHIN: usize = 1_000;

fn default_within() -> usize {
    40
}

impl OwnRule {
    /// Reads a document of rules; fails with the first problem. Whether they work is seen when a
    /// [`Masker`](crate::Masker) is made of them.
    pub fn parse(document: &str) -> Result<Vec<Self>, Error> {
        let (rules, problems) = Self::parse_all(document);
        problems.into_iter().next().map_or(Ok(rules), Err)
    }

    /// Reads a document of rules: those that can be read, and what is wrong with the others.
    pub fn parse_all(document: &str) -> (Vec<Self>, Vec<Error>) {
        let line = |at: usize| document.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let wrong = |at: usize, problem: &str| Error::Document(format!("line {}: {problem}", line(at)));
        let told = |error: &toml::de::Error, at| wrong(error.span().map_or(at, |span| span.start), error.message());
        let (table, broken) = DeTable::parse_recoverable(document);
        let mut problems: Vec<_> = broken.iter().map(|error| told(error, 0)).collect();
        let mut rules = Vec::new();
        for (key, value) in table.into_inner() {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            match value.into_inner() {
                DeValue::Array(items) if name == "rule" => {
                    for item in items {
                        let at = item.span().start;
                        match Self::deserialize(ValueDeserializer::from(item)) {
                            Ok(rule) => rules.push(Self { line: line(at), ..rule }),
                            Err(error) => problems.push(told(&error, at)),
                        }
                    }
                }
                _ if name == "rule" => problems.push(wrong(at, "want `[[rule]]`")),
                _ => problems.push(wrong(at, &format!("unknown field `{name}`, expected `rule`"))),
            }
        }
        (rules, problems)
    }

    /// Where the rule stands in its document, from 1 on.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The built-in rule that it changes.
    pub(crate) fn built_in(&self) -> Option<Rule> {
        Rule::named(&self.id)
    }

    pub(crate) fn wrong(&self, problem: impl Into<String>) -> Error {
        Error::Own { id: self.id.clone(), problem: problem.into() }
    }

    /// What becomes of its hits, unless that is left as it is.
    pub(crate) fn action(&self) -> Option<Action> {
        self.action.clone().or_else(|| self.replace.is_some().then_some(Action::Replace))
    }

    /// Checks what can be seen without running it.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !self.id.starts_with(|c: char| c.is_ascii_lowercase()) || !self.id.chars().all(of_name) || self.id.len() > 40
        {
            return Err(self.wrong("needs an id of small letters, digits and `_`, a letter first, at most 40"));
        }
        if self.built_in().is_some() {
            if self.pattern.is_some() || !self.keys.is_empty() || self.validator.is_some() || !self.context.is_empty() {
                return Err(self.wrong("is built in: only `action`, `replace` and `tests` can be set"));
            }
        } else if self.pattern.is_none() == self.keys.is_empty() {
            return Err(self.wrong("needs either a `pattern` or `keys`"));
        } else if self.pattern.is_none() && (self.validator.is_some() || !self.context.is_empty()) {
            return Err(self.wrong("goes by keys, so neither `validator` nor `context` can be set"));
        }
        match self.action {
            Some(Action::KeepLast(kept)) if !(1..=MAX_KEPT).contains(&kept) => {
                return Err(self.wrong(format!("keeps the last {kept}, but may keep 1 to {MAX_KEPT}")));
            }
            _ => {}
        }
        let plain =
            |text: &str| text.len() <= 64 && !text.contains(['"', '\'', '\\']) && !text.contains(char::is_control);
        if self.replace.as_deref().is_some_and(|text| !plain(text)) {
            return Err(
                self.wrong("needs a `replace` of at most 64 bytes without quotes, backslashes and control characters")
            );
        }
        if self.replace.is_some() && !matches!(self.action, None | Some(Action::Replace)) {
            return Err(self.wrong("has a `replace` beside another `action`"));
        }
        if self.context.iter().any(String::is_empty) || !(1..=MAX_WITHIN).contains(&self.within) {
            return Err(self.wrong(format!("needs context words that are not empty, `within` 1 to {MAX_WITHIN} bytes")));
        }
        Ok(())
    }
}

/// What is wrong with rules, as far as that shows without running them, by their places; none if it is about all of them.
pub(crate) fn problems(rules: &[OwnRule], can_seal: bool) -> Vec<(Option<usize>, Error)> {
    if rules.len() > MAX_RULES {
        return vec![(None, Error::Document(format!("there are {} rules, want at most {MAX_RULES}", rules.len())))];
    }
    let check = |(index, rule): (usize, &OwnRule)| {
        rule.check()?;
        patterns::check(rule)?;
        if rules[..index].iter().any(|other| other.id == rule.id) {
            return Err(rule.wrong("stands there twice"));
        }
        if rule.action() == Some(Action::Seal) && !can_seal {
            return Err(rule.wrong("seals its hits, but there is no `seal_key`"));
        }
        Ok(())
    };
    let each = rules.iter().enumerate().map(|(index, rule)| (Some(index), check((index, rule))));
    each.filter_map(|(index, checked)| Some((index, checked.err()?))).collect()
}

#[cfg(test)]
mod tests;
