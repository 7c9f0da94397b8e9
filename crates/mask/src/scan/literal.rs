//! What a word of its own tells: schemes before credentials, JSON web tokens, keys of known services, PEM, patronymics.
//! All words are found in one pass of a vectorised search.

mod pem;
mod secrets;
mod words;

use aho_corasick::{AhoCorasick, MatchKind};

use super::Scan;
use crate::rule::Hit;
use crate::runs::{self, Run, Runs};
use crate::{Error, Rule};
use words::{LITERALS, Literal};

/// The compiled words: fewer are found faster, and most texts hold neither a key nor Cyrillic.
#[derive(Clone, Debug)]
pub(crate) struct Literals {
    all: Words,
    /// All but those before keys.
    no_keys: Words,
    /// Of these the ones of ASCII.
    ascii: Words,
    /// What stands at the start of keys within a long run of letters.
    keys: Vec<&'static str>,
    /// The letters with which these begin, counted from `A`.
    initials: u64,
}

#[derive(Clone, Debug)]
struct Words {
    search: AhoCorasick,
    /// What each word tells.
    tell: Vec<Literal>,
}

impl Words {
    fn new(is_wanted: impl Fn(&str, Literal) -> bool) -> Result<Self, Error> {
        let wanted = || LITERALS.into_iter().filter(|(word, literal)| is_wanted(word, *literal));
        let words = wanted().map(|(word, _)| word);
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words);
        let search = search.map_err(|error| Error::Document(error.to_string()))?;
        Ok(Self { search, tell: wanted().map(|(_, literal)| literal).collect() })
    }
}

impl Literals {
    pub(crate) fn new() -> Result<Self, Error> {
        let in_runs = LITERALS.iter().filter(|(word, literal)| is_in_run(word, *literal)).map(|(word, _)| *word);
        let keys: Vec<&str> = in_runs.filter(|word| !word.starts_with(':')).collect();
        let initial = |word: &&str| word.bytes().next().and_then(from_a);
        Ok(Self {
            all: Words::new(|_, _| true)?,
            no_keys: Words::new(|word, literal| !is_in_run(word, literal))?,
            ascii: Words::new(|word, literal| word.is_ascii() && !is_in_run(word, literal))?,
            initials: keys.iter().filter_map(initial).fold(0, |initials, letter| initials | 1 << letter),
            keys,
        })
    }

    /// The words that a text may hold.
    fn of(&self, text: &str, runs: &Runs) -> &Words {
        if self.may_hold_key(text.as_bytes(), runs) {
            &self.all
        } else if text.is_ascii() {
            &self.ascii
        } else {
            &self.no_keys
        }
    }

    /// Whether a word before a key stands in a long run, where keys stand; wrong only in saying yes.
    fn may_hold_key(&self, text: &[u8], runs: &Runs) -> bool {
        runs.more().is_some() || runs.iter().any(|run| self.begins_key(text, run))
    }

    fn begins_key(&self, text: &[u8], run: &Run) -> bool {
        let (letters, rest) = (&text[run.span()], &text[run.start..]);
        // The token of a bot follows a colon; every other word is alone, but for a sign before it.
        if letters.starts_with(b"AA") && text[..run.start].ends_with(b":") {
            return true;
        }
        let begins = |at: usize| {
            let [first, second, ..] = rest[at..] else { return false };
            let may_begin = from_a(first).is_some_and(|letter| self.initials >> letter & 1 != 0);
            let is_here =
                |word: &&str| word.as_bytes()[..2] == [first, second] && rest[at..].starts_with(word.as_bytes());
            may_begin && self.keys.iter().any(is_here)
        };
        // What follows a word makes it as long as a run at least, so that none begins near the end.
        begins(0) || run.may_have_signs && runs::signs(letters).any(|sign| begins(sign + 1))
    }
}

/// Whether what a word tells is a key within a long run of letters, at the start of which, or behind a sign, it stands.
fn is_in_run(word: &str, literal: Literal) -> bool {
    match literal {
        Literal::Telegram => true,
        Literal::Key(following) => !word.ends_with('.') && runs::MIN_RUN <= word.len() + following,
        _ => false,
    }
}

/// The place of a letter of ASCII behind `A`.
fn from_a(letter: u8) -> Option<u8> {
    letter.checked_sub(b'A').filter(|place| *place < 64)
}

impl Scan<'_> {
    /// Adds the hits of all words.
    pub(super) fn literals(&mut self, runs: &Runs) {
        self.pem_lines(runs);
        let literals = &self.rules.literals;
        let words = if self.is_thorough() { &literals.all } else { literals.of(self.text, runs) };
        let mut behind = 0;
        for found in words.search.find_iter(self.bytes) {
            let (start, end) = (found.start(), found.end());
            if start < behind {
                continue;
            }
            let hit = match words.tell[found.pattern().as_usize()] {
                Literal::Bearer => self.bearer(start, end).map(|span| (Rule::Credential, span)),
                Literal::Basic => self.basic(start, end).map(|span| (Rule::Credential, span)),
                Literal::Jwt => self.jwt(start).map(|span| (Rule::Jwt, span)),
                Literal::Pem => self.pem(start, end).map(|span| (Rule::PrivateKey, span)),
                Literal::PemEnd => self.pem_tail(start, end).map(|span| (Rule::PrivateKey, span)),
                Literal::Patronymic => self.full_name(start, end).map(|span| (Rule::Name, span)),
                Literal::Telegram => self.telegram(start).map(|span| (Rule::ApiKey, span)),
                Literal::Key(following) => self.service_key(start, end, following).map(|span| (Rule::ApiKey, span)),
            };
            if let Some((rule, span)) = hit.filter(|(rule, _)| self.is_on(*rule)) {
                behind = span.end;
                self.hits.push(Hit::new(rule, span));
            }
        }
    }
}
