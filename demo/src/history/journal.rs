//! The services' log files, each in order of time although calls overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use logline::{Record, Timestamp};

use crate::lines::Service;

/// Puts lines in order and writes them. A line may be told ahead of time, until [`Journal::settle`] has passed it.
#[derive(Debug)]
pub struct Journal<W> {
    files: [File<W>; Service::ALL.len()],
    told: u64,
    end: Timestamp,
}

#[derive(Debug)]
struct File<W> {
    waiting: BinaryHeap<Reverse<Waiting>>,
    out: W,
    lines: u64,
    spare: Vec<String>,
}

/// A line that another one may still overtake; lines of the same moment keep the order in which they were told.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    at: Timestamp,
    told: u64,
    text: String,
}

/// Strings kept for the next lines.
const SPARE: usize = 256;

impl<W: Write> Journal<W> {
    /// Writes to these, in the order of [`Service::ALL`]; what lies beyond `end` is left out.
    pub fn new(outs: [W; Service::ALL.len()], end: Timestamp) -> Self {
        let file = |out| File { waiting: BinaryHeap::new(), out, lines: 0, spare: Vec::new() };
        Self { files: outs.map(file), told: 0, end }
    }

    /// A line of the house format.
    pub fn record(&mut self, service: Service, at: Timestamp, record: &Record<'_>) {
        if at <= self.end {
            let mut text = self.file(service).spare.pop().unwrap_or_default();
            record.write(&mut text);
            self.text(service, at, text);
        }
    }

    /// A line of any other format, without its line break.
    pub fn text(&mut self, service: Service, at: Timestamp, text: String) {
        if at <= self.end {
            self.told += 1;
            let told = self.told;
            self.file(service).waiting.push(Reverse(Waiting { at, told, text }));
        }
    }

    /// Writes all that was told for a time up to `now`.
    pub fn settle(&mut self, now: Timestamp) -> io::Result<()> {
        self.files.iter_mut().try_for_each(|file| file.settle(now))
    }

    /// How many lines stand in the files.
    pub fn lines(&self) -> u64 {
        self.files.iter().map(|file| file.lines).sum()
    }

    /// Writes what is left; returns how many lines there are, and the files.
    pub fn finish(mut self) -> io::Result<(u64, [W; Service::ALL.len()])> {
        self.settle(self.end)?;
        for file in &mut self.files {
            file.out.flush()?;
        }
        Ok((self.lines(), self.files.map(|file| file.out)))
    }

    fn file(&mut self, service: Service) -> &mut File<W> {
        &mut self.files[service as usize]
    }
}

impl<W: Write> File<W> {
    fn settle(&mut self, now: Timestamp) -> io::Result<()> {
        while self.waiting.peek().is_some_and(|Reverse(next)| next.at <= now) {
            let Some(Reverse(Waiting { mut text, .. })) = self.waiting.pop() else { break };
            text.push('\n');
            self.out.write_all(text.as_bytes())?;
            self.lines += 1;
            if self.spare.len() < SPARE {
                text.clear();
                self.spare.push(text);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_in_order_of_time_and_none_lies_beyond_the_end() {
        let mut journal = Journal::new([Vec::new(), Vec::new(), Vec::new()], Timestamp(50));
        for (at, text) in [(20, "second"), (10, "first"), (20, "third"), (51, "too late")] {
            journal.text(Service::Shop, Timestamp(at), text.to_owned());
        }
        journal.settle(Timestamp(15)).unwrap();
        assert_eq!(journal.lines(), 1);
        let (lines, [shop, crm, mes]) = journal.finish().unwrap();
        assert_eq!(lines, 3);
        assert_eq!(String::from_utf8(shop).unwrap(), "first\nsecond\nthird\n");
        assert!(crm.is_empty() && mes.is_empty());
    }
}
