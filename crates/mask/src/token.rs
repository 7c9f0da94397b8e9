//! Tokens: equal values become equal, and nobody without the key can find out which value it was.

use std::fmt;

use crate::{Error, Rule};

/// A secret from which tokens are made, by way of one derived key per rule, so that a phone never equals a card.
#[derive(Clone)]
pub struct TokenKey {
    version: u16,
    secret: Vec<u8>,
}

impl TokenKey {
    /// Makes a key from at least 16 secret bytes. `version` stands in each token, so that a key can be changed.
    pub fn new(version: u16, secret: &[u8]) -> Result<Self, Error> {
        if secret.len() < 16 {
            return Err(Error::ShortTokenKey(secret.len()));
        }
        Ok(Self { version, secret: secret.to_vec() })
    }

    /// What stands in each token of this key.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The token of a value under a built-in rule, in any spelling: `<phone:v1:5e884898da280471>`.
    pub fn token(&self, rule: Rule, value: &str) -> String {
        self.of_class(rule.name()).token(rule.name(), Some(rule), value)
    }

    /// The key of one class of values.
    pub(crate) fn of_class(&self, class: &str) -> ClassKey {
        let key = blake3::derive_key(&format!("lapidary mask token {class}"), &self.secret);
        ClassKey { version: self.version, key }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey(v{})", self.version)
    }
}

/// A derived key, good for the values of one rule only.
#[derive(Clone)]
pub(crate) struct ClassKey {
    version: u16,
    key: [u8; 32],
}

impl ClassKey {
    /// 64 bits of a keyed hash over the normal form of a value; `rule` is none for a rule of one's own.
    pub(crate) fn token(&self, class: &str, rule: Option<Rule>, value: &str) -> String {
        let hash = blake3::keyed_hash(&self.key, normal_form(rule, value).as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        format!("<{class}:v{}:{:016x}>", self.version, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Debug for ClassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassKey(v{})", self.version)
    }
}

/// One spelling for all ways to write the same value: digits only, `8…` and ten digits of a phone as `7…`, else small
/// letters with one blank between words.
fn normal_form(rule: Option<Rule>, value: &str) -> String {
    let view = crate::view::View::of(value, 0);
    let value = view.as_ref().map_or(value, |view| view.text());
    let digits = || value.chars().filter(char::is_ascii_digit).collect::<String>();
    match rule {
        Some(Rule::Card | Rule::Passport | Rule::Snils | Rule::Inn) => digits(),
        Some(Rule::Phone) => phone(value, digits()),
        Some(Rule::Iban) => value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase(),
        _ => value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
    }
}

fn phone(value: &str, digits: String) -> String {
    if value.trim_start().starts_with('+') {
        return digits;
    }
    match (digits.len(), digits.strip_prefix('8')) {
        (11, Some(rest)) => format!("7{rest}"),
        (10, _) if digits.starts_with('9') => format!("7{digits}"),
        _ => digits,
    }
}
