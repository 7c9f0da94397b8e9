//! Reads the records of one segment, and finds the next good one behind damage.

use std::io;

use super::format::{Head, RECORD_HEAD, RECORD_MAGIC};
use crate::disk::Handle;
use crate::state::Covered;

/// Bytes that a search for a record looks at in one go.
const SEARCH: usize = 256 << 10;

/// What stands at a place.
#[derive(Debug)]
pub(super) enum Found {
    /// The head of a record that ends within the segment; its payload is not looked at yet.
    Head(Head),
    /// No record.
    Damage,
}

/// The head at a place of a segment with `len` readable bytes.
pub(super) fn head_at(file: &dyn Handle, at: u64, len: u64) -> io::Result<Found> {
    let mut bytes = [0; RECORD_HEAD];
    let got = file.read_at(&mut bytes, at)?;
    let head = bytes.get(..got).and_then(Head::read);
    Ok(match head.filter(|head| at.saturating_add(head.record()) <= len) {
        Some(head) => Found::Head(head),
        None => Found::Damage,
    })
}

/// The payload behind a head: what the record covers, and its lines. `None` if it is not the one that was written.
pub(super) fn payload_at(file: &dyn Handle, at: u64, head: &Head) -> io::Result<Option<(Covered, Vec<u8>)>> {
    let mut payload = vec![0; head.payload()];
    let got = file.read_at(&mut payload, at + RECORD_HEAD as u64)?;
    payload.truncate(got);
    let Some(covered) = head.open(&payload) else { return Ok(None) };
    payload.drain(..head.covered as usize);
    Ok(Some((covered, payload)))
}

/// The place of the first whole record at or behind `from`.
pub(super) fn find(file: &dyn Handle, from: u64, len: u64) -> io::Result<Option<u64>> {
    let finder = memchr::memmem::Finder::new(&RECORD_MAGIC);
    let mut buffer = vec![0; SEARCH];
    let mut from = from;
    while from < len {
        let got = file.read_at(&mut buffer, from)?;
        for hit in finder.find_iter(buffer.get(..got).unwrap_or_default()) {
            let at = from + hit as u64;
            if let Found::Head(head) = head_at(file, at, len)?
                && payload_at(file, at, &head)?.is_some()
            {
                return Ok(Some(at));
            }
        }
        if got < buffer.len() {
            return Ok(None);
        }
        // The magic may stand across the border.
        from += (got - (RECORD_MAGIC.len() - 1)) as u64;
    }
    Ok(None)
}

/// What a scan of a whole segment found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The last good record.
    pub(super) last: Option<Head>,
    /// Where what can be believed ends.
    pub(super) end: u64,
    /// Places of damage that a later record proves to have been on disk once.
    pub(super) damaged: u64,
}

/// Reads every record from `start` on. A damaged one is the torn end of an interrupted write, unless a good record
/// behind it was written when the damaged one was known to be on disk.
pub(super) fn scan(file: &dyn Handle, start: u64, len: u64) -> io::Result<Scan> {
    let mut scan = Scan { end: start, ..Scan::default() };
    let mut at = start;
    while at < len {
        if let Found::Head(head) = head_at(file, at, len)?
            && payload_at(file, at, &head)?.is_some()
        {
            at += head.record();
            (scan.last, scan.end) = (Some(head), at);
            continue;
        }
        let next = scan.last.map_or(0, |last| last.sequence + 1);
        let Some(found) = find(file, at + 1, len)? else { return Ok(scan) };
        let Found::Head(proof) = head_at(file, found, len)? else { return Ok(scan) };
        if proof.synced < next {
            return Ok(scan);
        }
        scan.damaged += 1;
        at = found;
    }
    Ok(scan)
}
