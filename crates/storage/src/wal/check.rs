//! Looks at segments without touching them: whether every record holds, and what cannot be the torn end of a write.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::payload::decode;
use super::record::{Record, SEGMENT_HEADER, SegmentHeader, durable_end_in};
use crate::{Error, paths};

/// What a look at the log found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) segments: u64,
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// Position of the last whole record; 0 when there is none.
    pub(crate) last: u64,
    /// Bytes at ends of segments of which nothing proves that they were ever acknowledged.
    pub(crate) torn_bytes: u64,
    /// Segment, offset, and what is wrong there.
    pub(crate) damages: Vec<(PathBuf, usize, String)>,
}

/// Checks all segments of a folder. Records up to and including `known` are in files.
pub(crate) fn check(folder: &Path, known: u64) -> Result<Checked, Error> {
    let mut checked = Checked::default();
    let segments = read(folder)?;
    let headers: Vec<Option<SegmentHeader>> = segments.iter().map(|(_, bytes)| SegmentHeader::decode(bytes)).collect();
    for (index, (path, bytes)) in segments.iter().enumerate() {
        checked.segments += 1;
        checked.bytes += bytes.len() as u64;
        let Some(header) = headers.get(index).copied().flatten() else {
            // The newest one may have been interrupted in its making.
            if index + 1 < segments.len() || SEGMENT_HEADER < bytes.len() {
                checked.damages.push((path.clone(), 0, "the header of the segment does not add up".to_owned()));
            }
            continue;
        };
        let behind = headers.get(index + 1..).unwrap_or_default();
        let later = behind.iter().flatten().map(|header| header.acknowledged).max().unwrap_or(0);
        let later = later.min(behind.iter().flatten().next().map_or(0, |next| next.first));
        checked.segment((path, bytes), header.first, later, known);
    }
    Ok(checked)
}

impl Checked {
    fn segment(&mut self, (path, bytes): (&Path, &[u8]), first: u64, later: u64, known: u64) {
        let (mut at, mut position) = (SEGMENT_HEADER, first);
        while let Some(record) = record_at(bytes, at, position) {
            if let Err(reason) = decode(record.payload) {
                self.damages.push((path.to_owned(), at, format!("record {position}: {reason}")));
            }
            self.records += 1;
            self.last = position;
            at += record.size();
            position += 1;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if position.max(known + 1) < later.max(durable_end_in(rest, position)) {
            self.damages.push((path.to_owned(), at, format!("record {position} was durable and is damaged")));
        } else {
            self.torn_bytes += rest.len() as u64;
        }
    }
}

/// The position behind the last whole record of a segment, and that of its first; `None` without a header.
pub(crate) fn end_of(bytes: &[u8]) -> Option<(u64, u64)> {
    let first = SegmentHeader::decode(bytes)?.first;
    let (mut at, mut position) = (SEGMENT_HEADER, first);
    while let Some(record) = record_at(bytes, at, position) {
        at += record.size();
        position += 1;
    }
    Some((first, position))
}

/// Position behind the last record before a segment that may have been acknowledged, as its header says.
pub(crate) fn acknowledged_before(bytes: &[u8]) -> Option<u64> {
    SegmentHeader::decode(bytes).map(|header| header.acknowledged)
}

fn record_at(bytes: &[u8], at: usize, position: u64) -> Option<Record<'_>> {
    Record::decode(bytes.get(at..)?).filter(|record| record.position == position)
}

/// Segments, oldest first. One that goes meanwhile was covered by files.
fn read(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    let failed = |error| Error::io("read the folder", folder, error);
    let mut names = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().and_then(paths::parse_segment).is_some() {
            names.push(entry.path());
        }
    }
    names.sort();
    let mut segments = Vec::with_capacity(names.len());
    for path in names {
        match fs::read(&path) {
            Ok(bytes) => segments.push((path, bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &path, error)),
        }
    }
    Ok(segments)
}
