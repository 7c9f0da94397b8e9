//! What becomes of a hit.

use std::borrow::Cow;

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
            _ => Cow::Borrowed(&self.marker),
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

    pub(crate) fn is_on(&self, rule: Rule) -> bool {
        self.of(rule).is_on
    }

    /// Whether a rule has this name, so that `<name>` is a marker.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|treatment| treatment.name.as_ref())
    }
}
