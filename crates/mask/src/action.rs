//! What becomes of a hit.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::rule::RuleId;
use crate::token::ClassKey;
use crate::{Rule, TokenKey};

/// What becomes of a hit of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The whole line goes. Where no line can go, as in a label, the whole text is replaced by the marker.
    DropLine,
    /// The key and its value go, if the hit is the whole value of a key; else it is replaced by the marker.
    DropField,
    /// A fixed text stands in its place: the rule's marker, such as `<email>`, unless another is given.
    Replace,
    /// So many of its last letters and digits stay, at most five: `<card:*1111>`.
    KeepLast(usize),
    /// Equal values become equal tokens, `<card:v1:…>`; the marker while there is no key.
    Token,
    /// A token that also holds the value, closed up for whoever has the private key: `<card:v1:…:s1:…>`.
    Seal,
}

/// Closes values up, so that only the holder of a private key can read them again. Keeps no secret itself.
pub trait Seal: fmt::Debug + Send + Sync {
    /// A version and the closed value, as they stand in a marker: `s1:` and an even number of letters from `a` to `p`,
    /// 128 at least. None if the value is too long, or it cannot be done: then the value is as good as gone.
    fn seal(&self, rule: &str, value: &str) -> Option<String>;
}

/// A rule as a masker applies it.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    pub(crate) name: Cow<'static, str>,
    pub(crate) is_on: bool,
    pub(crate) action: Action,
    /// What stands in place of a hit of which nothing else is told.
    pub(crate) marker: Cow<'static, str>,
    rule: Option<Rule>,
    key: Option<ClassKey>,
    pub(crate) sealer: Option<Arc<dyn Seal>>,
}

impl Treatment {
    /// Of a built-in rule, as it is without further settings.
    pub(crate) fn built_in(rule: Rule, is_on: bool, key: Option<&TokenKey>) -> Self {
        let action = if rule.is_tokenised() { Action::Token } else { Action::Replace };
        Self {
            name: rule.name().into(),
            is_on,
            action,
            marker: rule.marker().into(),
            rule: Some(rule),
            key: key.map(|key| key.of_class(rule.name())),
            sealer: None,
        }
    }

    /// Of a rule of one's own.
    pub(crate) fn own(name: &str, action: Action, key: Option<&TokenKey>) -> Self {
        Self {
            name: name.to_owned().into(),
            is_on: true,
            action,
            marker: format!("<{name}>").into(),
            rule: None,
            key: key.map(|key| key.of_class(name)),
            sealer: None,
        }
    }

    /// What stands in place of this value.
    pub(crate) fn replacement(&self, value: &str) -> Cow<'_, str> {
        match (&self.action, &self.key) {
            (Action::Token, Some(key)) => key.token(&self.name, self.rule, value).into(),
            (Action::KeepLast(count), _) => {
                let mut last: Vec<char> = value.chars().rev().filter(|c| c.is_alphanumeric()).take(*count).collect();
                last.reverse();
                format!("<{}:*{}>", self.name, String::from_iter(last)).into()
            }
            (Action::Seal, _) => self.sealed(value).into(),
            _ => Cow::Borrowed(&self.marker),
        }
    }

    /// What holds the value, closed up; the token or the marker alone if it cannot be done.
    fn sealed(&self, value: &str) -> String {
        let open = match &self.key {
            Some(key) => key.token(&self.name, self.rule, value),
            None => format!("<{}>", self.name),
        };
        let sealed = self.sealer.as_ref().and_then(|sealer| sealer.seal(&self.name, value));
        match (open.strip_suffix('>'), sealed) {
            (Some(open), Some(sealed)) => format!("{open}:{sealed}>"),
            _ => open,
        }
    }
}

/// The treatments of a masker, by rule.
#[derive(Clone, Debug)]
pub(crate) struct Treatments(pub(crate) Vec<Treatment>);

impl Treatments {
    pub(crate) fn of(&self, rule: impl Into<RuleId>) -> &Treatment {
        let RuleId(index) = rule.into();
        &self.0[index]
    }

    /// Whether a rule has this name, so that `<name>` is a marker.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|treatment| treatment.name.as_ref())
    }
}
