//! Names of people under keys that may also name other things, and names without quotes.

use std::ops::Range;

use super::Scan;
use crate::context::holds_word;

const MAX_WORDS: usize = 4;
/// Bytes before the key and after the value in which a word may tell that a person is meant.
const NEAR: usize = 96;
/// What the value belongs to.
const BEFORE: [&str; 20] = [
    "customer*",
    "client",
    "buyer*",
    "recipient*",
    "receiver*",
    "contact*",
    "payer*",
    "person*",
    "employee*",
    "holder",
    "user",
    "клиент*",
    "покупател*",
    "получател*",
    "заказчик*",
    "сотрудник*",
    "отправител*",
    "владелец",
    "контакт*",
    "фио",
];
/// What is told of a person beside the name.
const AFTER: [&str; 5] = ["email", "phone*", "телефон*", "почта", "birth*"];
/// How Russian family names and patronymics end, in either script.
const ENDINGS: [&str; 26] = [
    "ов", "ова", "ев", "ева", "ёв", "ёва", "ин", "ина", "ын", "ына", "ский", "ская", "цкий", "цкая", "ович", "евич",
    "овна", "евна", "енко", "чук", "ov", "ova", "ev", "eva", "sky", "skaya",
];

impl Scan<'_> {
    /// Where a name without quotes ends: its first word, and more that begin with a capital.
    pub(super) fn bare_name(&self, start: usize) -> Range<usize> {
        let mut end = self.word_end(start);
        for _ in 1..MAX_WORDS {
            let next = self.text.get(end..).and_then(|rest| rest.strip_prefix(' '));
            if !next.is_some_and(|rest| rest.starts_with(char::is_uppercase)) || self.starts_field(end + 1) {
                break;
            }
            end = self.word_end(end + 1);
        }
        let value = self.slice(start..end);
        start..start + value.trim_end_matches([',', ';']).len()
    }

    /// Whether the value looks like the name of a person, and a word near it or its own ending says so.
    pub(super) fn is_person(&self, key: usize, value: Range<usize>) -> bool {
        let words: Vec<&str> = self
            .slice(value.clone())
            .split([' ', '+', '\t'])
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS + 1)
            .collect();
        if !(2..=MAX_WORDS).contains(&words.len()) || !words.iter().all(|word| is_of_name(word)) {
            return false;
        }
        let is_russian_name = |word: &&str| {
            let word = word.to_lowercase();
            ENDINGS.iter().any(|ending| word.ends_with(ending) && ending.len() + 2 < word.len())
        };
        let before = self.slice(self.text.ceil_char_boundary(key.saturating_sub(NEAR))..value.start);
        let before = before.rsplit([',', ';', '}']).next().unwrap_or_default();
        let after_end = self.text.floor_char_boundary((value.end + NEAR).min(self.text.len()));
        let after = self.slice(value.end..after_end);
        words.iter().any(is_russian_name)
            || BEFORE.iter().any(|word| holds_word(before, word))
            || AFTER.iter().any(|word| holds_word(after, word))
    }
}

/// A capital and letters, or an initial.
fn is_of_name(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && word.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '.' | '\''))
}
