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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rule: Vec<OwnRule>,
}

const MAX_RULES: usize = 200;
const MAX_KEPT: usize = 5;
const MAX_WITHIN: usize = 1_000;

fn default_within() -> usize {
    40
}

impl OwnRule {
    /// Reads a document of rules. Whether they work is seen when a [`Masker`](crate::Masker) is made of them.
    pub fn parse(document: &str) -> Result<Vec<Self>, Error> {
        let parsed: Document = toml::from_str(document).map_err(|error| {
            let before = error.span().and_then(|span| document.get(..span.start)).unwrap_or_default();
            Error::Document(format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
        })?;
        Ok(parsed.rule)
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

/// Checks each rule and that no two have one name.
pub(crate) fn check(rules: &[OwnRule]) -> Result<(), Error> {
    if rules.len() > MAX_RULES {
        return Err(Error::Document(format!("there are {} rules, want at most {MAX_RULES}", rules.len())));
    }
    for (index, rule) in rules.iter().enumerate() {
        rule.check()?;
        if rules[..index].iter().any(|other| other.id == rule.id) {
            return Err(rule.wrong("stands there twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
