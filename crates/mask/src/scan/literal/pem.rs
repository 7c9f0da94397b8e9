//! Private keys in PEM form: as a whole, cut off at either end, and line by line.

use std::ops::Range;

use crate::rule::Hit;
use crate::runs::Runs;
use crate::scan::Scan;
use crate::{Rule, encoded};

pub(super) const PEM_BEGIN: &str = "-----BEGIN";
pub(super) const PEM_END: &str = "-----END";
const MAX_PEM_HEADER_BYTES: usize = 64;
/// How long a line of base64 in a PEM file is, by the program that wrote it.
const PEM_LINE_BYTES: [usize; 3] = [64, 70, 76];
const MAX_PEM_LINE_BYTES: usize = 76;
const MIN_LAST_PEM_BYTES: usize = 16;

impl Scan<'_> {
    /// A private key from its first to its last line; without a last line it takes all.
    pub(super) fn pem(&self, start: usize, begun: usize) -> Option<Range<usize>> {
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
    pub(super) fn pem_tail(&self, start: usize, ended: usize) -> Option<Range<usize>> {
        let end = self.text.floor_char_boundary((ended + MAX_PEM_HEADER_BYTES).min(self.text.len()));
        let (footer, _) = self.slice(ended..end).split_once("-----")?;
        let of_key = |byte: &u8| encoded::is_standard(*byte) || matches!(byte, b'=' | b'\\' | b'\n' | b'\r');
        let before = self.bytes[..start].iter().rev().take_while(|byte| of_key(byte)).count();
        let is_private = ["PRIVATE KEY", "PRIVATE+KEY"].iter().any(|words| footer.contains(words));
        let first = self.skip_while(start - before, |byte| matches!(byte, b'\n' | b'\r'));
        (is_private && MIN_LAST_PEM_BYTES <= before).then_some(first..ended + footer.len() + 5)
    }

    /// Lines of a PEM file: the whole text, since files are read line by line, or lines of it.
    pub(super) fn pem_lines(&mut self, runs: &Runs) {
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
