//! What a key's name says about its value: a secret, an id, a phone, a person.
//!
//! A name matches a word when it ends with it; case and the separators `_`, `-`, `.`, blanks and pluses do not matter, so
//! `token` is found in `access_token`, `Access-Token` and `accessToken`. Short words must stand alone: `pin` is not in
//! `shipin`. Of several words the longest counts. Secrets are told by a word in front, too.

mod ahead;
mod words;

use crate::Error;
use crate::rule::RuleId;

pub(crate) use ahead::Writing;

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

/// All words as one tree, with filters over the last two bytes of a name, since nearly every key in a log is none of
/// ours.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The first is the root.
    nodes: Vec<Node>,
    /// Where the words go on that end with a letter of ASCII; 0 if none does.
    last_letters: [usize; 128],
    /// Of words that may tell what any value is.
    telling: Endings,
    /// Of words that tell what a number is.
    numbers: Endings,
    /// Of secrets that are told by a word in front.
    ahead: Endings,
}

/// The last two bytes that names of a kind may have, in either case; a separator may always be the last.
#[derive(Clone, Debug)]
struct Endings(Box<[u64; 1024]>);

impl Keys {
    /// Of equal words the earlier counts: own ones before `more_secrets`, those before `more_ids` and the built-in ones.
    pub(crate) fn new(more_secrets: &[String], more_ids: &[String], own: &[(RuleId, &str)]) -> Result<Self, Error> {
        let [telling, numbers, ahead] = [(); 3].map(|()| Endings::none());
        let mut keys = Self { nodes: vec![Node::default()], last_letters: [0; 128], telling, numbers, ahead };
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
        for (letter, node) in keys.nodes.first().into_iter().flat_map(|root| &root.next) {
            if let Some(place) = keys.last_letters.get_mut(*letter as usize) {
                *place = *node;
            }
        }
        Ok(keys)
    }

    /// Whether the value of a key whose name ends with these two bytes may be told by the key; wrong only in saying yes.
    pub(crate) fn may_tell(&self, before_last: u8, last: u8) -> bool {
        self.telling.holds(before_last, last)
    }

    /// Whether a key whose name ends with these two bytes may tell that its value is a phone or a card; wrong only in
    /// saying yes.
    pub(crate) fn may_tell_number(&self, before_last: u8, last: u8) -> bool {
        self.numbers.holds(before_last, last)
    }

    /// What the value of this key is, if its name says so.
    pub(crate) fn class(&self, key: &str, writing: Writing) -> Option<Class> {
        match self.class_by_end(key) {
            class @ Some(Class::Secret | Class::Id | Class::Nothing | Class::Own(_)) => class,
            _ if self.is_secret_ahead(key, writing) => Some(Class::Secret),
            class => class,
        }
    }

    /// What a name says by the longest word that it ends with.
    fn class_by_end(&self, key: &str) -> Option<Class> {
        let root = self.nodes.first()?;
        let mut node = root;
        let mut longest = None;
        for (at, letter) in key.char_indices().rev().filter(|(_, c)| !is_separator(*c)) {
            let small = lower(letter);
            let next = match self.last_letters.get(small as usize) {
                Some(place) if std::ptr::eq(node, root) => Some(*place).filter(|place| *place != 0),
                _ => node.after(small),
            };
            let Some(next) = next.and_then(|next| self.nodes.get(next)) else { break };
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
        if class == Class::Secret && ahead::is_ever_ahead(word) {
            self.ahead.admit(word);
        }
        match class {
            Class::Phone | Class::Card => self.numbers.admit(word),
            Class::Id | Class::Nothing => {}
            _ => self.telling.admit(word),
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
}

impl Endings {
    fn none() -> Self {
        let mut endings = Self(Box::new([0; 1024]));
        for last in [b'_', b'-', b'.', b'+'] {
            (0..=u8::MAX).for_each(|before_last| endings.set(before_last, last));
        }
        endings
    }

    fn set(&mut self, before_last: u8, last: u8) {
        let pair = usize::from(before_last) << 8 | usize::from(last);
        self.0[pair / 64] |= 1 << (pair % 64);
    }

    fn holds(&self, before_last: u8, last: u8) -> bool {
        let pair = usize::from(before_last) << 8 | usize::from(last);
        self.0[pair / 64] >> (pair % 64) & 1 != 0
    }

    fn admit(&mut self, word: &str) {
        let [.., before_last, last] = *word.as_bytes() else { return };
        let mut admit = |first: u8, last: u8| {
            for first in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
                for last in [last.to_ascii_lowercase(), last.to_ascii_uppercase()] {
                    self.set(first, last);
                }
            }
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

/// A name as words are compared: small letters without separators.
pub(crate) fn normal(name: &str) -> Result<String, Error> {
    let normal: String = name.chars().filter(|c| !is_separator(*c)).flat_map(char::to_lowercase).collect();
    if normal.len() < 2 || !normal.chars().all(char::is_alphanumeric) {
        return Err(Error::KeyName(name.to_owned()));
    }
    Ok(normal)
}

fn is_separator(c: char) -> bool {
    matches!(c, '_' | '-' | '.' | ' ' | '+')
}

/// The small form of a letter, its first one if there are several.
pub(crate) fn lower(letter: char) -> char {
    if letter.is_ascii() { letter.to_ascii_lowercase() } else { letter.to_lowercase().next().unwrap_or(letter) }
}

/// Whether a character is a letter; as the standard library says, and faster of Cyrillic.
pub(crate) fn is_alphabetic(letter: char) -> bool {
    matches!(letter, '\u{400}'..='\u{481}') || letter.is_alphabetic()
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
