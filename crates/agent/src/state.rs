//! What the agent remembers between runs: how far each source is read, as far as its lines are in the spool.
//!
//! The state is the sum of what the spool's records cover, up to one of them; a start adds the records behind it. It
//! holds no text of a line: places in files, and hashes.

mod ended;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use logline::Labels;
use serde::{Deserialize, Serialize};

use crate::Error;
pub(crate) use ended::Ended;

/// The state's file in its folder.
pub(crate) const STATE: &str = "state.json";

const VERSION: u32 = 2;
/// Files that are gone or were cut, of which a restart must know.
const MAX_ENDED: usize = 256;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The agent's own id, made at its first start.
    pub agent: String,
    /// The number of the last batch that is in here.
    pub sequence: u64,
    /// Inputs that were there in an earlier run: `start = "end"` is about the others only.
    pub inputs: BTreeSet<String>,
    /// How far each file is in the spool.
    #[serde(with = "positions")]
    pub files: BTreeMap<FileId, Position>,
    /// How far files were that are gone, or were cut since.
    #[serde(default, skip_serializing_if = "Ended::is_empty")]
    pub(crate) ended: Ended,
    /// How far inputs without files are in the spool, in their own words.
    #[serde(default)]
    pub cursors: BTreeMap<String, String>,
    /// Counters since the first start.
    pub totals: Totals,
}

/// What one batch covers of the sources; it is saved with the batch's lines, in one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Covered {
    /// How far files are read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Position>,
    /// How far inputs without files are read, in their own words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cursors: BTreeMap<String, String>,
    /// Files that are gone and read to their end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forget: Vec<FileId>,
    /// How far files were read that are gone, or were cut since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<Position>,
    /// What the batch adds to the counters.
    pub counts: Totals,
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

/// How far a file is in the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Where the file was last seen; after a restart without what is no text in it.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// Which file it is.
    pub file: FileId,
    /// The labels of its lines, masked.
    pub labels: Labels,
    /// Bytes from its start that are.
    pub offset: u64,
    /// What stands before the offset.
    pub marker: Marker,
}

/// Files are known by what the kernel calls them, so their names need not be exact.
fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// A hash of the bytes before an offset, which tells whether a file is still the one that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// How many bytes.
    pub len: u64,
    /// Their hash.
    pub hash: String,
}

/// Counters since the first start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Batches.
    pub batches: u64,
    /// Lines in them.
    pub lines: u64,
    /// Their bytes in the sources.
    pub bytes: u64,
    /// Lines over the size limit.
    pub cut_lines: u64,
    /// Lines replaced because masking them failed.
    pub mask_errors: u64,
    /// Personal data replaced, by rule.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub masked: BTreeMap<String, u64>,
    /// Events that an input's rules left out, by rule.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
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
            version: VERSION,
            agent: uuid::Uuid::new_v4().to_string(),
            sequence: 0,
            inputs: BTreeSet::new(),
            files: BTreeMap::new(),
            ended: Ended::default(),
            cursors: BTreeMap::new(),
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
        if state.version == VERSION { Ok(Some(state)) } else { Err(damaged()) }
    }

    /// Notes a file before anything of it is read, so that its name is known should it be renamed.
    pub(crate) fn meet(&mut self, position: Position) {
        self.files.insert(position.file, position);
    }

    /// Notes how far a file was read that is gone or was cut.
    pub(crate) fn end(&mut self, position: Position) {
        self.ended.add(position, MAX_ENDED);
    }

    /// Notes that a file has another name now.
    pub(crate) fn rename(&mut self, file: FileId, path: &Path) {
        if let Some(known) = self.files.get_mut(&file) {
            path.clone_into(&mut known.path);
        }
    }

    /// Adds a record of the spool; those that are in it already change nothing.
    pub(crate) fn apply(&mut self, sequence: u64, covered: &Covered) {
        if sequence <= self.sequence {
            return;
        }
        self.sequence = sequence;
        for position in &covered.files {
            self.meet(position.clone());
        }
        self.cursors.extend(covered.cursors.clone());
        for file in &covered.forget {
            self.files.remove(file);
        }
        covered.ended.iter().for_each(|position| self.end(position.clone()));
        self.totals.add(&covered.counts);
    }
}

impl Totals {
    fn add(&mut self, more: &Self) {
        self.batches += more.batches;
        self.lines += more.lines;
        self.bytes += more.bytes;
        self.cut_lines += more.cut_lines;
        self.mask_errors += more.mask_errors;
        for (rule, count) in &more.masked {
            *self.masked.entry(rule.clone()).or_default() += count;
        }
        for (rule, count) in &more.dropped {
            *self.dropped.entry(rule.clone()).or_default() += count;
        }
    }
}

/// Positions by file, written as a list.
mod positions {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{FileId, Position};

    pub(super) fn serialize<S: Serializer>(
        files: &BTreeMap<FileId, Position>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(files.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<FileId, Position>, D::Error> {
        let files = Vec::<Position>::deserialize(deserializer)?;
        Ok(files.into_iter().map(|position| (position.file, position)).collect())
    }
}

#[cfg(test)]
mod tests;
