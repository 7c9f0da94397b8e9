//! What a key's name says about its value: a secret, an id, a phone, a person.
//!
//! A name matches a word when it ends with it; case and the separators `_`, `-`, `.` do not matter, so `token` is found
//! in `access_token`, `Access-Token` and `accessToken`. Short words must stand alone: `pin` is not in `shipin`. Of several
//! words the longest counts.

mod words;

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

/// A place in the tree of words, which are read from their last letter on.
#[derive(Clone, Debug, Default)]
struct Node {
    next: Vec<(char, usize)>,
    /// The words that begin here.
    words: Vec<(Fit, Class)>,
}

/// All words as one tree, with a filter over the last two bytes of a name, since nearly every key in a log is none of
/// ours.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The first is the root.
    nodes: Vec<Node>,
    endings: Box<[u64; 1024]>,
}

impl Keys {
    /// Of equal words the earlier counts: own ones before `more_secrets`, those before `more_ids` and the built-in ones.
    pub(crate) fn new(more_secrets: &[String], more_ids: &[String], own: &[(RuleId, &str)]) -> Result<Self, Error> {
        let mut keys = Self { nodes: vec![Node::default()], endings: Box::new([0; 1024]) };
        for (id, name) in own {
            keys.add(&normal(name)?, Fit::Alone, Class::Own(*id));
        }
        for name in more_secrets {
            let fit = if name.chars().count() <= 4 { Fit::Alone } else { Fit::End };
            keys.add(&normal(name)?, fit, Class::Secret);
        }
        for name in more_ids {
            keys.add(&normal(name)?, Fit::Alone, Class::Id);
        }
        for (texts, fit, class) in words::BUILT_IN {
            texts.iter().for_each(|text| keys.add(text, *fit, *class));
        }
        Ok(keys)
    }

    /// Whether the value of a key whose name ends with these two bytes may be told by the key; wrong only in saying yes.
    pub(crate) fn may_tell(&self, before_last: u8, last: u8) -> bool {
        let pair = pair(before_last, last);
        self.endings[pair / 64] & 1 << (pair % 64) != 0
    }

    /// What the value of this key is, if its name says so: by the longest word that it ends with.
    pub(crate) fn class(&self, key: &str) -> Option<Class> {
        let mut node = self.nodes.first()?;
        let mut longest = None;
        for (at, letter) in key.char_indices().rev().filter(|(_, c)| !is_separator(*c)) {
            let Some(next) = node.after(lower(letter)).and_then(|next| self.nodes.get(next)) else { break };
            node = next;
            if !node.words.is_empty() {
                let before = key.get(..at).unwrap_or_default();
                let fitting = node.words.iter().find(|(fit, _)| fit.is_met(before, letter));
                longest = fitting.map(|(_, class)| *class).or(longest);
            }
        }
        longest
    }

    fn add(&mut self, word: &str, fit: Fit, class: Class) {
        if !matches!(class, Class::Id | Class::Phone | Class::Card | Class::Nothing) {
            self.admit_ending(word);
        }
        let mut at = 0;
        for letter in word.chars().rev() {
            at = self.nodes[at].after(letter).unwrap_or_else(|| {
                let new = self.nodes.len();
                self.nodes[at].next.push((letter, new));
                self.nodes.push(Node::default());
                new
            });
        }
        self.nodes[at].words.push((fit, class));
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

/// The small form of a letter, its first one if there are several.
pub(crate) fn lower(letter: char) -> char {
    if letter.is_ascii() { letter.to_ascii_lowercase() } else { letter.to_lowercase().next().unwrap_or(letter) }
}

impl Node {
    fn after(&self, letter: char) -> Option<usize> {
        self.next.iter().find(|(known, _)| *known == letter).map(|(_, node)| *node)
    }
}

impl Fit {
    /// Whether a word may begin with `first` behind `before` in a name.
    fn is_met(self, before: &str, first: char) -> bool {
        let Some(last) = before.chars().next_back() else { return true };
        match self {
            Self::End => true,
            Self::Alone => is_separator(last) || (first.is_uppercase() && !last.is_uppercase()),
            Self::Whole => last == '.' || before.chars().all(is_separator),
        }
    }
}

#[cfg(test)]
mod tests;
