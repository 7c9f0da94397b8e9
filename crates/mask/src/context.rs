//! Words near a number that say what it is.

use crate::keys::{is_alphabetic, lower};

/// Whether `word`, in small letters, stands in the `within` bytes of `text` before `at`, or in the key whose value the
/// text is. A word with a `*` at its end may go on: `паспорт*` is found in `паспорта`.
pub(crate) fn has_word(text: &str, at: usize, within: usize, key: Option<&str>, word: &str) -> bool {
    let start = text.ceil_char_boundary(at.saturating_sub(within));
    let window = text.get(start..at).unwrap_or_default();
    holds_word(window, word) || key.is_some_and(|key| holds_word(key, word))
}

/// Whether one of these words stands there.
pub(crate) fn has_any(text: &str, at: usize, within: usize, key: Option<&str>, words: &[&str]) -> bool {
    let start = text.ceil_char_boundary(at.saturating_sub(within));
    let window = text.get(start..at).unwrap_or_default();
    holds_any(window, words) || key.is_some_and(|key| holds_any(key, words))
}

/// Whether a text holds one of the words, as [`holds_word`] tells.
pub(crate) fn holds_any(text: &str, words: &[&str]) -> bool {
    if !text.is_ascii() {
        return words.iter().any(|word| holds_word(text, word));
    }
    // Letters of ASCII and what else these words begin with, by their place from a blank on: two in 64 places are one.
    let initials = words.iter().filter_map(|word| word.bytes().next()).fold(0, |initials, byte| initials | place(byte));
    let mut before = None;
    for (at, byte) in text.bytes().enumerate() {
        let c = char::from(byte);
        let may_begin = initials & place(byte.to_ascii_lowercase()) != 0;
        if may_begin
            && before.is_none_or(|before| parts(before, c))
            && words.iter().any(|word| is_initial(word, byte) && begins_with(text, at, word))
        {
            return true;
        }
        before = Some(c);
    }
    false
}

fn is_initial(word: &str, byte: u8) -> bool {
    word.bytes().next() == Some(byte.to_ascii_lowercase())
}

fn place(byte: u8) -> u64 {
    1 << (byte % 64)
}

/// Whether a text holds the word in any case, with no letter before it and, without a `*`, none after it.
pub(crate) fn holds_word(text: &str, word: &str) -> bool {
    let Some(first) = word.chars().next() else { return false };
    // Most texts are plain, and most of them do not have even the first letter.
    if text.is_ascii() && !text.bytes().any(|byte| char::from(byte.to_ascii_lowercase()) == first) {
        return false;
    }
    let mut before = None;
    for (at, c) in text.char_indices() {
        if lower(c) == first && before.is_none_or(|before: char| parts(before, c)) && begins_with(text, at, word) {
            return true;
        }
        before = Some(c);
    }
    false
}

/// Whether the word, which may end with a `*`, stands at `at`.
fn begins_with(text: &str, at: usize, word: &str) -> bool {
    let (word, open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
    let Some(rest) = text.get(at..).and_then(|rest| after(rest, word)) else { return false };
    let next = rest.chars().next();
    let last = text.get(at..text.len() - rest.len()).and_then(|found| found.chars().next_back());
    open || next.is_none_or(|next| last.is_none_or(|last| parts(last, next)))
}

/// Whether a word ends between two characters: one is no letter, or a capital begins the next word, as in `buyerInn`.
fn parts(before: char, after: char) -> bool {
    !is_alphabetic(before) || !is_alphabetic(after) || (before.is_lowercase() && after.is_uppercase())
}

/// What follows the word that the text begins with, in any case.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    word.chars().all(|wanted| rest.next().is_some_and(|c| lower(c) == wanted)).then_some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_some_words_is_found_where_one_of_them_is() {
        let words = ["inn", "passport*", "инн", "серия", "№"];
        let mut random = fastrand::Rng::with_seed(5);
        let pieces =
            ["inn", "Inn", "INN", "passport", "Passports", "инн", "Серия", "№", " ", "=", "_", "a", "B", "7", "ж"];
        let mut found = 0;
        for _ in 0..20_000 {
            let text: String = (0..random.usize(0..6)).map(|_| pieces[random.usize(0..pieces.len())]).collect();
            let wanted = words.iter().any(|word| holds_word(&text, word));
            assert_eq!(holds_any(&text, &words), wanted, "{text}");
            found += usize::from(wanted);
        }
        assert!((1_000..19_000).contains(&found), "{found}");
    }
}
