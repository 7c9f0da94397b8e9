//! What the masker is told: which rules, which key names, and the key of the tokens.

use serde::{Deserialize, Serialize};

use crate::{Rule, TokenKey};

/// The settings of a [`Masker`](crate::Masker). The default has every rule on and makes markers without a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The rules that are on.
    pub rules: Vec<Rule>,
    /// Key names whose values are secrets, beside the built-in ones; case, `_`, `-` and `.` do not matter.
    pub secret_keys: Vec<String>,
    /// Key names whose plain numbers are neither phones nor cards, beside the built-in ones.
    pub id_keys: Vec<String>,
    /// With a key, e-mails, phones and cards become tokens such as `<card:v1:5e884898da280471>`, equal for equal values.
    #[serde(skip)]
    pub token_key: Option<TokenKey>,
}

impl Default for Config {
    fn default() -> Self {
        Self { rules: Rule::ALL.to_vec(), secret_keys: Vec::new(), id_keys: Vec::new(), token_key: None }
    }
}

/// Why a configuration makes no masker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name in `secret_keys` or `id_keys` has no letter or digit.
    #[error("`{0}` is not a key name")]
    KeyName(String),
    /// The key of the tokens is too short to be safe.
    #[error("token key has {0} bytes, want at least 16")]
    ShortTokenKey(usize),
}
