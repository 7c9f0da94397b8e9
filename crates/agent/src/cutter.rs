//! Cuts a stream of bytes into lines, where nothing can be read twice.

use std::time::Instant;

use crate::batch::{MARGIN, MAX_LINE};
use crate::intake::Take;
use crate::lines::{Lines, Raw};

/// Cuts a stream into lines; holds one line of bounded size.
#[derive(Debug)]
pub(crate) struct Cutter {
    pub(crate) lines: Lines,
    /// The line under way.
    rest: Vec<u8>,
    /// The first half of a character of two bytes whose second half has not come yet.
    half: Vec<u8>,
    /// Its length, which may be more than is kept.
    length: usize,
    at: u64,
}

impl Cutter {
    /// Begins at a place in the stream.
    pub(crate) fn new(lines: Lines, at: u64) -> Self {
        Self { lines, rest: Vec::new(), half: Vec::new(), length: 0, at }
    }

    /// Adds what came.
    pub(crate) fn push(&mut self, data: &[u8], now: Instant, out: &mut impl Take) {
        if self.lines.charset().width() == 1 {
            return self.cut(data, now, out);
        }
        let mut whole = std::mem::take(&mut self.half);
        whole.extend_from_slice(data);
        if whole.len() % 2 == 1 {
            self.half.extend(whole.pop());
        }
        self.cut(&whole, now, out);
    }

    /// Cuts whole characters.
    fn cut(&mut self, mut data: &[u8], now: Instant, out: &mut impl Take) {
        let charset = self.lines.charset();
        while let Some(end) = charset.line_end(data, 0) {
            let (line, more) = data.split_at(end);
            self.add(line);
            self.close(charset.width(), now, out);
            data = more.get(charset.width()..).unwrap_or_default();
        }
        self.add(data);
    }

    fn add(&mut self, data: &[u8]) {
        let room = (MAX_LINE + MARGIN).saturating_sub(self.rest.len()).min(data.len());
        self.rest.extend_from_slice(data.get(..room).unwrap_or_default());
        self.length += data.len();
    }

    fn close(&mut self, end: usize, now: Instant, out: &mut impl Take) {
        let (from, to) = (self.at, self.at + (self.length + end) as u64);
        let total = (self.length > self.rest.len()).then_some(self.length);
        self.lines.push(Raw { bytes: &self.rest, total, from, to }, out, now);
        self.rest.clear();
        (self.length, self.at) = (0, to);
    }

    /// The stream has ended.
    pub(crate) fn finish(&mut self, now: Instant, out: &mut impl Take) {
        let half = std::mem::take(&mut self.half);
        self.add(&half);
        if self.length > 0 {
            self.close(0, now, out);
        }
        self.lines.finish();
    }

    /// Moves whole events out; tells up to which place the stream is out then.
    pub(crate) fn take(&mut self, out: &mut impl Take) -> u64 {
        self.lines.take(self.at, out)
    }
}

#[cfg(test)]
mod tests;
