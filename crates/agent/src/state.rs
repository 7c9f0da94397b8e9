//! What the agent remembers between runs: how far each file is delivered, and which batch is under way.
//!
//! One JSON file, replaced atomically and synced before anything depends on it. A batch is written down before it is
//! sent, so that after a crash the same lines go out under the same number and the server can drop the repeat. It
//! holds no text of a line: places in files, and hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use logline::Labels;
use serde::{Deserialize, Serialize};

use crate::Error;

const STATE: &str = "state.json";
const LOCK: &str = "lock";

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
}

/// How far a file is delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Where the file was last seen.
    pub path: PathBuf,
    /// Which file it is.
    pub file: FileId,
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
    fn new() -> Self {
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
            let position = part.end();
            match self.files.iter_mut().find(|known| known.file == part.file) {
                Some(known) => *known = position,
                None => self.files.push(position),
            }
        }
    }
}

impl Part {
    /// Where the file stands once the part is delivered.
    pub(crate) fn end(&self) -> Position {
        Position { path: self.path.clone(), file: self.file, offset: self.to, marker: self.marker.clone() }
    }
}

/// The folder of the state; locked, so that no two agents share it.
#[derive(Debug)]
pub(crate) struct StateDir {
    dir: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the folder if need be, locks it, and reads or begins the state.
    pub(crate) fn open(dir: &Path) -> Result<(Self, State), Error> {
        let failed = |source| Error::io("cannot use the state folder", dir, source);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(dir.join(LOCK)).map_err(failed)?;
        lock.try_lock().map_err(|_| Error::Locked(dir.to_owned()))?;
        let state = State::load(dir)?.unwrap_or_else(State::new);
        let this = Self { dir: dir.to_owned(), _lock: lock };
        this.save(&state)?;
        Ok((this, state))
    }

    /// Replaces the state; on return it survives a power cut.
    pub(crate) fn save(&self, state: &State) -> Result<(), Error> {
        let path = self.dir.join(STATE);
        self.replace(&path, state).map_err(|source| Error::io("cannot write", &path, source))
    }

    fn replace(&self, path: &Path, state: &State) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(state)?;
        let next = self.dir.join("state.json.next");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        File::open(&self.dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests;
