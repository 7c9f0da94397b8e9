//! Values that a flag of a command line tells: `--password X`, `-password X`, and `"--password", "X"` in a list of
//! arguments.
//!
//! What follows a flag may also be prose about it, or the page of help that a program prints: the words that such texts
//! are made of give nothing away. All else is taken for a value, since a secret that stays does more harm than a word
//! that goes.

use super::Scan;
use super::key::{Key, MAX_KEY_BYTES, is_blank, is_key, is_quote};
use crate::Rule;
use crate::keys::is_alphabetic;

/// Shorter flags with one dash are letters, as in `tar -pin`.
const MIN_LONG_BYTES: usize = 4;
/// Flags that switch something and have no value.
const SWITCHES: [&str; 6] = ["no-", "ask-", "skip-", "disable-", "enable-", "prompt-"];
/// What follows the name of a flag in prose, and the kinds of values in pages of help.
const PROSE: &[&str] = &[
    "a",
    "also",
    "an",
    "and",
    "are",
    "argument",
    "as",
    "at",
    "be",
    "but",
    "by",
    "can",
    "cannot",
    "conflicts",
    "does",
    "expects",
    "flag",
    "flags",
    "for",
    "from",
    "given",
    "has",
    "have",
    "if",
    "in",
    "instead",
    "int",
    "is",
    "may",
    "means",
    "missing",
    "must",
    "need",
    "needs",
    "nor",
    "not",
    "of",
    "on",
    "option",
    "options",
    "or",
    "parameter",
    "required",
    "requires",
    "set",
    "should",
    "string",
    "strings",
    "text",
    "that",
    "the",
    "then",
    "to",
    "unless",
    "value",
    "was",
    "were",
    "when",
    "will",
    "with",
    "without",
    "your",
    "без",
    "в",
    "для",
    "и",
    "или",
    "из",
    "на",
    "не",
    "нужен",
    "обязателен",
];

impl Scan<'_> {
    /// Reads around a dash at `at`, the only one or the second of two.
    #[inline(never)]
    pub(super) fn flag(&mut self, at: usize) {
        self.at = at + 1;
        let Some(key) = self.flag_name(at) else { return };
        if self.telling_class(&key).is_some() {
            if let Some(after) = self.argument(key.span.end) {
                self.value_of(&key, after);
            }
        } else if self.is_on(Rule::Credential) {
            for piece in self.password_of_user(&key) {
                self.hit(Rule::Credential, piece);
            }
        }
    }

    /// The name behind the dash at `at`; behind a single one, short words are letters that each switch something.
    fn flag_name(&self, at: usize) -> Option<Key> {
        let first = at.checked_sub(1).filter(|dash| self.bytes[*dash] == b'-').unwrap_or(at);
        let begins = first <= self.border || !is_key(self.bytes[first - 1]);
        self.name_of_flag(at + 1).filter(|key| begins && (first < at || !self.is_short_secret(key)))
    }

    fn is_short_secret(&self, flag: &Key) -> bool {
        flag.span.len() < MIN_LONG_BYTES && self.telling_class(flag).is_some()
    }

    fn name_of_flag(&self, start: usize) -> Option<Key> {
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || 0x80 <= byte;
        if !self.byte(start).is_some_and(is_letter) {
            return None;
        }
        let end = self.skip_while(start, is_key);
        let name = self.slice(start..end);
        let is_switch = SWITCHES.iter().any(|switch| name.starts_with(switch));
        (name.len() <= MAX_KEY_BYTES && !is_switch && name.ends_with(char::is_alphanumeric))
            .then_some(Key { span: start..end, quote: None })
    }

    /// Where the argument begins of a flag whose name ends at `end`: behind blanks, or as the next string of a list.
    pub(super) fn argument(&self, end: usize) -> Option<usize> {
        let start = self.skip_while(end, |byte| is_blank(byte) || byte == b'+');
        if end < start {
            let (blanks, mut start) = (start - end, start);
            // A line that ends so goes on in the next.
            while self.bytes[start..].starts_with(b"\\\n") {
                start = self.skip_while(start + 2, is_blank);
            }
            return self.is_argument(start, blanks).then_some(start);
        }
        let quote = self.skip_while(end, |byte| byte == b'\\');
        let sign = self.byte(quote).filter(|sign| is_quote(*sign))?;
        let comma = self.skip_while(quote + 1, is_blank);
        let next = self.skip_while(comma + 1, |byte| byte.is_ascii_whitespace());
        let opening = self.skip_while(next, |byte| byte == b'\\');
        let is_next = self.byte(comma) == Some(b',')
            && opening - next == quote - end
            && self.byte(opening) == Some(sign)
            && self.byte(opening + 1) != Some(b'-');
        is_next.then_some(next)
    }

    /// Whether what stands at `at`, so many blanks behind the name of a flag, is its argument.
    fn is_argument(&self, at: usize, blanks: usize) -> bool {
        let quote = self.skip_while(at, |byte| byte == b'\\');
        if let Some(sign) = self.byte(quote).filter(|sign| is_quote(*sign)) {
            let follows = self.byte(quote + 1).is_some_and(|byte| byte.is_ascii_alphanumeric());
            return follows || !self.is_open(quote, sign, quote - at);
        }
        let word = self.slice(at..self.word_end(at)).split('+').next().unwrap_or_default();
        let bare = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        let is_prose = PROSE.contains(&bare.to_lowercase().as_str());
        // Behind more than one blank a page of help tells what the flag is for.
        let is_help = 1 < blanks && bare.chars().all(is_alphabetic);
        !word.is_empty() && !word.starts_with(['-', '[', '|']) && !is_placeholder(word) && !is_prose && !is_help
    }
}

/// Whether a word names what is to stand in its place: `<password>`, `{token}`.
fn is_placeholder(word: &str) -> bool {
    let name = word.strip_prefix('<').or_else(|| word.strip_prefix('{'));
    name.is_some_and(|name| {
        let name = name.trim_end_matches(['>', '}', ')', '.', ',']);
        !name.is_empty() && name.chars().all(|c| is_alphabetic(c) || matches!(c, '-' | '_'))
    })
}
