//! What a key's name says about its value: a secret, an id, a phone, a person.
//!
//! A name matches a word when it ends with it; case and the separators `_`, `-`, `.` do not matter, so `token` is found
//! in `access_token`, `Access-Token` and `accessToken`. Short words must stand alone: `pin` is not in `shipin`. Of several
//! words the longest counts.

mod words;

use std::collections::BTreeMap;

use crate::Error;
use crate::rule::RuleId;

/// What the value of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Secret,
    /// Its plain numbers are not personal.
    Id,
    Phone,
    Card,
    /// The name of a person.
    Name,
    /// Of a person or of anything else: `name`.
    MaybeName,
    /// A postal address.
    Address,
    /// Of a house or of a machine: `address`.
    MaybeAddress,
    /// Looks like one of the others and is none, such as `ip_address`.
    Nothing,
    /// A rule of one's own tells by the key.
    Own(RuleId),
}

/// How much of a name a word must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Its end, even in the middle of a word.
    End,
    /// Its end, from a separator or a capital on.
    Alone,
    /// All of it, but for a path before it as in `customer.name`.
    Whole,
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    fit: Fit,
    class: Class,
}

/// All words by their last letter, longest first, with a filter over the last two bytes of a name, since nearly every
/// key in a log is none of ours.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    words: BTreeMap<char, Vec<Word>>,
    endings: Box<[u64; 1024]>,
}

impl Keys {
    pub(crate) fn new(more_secrets: &[String], more_ids: &[String], own: &[(RuleId, &str)]) -> Result<Self, Error> {
        let mut words = Vec::new();
        for (id, name) in own {
            words.push(Word { text: normal(name)?, fit: Fit::Alone, class: Class::Own(*id) });
        }
        for name in more_secrets {
            let fit = if name.chars().count() <= 4 { Fit::Alone } else { Fit::End };
            words.push(Word { text: normal(name)?, fit, class: Class::Secret });
        }
        for name in more_ids {
            words.push(Word { text: normal(name)?, fit: Fit::Alone, class: Class::Id });
        }
        for (texts, fit, class) in words::BUILT_IN {
            words.extend(texts.iter().map(|text| Word { text: (*text).to_owned(), fit: *fit, class: *class }));
        }
        // Stable: of equally long words the earlier counts.
        words.sort_by_key(|word| std::cmp::Reverse(word.text.chars().count()));
        let mut keys = Self { words: BTreeMap::new(), endings: Box::new([0; 1024]) };
        for word in words {
            if !matches!(word.class, Class::Id | Class::Phone | Class::Card | Class::Nothing) {
                keys.admit_ending(&word.text);
            }
            keys.words.entry(word.text.chars().next_back().unwrap_or_default()).or_default().push(word);
        }
        Ok(keys)
    }

    /// Whether the value of a key whose name ends with these two bytes may be told by the key; wrong only in saying yes.
    pub(crate) fn may_tell(&self, before_last: u8, last: u8) -> bool {
        let pair = pair(before_last, last);
        self.endings[pair / 64] & 1 << (pair % 64) != 0
    }

    /// What the value of this key is, if its name says so.
    pub(crate) fn class(&self, key: &str) -> Option<Class> {
        let last = letters(key).next()?;
        self.words.get(&last)?.iter().find(|word| word.fits(key)).map(|word| word.class)
    }

    fn admit_ending(&mut self, word: &str) {
        let [.., before_last, last] = *word.as_bytes() else { return };
        let mut admit = |first: u8, last: u8| {
            let pair = pair(first, last);
            self.endings[pair / 64] |= 1 << (pair % 64);
        };
        if last < 0x80 {
            [before_last, b'_', b'-', b'.'].into_iter().for_each(|first| admit(first, last));
            return;
        }
        // The last letter may be written in either case, which changes its bytes.
        let Some(letter) = word.chars().next_back() else { return };
        for c in letter.to_uppercase().chain([letter]) {
            let mut bytes = [0; 4];
            if let [.., first, last] = *c.encode_utf8(&mut bytes).as_bytes() {
                admit(first, last);
            }
        }
    }
}

fn pair(before_last: u8, last: u8) -> usize {
    usize::from(before_last.to_ascii_lowercase()) << 8 | usize::from(last.to_ascii_lowercase())
}

/// A name as words are compared: small letters without separators.
pub(crate) fn normal(name: &str) -> Result<String, Error> {
    let normal: String = name.chars().filter(|c| !is_separator(*c)).flat_map(char::to_lowercase).collect();
    if normal.len() < 2 || !normal.chars().all(char::is_alphanumeric) {
        return Err(Error::KeyName(name.to_owned()));
    }
    Ok(normal)
}

fn is_separator(c: char) -> bool {
    matches!(c, '_' | '-' | '.')
}

/// The letters of a name from its end on.
fn letters(key: &str) -> impl Iterator<Item = char> {
    key.chars().rev().filter(|c| !is_separator(*c)).map(|c| c.to_lowercase().next().unwrap_or(c))
}

impl Word {
    fn fits(&self, key: &str) -> bool {
        let mut left = letters(key);
        if !self.text.chars().rev().all(|c| left.next() == Some(c)) {
            return false;
        }
        match self.fit {
            Fit::End => true,
            Fit::Alone => starts_alone(key, self.text.chars().count(), is_separator),
            Fit::Whole => left.next().is_none() || starts_alone(key, self.text.chars().count(), |c| c == '.'),
        }
    }
}

/// Whether the last `length` letters of `key` begin at its start, after a separator, or with a capital as in `orderId`.
fn starts_alone(key: &str, length: usize, separates: impl Fn(char) -> bool) -> bool {
    let mut letters = 0;
    let mut first = None;
    for c in key.chars().rev() {
        match first {
            Some(first) => return separates(c) || (separates('_') && char::is_uppercase(first) && !c.is_uppercase()),
            None if is_separator(c) => {}
            None => letters += 1,
        }
        if letters == length {
            first = Some(c);
        }
    }
    true
}

#[cfg(test)]
mod tests;
