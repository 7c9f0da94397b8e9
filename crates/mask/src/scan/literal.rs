//! What a word of its own tells: schemes before credentials, JSON web tokens, keys of known services, PEM, patronymics.
//! All words are found in one pass of a vectorised search.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::Scan;
use crate::rule::Hit;
use crate::runs::{self, Run, Runs};
use crate::{Error, Rule, encoded};

/// Shorter words after `Bearer` are prose.
const MIN_TOKEN_BYTES: usize = 8;
/// What else stands after `Bearer` in prose.
const PROSE: [&str; 4] = ["authentication", "authorization", "credentials", "challenge"];
const PEM_BEGIN: &str = "-----BEGIN";
const PEM_END: &str = "-----END";
const MAX_PEM_HEADER_BYTES: usize = 64;
/// How long a line of base64 in a PEM file is, by the program that wrote it.
const PEM_LINE_BYTES: [usize; 3] = [64, 70, 76];
const MAX_PEM_LINE_BYTES: usize = 76;
const MIN_LAST_PEM_BYTES: usize = 16;

#[derive(Clone, Copy, Debug)]
enum Literal {
    Bearer,
    Basic,
    Jwt,
    Pem,
    PemEnd,
    /// `:AA` in the middle of `123456789:AA…`.
    Telegram,
    /// The end of a patronymic, but for its case.
    Patronymic,
    /// So many letters, digits, `_` and `-` follow at least.
    Key(usize),
}

