//! Words near a number that say what it is.

use crate::keys::lower;

/// Whether `word`, in small letters, stands in the `within` bytes of `text` before `at`, or in the key whose value the
/// text is. A word with a `*` at its end may go on: `паспорт*` is found in `паспорта`.
pub(crate) fn has_word(text: &str, at: usize, within: usize, key: Option<&str>, word: &str) -> bool {
    let start = text.ceil_char_boundary(at.saturating_sub(within));
    let window = text.get(start..at).unwrap_or_default();
    holds_word(window, word) || key.is_some_and(|key| holds_word(key, word))
}

/// Whether a text holds the word in any case, with no letter before it and, without a `*`, none after it.
pub(crate) fn holds_word(text: &str, word: &str) -> bool {
    let (word, open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
    let Some(first) = word.chars().next() else { return false };
    // Most texts are plain, and most of them do not have even the first letter.
    if text.is_ascii() && !text.bytes().any(|byte| char::from(byte.to_ascii_lowercase()) == first) {
        return false;
    }
    let mut before = None;
    for (at, c) in text.char_indices() {
        let begins = lower(c) == first && before.is_none_or(|before: char| parts(before, c));
        if begins && let Some(rest) = text.get(at..).and_then(|rest| after(rest, word)) {
            let next = rest.chars().next();
            let last = text.get(at..text.len() - rest.len()).and_then(|found| found.chars().next_back());
            if open || next.is_none_or(|next| last.is_none_or(|last| parts(last, next))) {
                return true;
            }
        }
        before = Some(c);
    }
    false
}

/// Whether a word ends between two characters: one is no letter, or a capital begins the next word, as in `buyerInn`.
fn parts(before: char, after: char) -> bool {
    !before.is_alphabetic() || !after.is_alphabetic() || (before.is_lowercase() && after.is_uppercase())
}

/// What follows the word that the text begins with, in any case.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    word.chars().all(|wanted| rest.next().is_some_and(|c| lower(c) == wanted)).then_some(rest.as_str())
}
