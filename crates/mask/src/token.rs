//! Tokens: equal values become equal, and nobody without the key can find out which value it was.

use std::fmt;

use crate::{Error, Rule};

/// The secret from which tokens are made, one derived key per rule so that a phone never equals a card.
#[derive(Clone)]
pub struct TokenKey {
    version: u16,
    keys: [[u8; 32]; Rule::ALL.len()],
}

impl TokenKey {
    /// Makes a key from at least 16 secret bytes. `version` stands in each token, so that a key can be changed.
    pub fn new(version: u16, secret: &[u8]) -> Result<Self, Error> {
        if secret.len() < 16 {
            return Err(Error::ShortTokenKey(secret.len()));
        }
        let keys = Rule::ALL.map(|rule| blake3::derive_key(&format!("lapidary mask token {}", rule.name()), secret));
        Ok(Self { version, keys })
    }

    /// The token of a value: 64 bits of a keyed hash over its normal form.
    pub fn token(&self, rule: Rule, value: &str) -> String {
        let normal = normal_form(rule, value);
        let hash = blake3::keyed_hash(&self.keys[rule.index()], normal.as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        format!("<{}:v{}:{:016x}>", rule.name(), self.version, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey(v{})", self.version)
    }
}

/// One spelling for all ways to write the same value: digits only, `8…` and ten digits as `7…`, e-mail in small letters.
fn normal_form(rule: Rule, value: &str) -> String {
    let value = crate::decode::decoded(value);
    if rule == Rule::Email {
        return value.to_lowercase();
    }
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    match (rule, digits.len(), digits.strip_prefix('8')) {
        (Rule::Phone, 11, Some(rest)) if !value.starts_with('+') => format!("7{rest}"),
        (Rule::Phone, 10, _) if digits.starts_with('9') && !value.starts_with('+') => format!("7{digits}"),
        _ => digits,
    }
}