const LITERALS: [(&str, Literal); 62] = [
    ("Bearer", Literal::Bearer),
    ("bearer", Literal::Bearer),
    ("BEARER", Literal::Bearer),
    ("Basic", Literal::Basic),
    ("basic", Literal::Basic),
    ("BASIC", Literal::Basic),
    ("eyJ", Literal::Jwt),
    (PEM_BEGIN, Literal::Pem),
    (PEM_END, Literal::PemEnd),
    (":AA", Literal::Telegram),
    ("ович", Literal::Patronymic),
    ("ьич", Literal::Patronymic),
    ("ЬИЧ", Literal::Patronymic),
    ("евич", Literal::Patronymic),
    ("овн", Literal::Patronymic),
    ("евн", Literal::Patronymic),
    ("ичн", Literal::Patronymic),
    ("ОВИЧ", Literal::Patronymic),
    ("ЕВИЧ", Literal::Patronymic),
    ("ОВН", Literal::Patronymic),
    ("ЕВН", Literal::Patronymic),
    ("ИЧН", Literal::Patronymic),
    ("ovich", Literal::Patronymic),
    ("evich", Literal::Patronymic),
    ("ovna", Literal::Patronymic),
    ("evna", Literal::Patronymic),
    ("ichna", Literal::Patronymic),
    ("AKIA", Literal::Key(16)),
    ("ASIA", Literal::Key(16)),
    ("ghp_", Literal::Key(30)),
    ("gho_", Literal::Key(30)),
    ("ghu_", Literal::Key(30)),
    ("ghs_", Literal::Key(30)),
    ("ghr_", Literal::Key(30)),
    ("github_pat_", Literal::Key(22)),
    ("glpat-", Literal::Key(20)),
    ("glsa_", Literal::Key(32)),
    ("xoxb-", Literal::Key(10)),
    ("xoxp-", Literal::Key(10)),
    ("xoxa-", Literal::Key(10)),
    ("xoxr-", Literal::Key(10)),
    ("xoxs-", Literal::Key(10)),
    ("xapp-", Literal::Key(10)),
    ("sk_live_", Literal::Key(10)),
    ("sk_test_", Literal::Key(10)),
    ("rk_live_", Literal::Key(10)),
    ("rk_test_", Literal::Key(10)),
    ("pk_live_", Literal::Key(10)),
    ("whsec_", Literal::Key(20)),
    ("sk-proj-", Literal::Key(20)),
    ("sk-ant-", Literal::Key(20)),
    ("AIza", Literal::Key(35)),
    ("ya29.", Literal::Key(20)),
    ("AQVN", Literal::Key(30)),
    ("y0_", Literal::Key(30)),
    ("npm_", Literal::Key(36)),
    ("pypi-", Literal::Key(50)),
    ("hf_", Literal::Key(30)),
    ("dop_v1_", Literal::Key(60)),
    ("dckr_pat_", Literal::Key(20)),
    ("SG.", Literal::Key(22)),
    ("hvs.", Literal::Key(24)),
];

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

    /// The token after `Bearer`. A plus is a blank of a query string.
    fn bearer(&self, start: usize, word: usize) -> Option<Range<usize>> {
        if self.is_in_word(start) {
            return None;
        }
        let token = self.skip_while(word, |byte| matches!(byte, b' ' | b'\t' | b'+'));
        let end = self.skip_while(self.skip_while(token, is_token), |byte| byte == b'=');
        let text = self.slice(token..end);
        let found = word < token && MIN_TOKEN_BYTES <= text.len() && !PROSE.contains(&text);
        found.then_some(token..end)
    }

    /// The base64 of `user:password` after `Basic`.
    fn basic(&self, start: usize, word: usize) -> Option<Range<usize>> {
        let token = self.skip_while(word, |byte| matches!(byte, b' ' | b'\t'));
        if token == word || self.is_in_word(start) {
            return None;
        }
        let end = self.skip_while(self.skip_while(token, is_token), |byte| byte == b'=');
        let has_colon = encoded::decode(self.slice(token..end)).is_some_and(|bytes| bytes.contains(&b':'));
        has_colon.then_some(token..end)
    }

    /// Three parts, or two when the signature was cut off.
    fn jwt(&self, start: usize) -> Option<Range<usize>> {
        if start.checked_sub(1).is_some_and(|before| is_base64url(self.bytes[before])) {
            return None;
        }
        let header = self.skip_while(start, is_base64url);
        let payload = self.skip_while(header + 1, is_base64url);
        if self.byte(header) != Some(b'.') || header - start < 10 || payload < header + 4 {
            return None;
        }
        let end = self.skip_while(payload, |byte| is_base64url(byte) || byte == b'.');
        let end = end - self.bytes[..end].iter().rev().take_while(|byte| **byte == b'.').count();
        Some(start..end.max(payload))
    }

    /// A private key from its first to its last line; without a last line it takes all.
    fn pem(&self, start: usize, begun: usize) -> Option<Range<usize>> {
        let header_end = self.text.floor_char_boundary((begun + MAX_PEM_HEADER_BYTES).min(self.text.len()));
        let header = self.slice(begun..header_end).split("-----").next()?;
        if !["PRIVATE KEY", "PRIVATE+KEY"].iter().any(|words| header.contains(words)) {
            return None;
        }
        let rest = self.text.get(begun..)?;
        let footer = rest.find(PEM_END).map(|end| begun + end + PEM_END.len());
        let end = footer.and_then(|footer| Some(footer + self.text.get(footer..)?.find("-----")? + 5));
        Some(start..end.unwrap_or(self.text.len()))
    }

    /// The lines of a private key before its last one, where the first is missing.
    fn pem_tail(&self, start: usize, ended: usize) -> Option<Range<usize>> {
        let end = self.text.floor_char_boundary((ended + MAX_PEM_HEADER_BYTES).min(self.text.len()));
        let (footer, _) = self.slice(ended..end).split_once("-----")?;
        let of_key = |byte: &u8| encoded::is_standard(*byte) || matches!(byte, b'=' | b'\\' | b'\n' | b'\r');
        let before = self.bytes[..start].iter().rev().take_while(|byte| of_key(byte)).count();
        let is_private = ["PRIVATE KEY", "PRIVATE+KEY"].iter().any(|words| footer.contains(words));
        let first = self.skip_while(start - before, |byte| matches!(byte, b'\n' | b'\r'));
        (is_private && MIN_LAST_PEM_BYTES <= before).then_some(first..ended + footer.len() + 5)
    }

    /// Lines of a PEM file: the whole text, since files are read line by line, or lines of it.
    fn pem_lines(&mut self, runs: &Runs) {
        if !self.is_on(Rule::PrivateKey) {
            return;
        }
        let line = self.text.trim_end();
        if line.len() <= MAX_PEM_LINE_BYTES && is_pem_line(line, self.key.is_none()) {
            self.hits.push(Hit::new(Rule::PrivateKey, 0..line.len()));
            return;
        }
        runs.iter().for_each(|run| self.pem_line_at(&run.span()));
        let mut more = runs.more();
        while let Some(from) = more {
            let runs = Runs::of(self.bytes, from);
            runs.iter().for_each(|run| self.pem_line_at(&run.span()));
            more = runs.more();
        }
    }

    /// A line of a longer text that is a long run of letters and nothing else; behind such a line also a shorter one.
    fn pem_line_at(&mut self, run: &Range<usize>) {
        let end = self.skip_while(run.end, |byte| byte == b'=');
        let begins = run.start.checked_sub(1).is_none_or(|before| self.bytes[before] == b'\n');
        if !begins || MAX_PEM_LINE_BYTES < end - run.start || !matches!(self.byte(end), None | Some(b'\n' | b'\r')) {
            return;
        }
        let follows = self.hits.last().is_some_and(|hit| {
            hit.rule == Rule::PrivateKey.into() && self.slice(hit.span.end..run.start).trim_end().is_empty()
        });
        if is_pem_line(self.slice(run.start..end), follows) {
            self.hits.push(Hit::new(Rule::PrivateKey, run.start..end));
        }
    }

    fn telegram(&self, colon: usize) -> Option<Range<usize>> {
        let digits = self.bytes[..colon].iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
        let start = colon - digits;
        let end = self.skip_while(colon + 1, is_base64url);
        ((8..=10).contains(&digits) && end - colon == 36 && !self.is_in_word(start)).then_some(start..end)
    }

    fn service_key(&self, start: usize, prefix: usize, following: usize) -> Option<Range<usize>> {
        let dotted = self.bytes[prefix - 1] == b'.';
        let end = self.skip_while(prefix, |byte| is_base64url(byte) || (dotted && byte == b'.'));
        (following <= end - prefix && !self.is_in_word(start)).then_some(start..end)
    }

    fn is_in_word(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.bytes[before].is_ascii_alphanumeric())
    }
}

