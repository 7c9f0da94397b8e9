//! Reads the spool as a stream: one record at a time, whatever waits behind it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::format::{Head, SEGMENT_HEAD};
use super::segment::{Found, find, head_at, payload_at};
use super::{Segment, Spool};
use crate::disk::Handle;
use crate::state::Covered;

/// A place in the spool that moves forward. Reading blocks on the disk, never on the writer.
#[derive(Debug)]
pub(crate) struct Reader {
    spool: Arc<Spool>,
    /// Records below this number are passed over.
    wanted: u64,
    /// The number of the next record and the lines before it, where they are known.
    expected: Option<(u64, u64)>,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    /// The segment.
    id: u64,
    file: Arc<dyn Handle>,
    at: u64,
}

/// One batch out of the spool.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) head: Head,
    /// What it says of the sources.
    pub(crate) covered: Covered,
    /// The lines: a push request in one block of snappy; empty if there are none.
    pub(crate) body: Bytes,
    /// What should have come before it, and was dropped or damaged.
    pub(crate) missing: Missing,
}

/// Batches that are not there any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) batches: u64,
    pub(crate) lines: u64,
}

impl Record {
    /// Lines in all records up to this one, since the agent's first start.
    pub(crate) fn lines_end(&self) -> u64 {
        self.head.lines_before + u64::from(self.head.lines)
    }
}

impl Reader {
    /// Begins behind the record with this number; `lines` are those up to it, if that is known.
    pub(super) fn new(spool: Arc<Spool>, after: u64, lines: Option<u64>) -> Self {
        let expected = lines.map(|lines| (after + 1, lines));
        Self { spool, wanted: after + 1, expected, place: None }
    }

    /// The next record that is on disk; `None` when there is none yet.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            let Some(segment) = self.spool.segment(self.place.as_ref().map(|place| place.id), self.wanted) else {
                // An open file keeps its room on the disk, also when it is removed.
                self.place = None;
                return Ok(None);
            };
            let Some(place) = self.at(&segment)? else { continue };
            let (file, at) = (Arc::clone(&place.file), place.at);
            if at >= segment.len {
                if !self.leave(&segment) {
                    return Ok(None);
                }
                continue;
            }
            let head = match head_at(&*file, at, segment.len)? {
                Found::Head(head) if segment.next.is_some_and(|next| next <= head.sequence) => {
                    // Written again in the next segment, since nobody was sure of this one.
                    self.leave(&segment);
                    continue;
                }
                Found::Head(head) => head,
                Found::Damage => {
                    self.move_to(find(&*file, at + 1, segment.len)?.unwrap_or(segment.len));
                    continue;
                }
            };
            if head.sequence < self.wanted {
                self.move_to(at + head.record());
                continue;
            }
            match payload_at(&*file, at, &head)? {
                Some((covered, body)) => {
                    self.move_to(at + head.record());
                    return Ok(Some(self.deliver(head, covered, body)));
                }
                None => self.move_to(find(&*file, at + 1, segment.len)?.unwrap_or(segment.len)),
            }
        }
    }

    /// The place within this segment; `None` if the segment was removed just now.
    fn at(&mut self, segment: &Segment) -> io::Result<Option<&Place>> {
        if self.place.as_ref().is_none_or(|place| place.id != segment.id) {
            let file = match self.spool.open_segment(segment.first) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !self.spool.has(segment.id) => {
                    self.place = None;
                    return Ok(None);
                }
                opened => opened?,
            };
            self.place = Some(Place { id: segment.id, file, at: SEGMENT_HEAD as u64 });
        }
        Ok(self.place.as_ref())
    }

    fn move_to(&mut self, at: u64) {
        if let Some(place) = &mut self.place {
            place.at = at;
        }
    }

    /// Goes to the next segment, if there is one.
    fn leave(&mut self, segment: &Segment) -> bool {
        let Some(next) = segment.next else { return false };
        self.wanted = self.wanted.max(next);
        self.place = None;
        true
    }

    fn deliver(&mut self, head: Head, covered: Covered, body: Vec<u8>) -> Record {
        let (sequence, lines) = self.expected.unwrap_or((head.sequence, head.lines_before));
        let missing =
            Missing { batches: head.sequence.saturating_sub(sequence), lines: head.lines_before.saturating_sub(lines) };
        let record = Record { head, covered, body: Bytes::from(body), missing };
        self.wanted = head.sequence + 1;
        self.expected = Some((self.wanted, record.lines_end()));
        record
    }
}
