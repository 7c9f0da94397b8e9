//! What the masker is told: which rules, which key names, rules of one's own, and the keys of the tokens.

use std::sync::Arc;

use crate::{OwnRule, Rule, Seal, TokenKey};

/// The settings of a [`Masker`](crate::Masker). The default has every rule on but `ip`, and makes markers without a key.
#[derive(Clone, Debug)]
pub struct Config {
    /// The built-in rules that are on.
    pub rules: Vec<Rule>,
    /// Key names whose values are secrets, beside the built-in ones; case, `_`, `-` and `.` do not matter.
    pub secret_keys: Vec<String>,
    /// Key names whose plain numbers are never personal, beside the built-in ones.
    pub id_keys: Vec<String>,
    /// Rules of one's own, and other actions for the built-in ones; see [`OwnRule::parse`].
    pub own: Vec<OwnRule>,
    /// The first makes the tokens; the others are kept to find what was masked before it came. Without any, markers such
    /// as `<email>` are written.
    pub token_keys: Vec<TokenKey>,
    /// Closes values up for rules whose action is [`Action::Seal`](crate::Action::Seal).
    pub sealer: Option<Arc<dyn Seal>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules: Rule::defaults(),
            secret_keys: Vec::new(),
            id_keys: Vec::new(),
            own: Vec::new(),
            token_keys: Vec::new(),
            sealer: None,
        }
    }
}

/// Why a configuration makes no masker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value that has no token, since the rule would not find it.
    #[error(
        "`{0}` would not find this value: it must be one line, in the form of the rule, with the right check digits"
    )]
    NoValueOf(String),
    /// A name in `secret_keys` or `id_keys` has no letter or digit.
    #[error("`{0}` is not a key name")]
    KeyName(String),
    /// The key of the tokens is too short to be safe.
    #[error("token key has {0} bytes, want at least 16")]
    ShortTokenKey(usize),
    /// A document of rules is not what it should be.
    #[error("the rules cannot be read: {0}")]
    Document(String),
    /// A rule of one's own makes no sense, or fails one of its own tests.
    #[error("rule `{id}` {problem}")]
    Own {
        /// The rule.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
}
