//! What the agent remembers between runs: how far each file is delivered, and which batch is under way.
//!
//! A batch is written down before it is sent, so that after a crash the same lines go out under the same number and the
//! server can drop the repeat. The state holds no text of a line: places in files, and hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use logline::Labels;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The state's file in its folder.
pub(crate) const STATE: &str = "state.json";

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The agent's own id, made at its first start.
    pub agent: String,
    /// The number of the last batch that was begun.
    pub sequence: u64,
    /// Inputs that were there in an earlier run: `start = "end"` is about the others only.
    pub inputs: BTreeSet<String>,
    /// How far each file is delivered.
    pub files: Vec<Position>,
    /// The batch that was begun and is not known to be delivered.
    pub in_flight: Option<InFlight>,
    /// Counters since the first start.
    pub totals: Totals,
}

/// A file as the kernel knows it, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// When it was made, in nanoseconds since the epoch, since inodes are used again; 0 where the file system forgets.
    pub born: u64,
}

/// How far a file is delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Where the file was last seen.
    pub path: PathBuf,
    /// Which file it is.
    pub file: FileId,
    /// The labels of its lines, masked.
    pub labels: Labels,
    /// Bytes from its start that are delivered.
    pub offset: u64,
    /// What stands before the offset.
    pub marker: Marker,
}

/// A hash of the bytes before an offset, which tells whether a file is still the one that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// How many bytes.
    pub len: u64,
    /// Their hash.
    pub hash: String,
}

/// A batch under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// Its number.
    pub sequence: u64,
    /// Where its lines stand.
    pub parts: Vec<Part>,
}

/// A range of a file that went into one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where the file was.
    pub path: PathBuf,
    /// Which file it is.
    pub file: FileId,
    /// The labels of its lines, masked.
    pub labels: Labels,
    /// The first byte.
    pub from: u64,
    /// The byte behind the last.
    pub to: u64,
    /// What stands before `to`.
    pub marker: Marker,
}

/// Counters since the first start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Batches that the server took, wholly or in part.
    pub batches: u64,
    /// Lines in them.
    pub lines: u64,
    /// Their bytes in the files.
    pub bytes: u64,
    /// Attempts that failed and were repeated.
    pub retries: u64,
    /// Batches that the server refused, wholly or in part.
    pub refused_batches: u64,
    /// Lines over the size limit.
    pub cut_lines: u64,
    /// Lines replaced because masking them failed.
    pub mask_errors: u64,
    /// Ranges of files that were gone before a restart could send them again.
    pub lost_parts: u64,
    /// Personal data replaced, by rule.
    pub masked: BTreeMap<String, u64>,
}

impl Marker {
    /// The longest stretch that is hashed.
    pub const MAX: usize = 256;

    /// The marker of these bytes, of which the last [`Self::MAX`] count.
    pub fn of(bytes: &[u8]) -> Self {
        let tail = &bytes[bytes.len().saturating_sub(Self::MAX)..];
        let hash = blake3::hash(tail).to_hex();
        Self { len: tail.len() as u64, hash: hash.get(..16).unwrap_or_default().to_owned() }
    }
}

impl State {
    /// The state of an agent that never ran.
    pub(crate) fn new() -> Self {
        Self {
            version: 1,
            agent: uuid::Uuid::new_v4().to_string(),
            sequence: 0,
            inputs: BTreeSet::new(),
            files: Vec::new(),
            in_flight: None,
            totals: Totals::default(),
        }
    }

    /// Reads what an agent, running or not, has written last; `None` if there is nothing.
    pub fn load(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(STATE);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|source| Error::io("cannot read", &path, source))?,
        };
        let damaged = || Error::Damaged(path.clone());
        let state: Self = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if state.version == 1 { Ok(Some(state)) } else { Err(damaged()) }
    }

    /// Notes a file before anything of it is delivered, so that its name is known should it be renamed.
    pub(crate) fn meet(&mut self, position: Position) {
        match self.files.iter_mut().find(|known| known.file == position.file) {
            Some(known) => *known = position,
            None => self.files.push(position),
        }
    }

    /// Notes that a file has another name now.
    pub(crate) fn rename(&mut self, file: FileId, path: &Path) {
        for known in self.files.iter_mut().filter(|known| known.file == file) {
            path.clone_into(&mut known.path);
        }
    }

    /// Where reading starts: what is delivered, and behind that what is under way.
    pub(crate) fn starts(&self) -> BTreeMap<FileId, Position> {
        let mut starts: BTreeMap<_, _> = self.files.iter().map(|position| (position.file, position.clone())).collect();
        for part in self.in_flight.iter().flat_map(|batch| &batch.parts) {
            starts.insert(part.file, part.end());
        }
        starts
    }

    /// Notes a batch before it is sent; gives its number.
    pub(crate) fn begin(&mut self, sequence: Option<u64>, parts: &[Part]) -> u64 {
        let sequence = sequence.unwrap_or(self.sequence + 1);
        self.sequence = self.sequence.max(sequence);
        self.in_flight = Some(InFlight { sequence, parts: parts.to_vec() });
        sequence
    }

    /// Notes that the batch under way is settled.
    pub(crate) fn commit(&mut self) {
        for part in self.in_flight.take().into_iter().flat_map(|batch| batch.parts) {
            self.meet(part.end());
        }
    }
}

impl Part {
    /// Where the file stands once the part is delivered.
    pub(crate) fn end(&self) -> Position {
        let Self { path, file, labels, to: offset, marker, .. } = self.clone();
        Position { path, file, labels, offset, marker }
    }
}

#[cfg(test)]
mod tests;