/// Whether this is a line of base64 as PEM files have it, or looks like their last one if that may be.
fn is_pem_line(line: &str, may_be_last: bool) -> bool {
    let letters = line.trim_end_matches('=');
    line.len() <= letters.len() + 2
        && letters.bytes().all(encoded::is_standard)
        && letters.contains(|c: char| c.is_ascii_uppercase())
        && letters.contains(|c: char| c.is_ascii_lowercase())
        && (PEM_LINE_BYTES.contains(&line.len()) || (may_be_last && is_last_of_pem(line)))
}

/// Whether the letters of a short line follow one another at random, and mean no text: so the last line of a key looks.
fn is_last_of_pem(line: &str) -> bool {
    let kind = |byte: u8| (byte.is_ascii_lowercase(), byte.is_ascii_uppercase(), byte.is_ascii_digit());
    let changes = |pair: &&[u8]| pair.iter().all(u8::is_ascii_alphanumeric) && kind(pair[0]) != kind(pair[1]);
    MIN_LAST_PEM_BYTES <= line.len()
        && line.len().is_multiple_of(4)
        && line.len() * 2 <= line.as_bytes().windows(2).filter(changes).count() * 5
        && encoded::meaning(line).is_none()
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_token(byte: u8) -> bool {
    is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/')
}
