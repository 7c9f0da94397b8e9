//! Values that stand under a name outside of any text: in labels, metadata and headers.

use std::borrow::Cow;

use super::Masker;
use crate::Counts;
use crate::keys::{Class, Writing};
use crate::scan::{Scan, is_told_by_key};

/// Fewer digits are no number that words beside it might tell.
const MIN_TOLD_DIGITS: usize = 9;
/// Bytes of a value that may be a word about another one.
const MAX_WORD_BYTES: usize = 48;
/// Bytes of words about a value.
const MAX_WORDS_BYTES: usize = 1024;

impl Masker {
    /// Masks the value of a known key, as it stands in labels, metadata or headers, outside of any text.
    pub fn mask_value<'a>(&self, key: &str, value: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        let class = self.rules.keys.class(key, Writing::Field);
        if class == Some(Class::Id) && self.patterns.is_none() && is_plain_id(value) {
            return Cow::Borrowed(value);
        }
        let Some(rule) = class.and_then(|class| is_told_by_key(class, &self.rules.treatments)) else {
            return self.kept(self.outcome(value, Some(key), counts));
        };
        let treatment = self.rules.treatments.of(rule);
        if value.is_empty() || Scan::new(value, None, &self.rules).is_masked_by(&treatment.name) {
            return Cow::Borrowed(value);
        }
        let replacement = treatment.replacement(value).into_owned();
        if replacement == value {
            return Cow::Borrowed(value);
        }
        counts.add(&treatment.name);
        Cow::Owned(replacement)
    }

    /// As [`mask_value`](Self::mask_value), of a value that goes from one name to another: what either says counts.
    pub fn mask_renamed<'a>(&self, from: &str, to: &str, value: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        let masked = self.mask_value(from, value, counts);
        let tells = || {
            self.rules.keys.class(to, Writing::Field).is_some_and(|class| !matches!(class, Class::Id | Class::Nothing))
        };
        if from == to || !tells() {
            return masked;
        }
        match masked {
            Cow::Borrowed(value) => self.mask_value(to, value, counts),
            Cow::Owned(value) => Cow::Owned(self.mask_value(to, &value, counts).into_owned()),
        }
    }

    /// The key of a value together with short values beside it that may tell what it is, as `type=passport` tells of
    /// `number`; the key alone if no word could matter.
    pub fn key_beside<'k, 'o>(
        &self,
        key: &'k str,
        value: &str,
        beside: impl IntoIterator<Item = &'o str>,
    ) -> Cow<'k, str> {
        let is_number = || value.bytes().filter(u8::is_ascii_digit).nth(MIN_TOLD_DIGITS - 1).is_some();
        if self.patterns.is_none() && !is_number() || self.rules.keys.class(key, Writing::Field) == Some(Class::Id) {
            return Cow::Borrowed(key);
        }
        let mut words = String::new();
        for word in beside.into_iter().filter(|word| word.len() <= MAX_WORD_BYTES && *word != value) {
            if MAX_WORDS_BYTES < words.len() + word.len() {
                break;
            }
            words.push_str(word);
            // No word of a key goes across it.
            words.push('|');
        }
        if words.is_empty() { Cow::Borrowed(key) } else { Cow::Owned(format!("{words}.{key}")) }
    }
}

/// Whether a value is a number or a hash of usual length, in which no built-in rule finds anything under the key of an id.
fn is_plain_id(value: &str) -> bool {
    value.len() < 64 && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
