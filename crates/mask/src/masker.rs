//! The masker: finds hits and writes the text anew with each one replaced.

use std::borrow::Cow;

use crate::keys::Keys;
use crate::scan::Scan;
use crate::{Config, Counts, Error, Hit, Rule, TokenKey};

/// How often the result of masking is masked again at most.
const MAX_ROUNDS: usize = 4;

/// Replaces personal data and secrets in text. Cheap to share by reference between threads.
#[derive(Clone, Debug)]
pub struct Masker {
    keys: Keys,
    rules: [bool; Rule::ALL.len()],
    token_key: Option<TokenKey>,
}

impl Masker {
    /// Builds a masker; fails on a key name that could match nothing.
    pub fn new(config: Config) -> Result<Self, Error> {
        let keys = Keys::new(&config.secret_keys, &config.id_keys)?;
        let mut rules = [false; Rule::ALL.len()];
        for rule in config.rules {
            rules[rule.index()] = true;
        }
        Ok(Self { keys, rules, token_key: config.token_key })
    }

    /// The text with every hit replaced; borrowed, without any allocation, when there is none.
    /// `mask(mask(x)) == mask(x)`.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.mask_with_counts(text, &mut Counts::default())
    }

    /// As [`mask`](Self::mask), and adds the hits to `counts`.
    pub fn mask_with_counts<'a>(&self, text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        self.settle(self.apply(text, &self.hits(text), counts), counts)
    }

    /// Where the rules hit, in order and without overlaps; for those who only want to know.
    pub fn hits(&self, text: &str) -> Vec<Hit> {
        Scan::new(text, &self.keys, &self.rules).run()
    }

    /// Masks the value of a known key, as it stands in labels, metadata or headers, outside of any text.
    pub fn mask_value<'a>(&self, key: &str, value: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        if self.rules[Rule::Secret.index()] && self.is_secret_key(key) && value != Rule::Secret.marker() {
            counts.add(Rule::Secret);
            return Cow::Borrowed(Rule::Secret.marker());
        }
        let masked = self.apply(value, &Scan::new(value, &self.keys, &self.rules).under(key).run(), counts);
        self.settle(masked, counts)
    }

    /// Whether a key's name says that its value is a secret.
    pub fn is_secret_key(&self, key: &str) -> bool {
        self.keys.is_secret(key)
    }

    /// The names of the rules that are on.
    pub fn rule_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        Rule::ALL.into_iter().filter(|rule| self.rules[rule.index()]).map(Rule::name)
    }

    /// What replacements have brought to light is replaced too, until nothing is found. A text that never settles is
    /// given up as a whole.
    fn settle<'a>(&self, mut masked: Cow<'a, str>, counts: &mut Counts) -> Cow<'a, str> {
        for _ in 0..MAX_ROUNDS {
            let Cow::Owned(text) = &masked else { return masked };
            let hits = self.hits(text);
            if hits.is_empty() {
                return masked;
            }
            masked = Cow::Owned(self.apply(text, &hits, counts).into_owned());
        }
        Cow::Owned(format!("[MASK-ERROR len={}]", masked.len()))
    }

    fn apply<'a>(&self, text: &'a str, hits: &[Hit], counts: &mut Counts) -> Cow<'a, str> {
        if hits.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for hit in hits {
            counts.add(hit.rule);
            out.push_str(text.get(from..hit.span.start).unwrap_or_default());
            self.write_replacement(&mut out, text, hit);
            from = hit.span.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(out)
    }

    fn write_replacement(&self, out: &mut String, text: &str, hit: &Hit) {
        let quote = |out: &mut String| {
            if let Some(depth) = hit.quote {
                out.extend(std::iter::repeat_n('\\', depth));
                out.push('"');
            }
        };
        quote(out);
        match &self.token_key {
            Some(key) if hit.rule.is_tokenised() => {
                out.push_str(&key.token(hit.rule, text.get(hit.span.clone()).unwrap_or_default()));
            }
            _ => out.push_str(hit.rule.marker()),
        }
        quote(out);
    }
}

#[cfg(test)]
mod tests;
