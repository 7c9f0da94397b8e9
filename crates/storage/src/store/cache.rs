//! Copies, on the local disk, of blocks that were read from a bucket: footers, indexes and pages that are wanted again.
//!
//! A block is a file of its own: a checksum over its name and bytes, then the bytes. One that does not add up, as after
//! a crash, is read from the bucket again. A block that was wanted once makes room before one that was wanted again, so
//! that a scan of everything does not push out what every query needs. The cache is never needed: a disk that fails or
//! is full only makes it useless.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::{Error, Metrics, paths};

/// Bytes of a block; the last one of a file is shorter.
const BLOCK: u64 = 256 << 10;
/// Bytes of the checksum before them.
const HEADER: usize = 4;

/// A bounded store of blocks that survives restarts.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    limit: u64,
    state: Mutex<State>,
    hits: Counter,
    misses: Counter,
    gauge: Gauge,
}

/// A block of an object: the object by the hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    object: u128,
    block: u64,
}

/// What is on the disk. A block is in one of the queues, by the turn of its last use.
#[derive(Debug, Default)]
struct State {
    blocks: HashMap<Key, Entry>,
    wanted_once: BTreeMap<u64, Key>,
    wanted_again: BTreeMap<u64, Key>,
    turn: u64,
    bytes: u64,
    bytes_wanted_again: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    turn: u64,
    bytes: u64,
    again: bool,
}

impl Cache {
    /// Opens the folder, made when it is missing, with what an earlier run has left.
    pub(crate) fn open(folder: &Path, limit: u64, metrics: &Metrics) -> Result<Self, Error> {
        paths::create_folder(folder)?;
        let cache = Self {
            folder: folder.to_owned(),
            limit,
            state: Mutex::default(),
            hits: metrics.cache_hits.clone(),
            misses: metrics.cache_misses.clone(),
            gauge: metrics.cache_bytes.clone(),
        };
        let read = |error| Error::io("read the folder", folder, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(read)?.flatten() {
            let Some(key) = entry.file_name().to_str().and_then(Key::parse) else { continue };
            let Ok(metadata) = entry.metadata() else { continue };
            found.push((metadata.modified().ok(), key, metadata.len()));
        }
        found.sort_by_key(|(modified, ..)| *modified);
        for (_, key, bytes) in found {
            cache.insert(key, bytes);
        }
        Ok(cache)
    }

    /// Bytes of ranges of an object, all within its `len` bytes; asks `fetch` for whole blocks that are not here.
    pub(crate) fn read(
        &self,
        object: &str,
        len: u64,
        ranges: &[Range<u64>],
        fetch: impl FnOnce(&[Range<u64>]) -> Result<Vec<Bytes>, Error>,
    ) -> Result<Vec<Bytes>, Error> {
        let object = hash(object);
        let blocks: std::collections::BTreeSet<u64> = ranges.iter().flat_map(blocks_of).collect();
        let span = |block: u64| block * BLOCK..((block + 1) * BLOCK).min(len);
        let mut here: HashMap<u64, Bytes> = HashMap::with_capacity(blocks.len());
        let mut missing: Vec<u64> = Vec::new();
        for block in blocks {
            match self.get(Key { object, block }, span(block)) {
                Some(bytes) => drop(here.insert(block, bytes)),
                None => missing.push(block),
            }
        }
        self.hits.inc_by(here.len() as u64);
        self.misses.inc_by(missing.len() as u64);
        if !missing.is_empty() {
            let runs: Vec<&[u64]> = missing.chunk_by(|a, b| a + 1 == *b).collect();
            let edge = |block: Option<&u64>| block.map_or(0..0, |block| span(*block));
            let wanted: Vec<_> = runs.iter().map(|run| edge(run.first()).start..edge(run.last()).end).collect();
            for (run, bytes) in runs.iter().zip(fetch(&wanted)?) {
                let mut rest = bytes;
                for block in *run {
                    let size = usize::try_from(span(*block).end - span(*block).start).unwrap_or(0).min(rest.len());
                    let bytes = rest.split_to(size);
                    self.put(Key { object, block: *block }, &bytes);
                    here.insert(*block, bytes);
                }
            }
        }
        Ok(ranges.iter().map(|range| cut(&here, range)).collect())
    }

    /// Removes what is here of an object.
    pub(crate) fn forget(&self, object: &str) {
        let object = hash(object);
        let gone: Vec<Key> = {
            let mut state = self.state();
            let keys: Vec<Key> = state.blocks.keys().filter(|key| key.object == object).copied().collect();
            keys.iter().for_each(|key| state.remove(*key));
            keys
        };
        self.unlink(&gone);
    }

    fn get(&self, key: Key, span: Range<u64>) -> Option<Bytes> {
        let known = self.state().wanted(key, self.limit);
        if !known {
            return None;
        }
        let content = fs::read(self.folder.join(key.name())).ok();
        let bytes = content.and_then(|content| checked(key, content.into()));
        let bytes = bytes.filter(|bytes| bytes.len() as u64 == span.end - span.start);
        if bytes.is_none() {
            self.state().remove(key);
            self.unlink(&[key]);
        }
        bytes
    }

    fn put(&self, key: Key, bytes: &Bytes) {
        let mut content = BytesMut::with_capacity(HEADER + bytes.len());
        content.extend_from_slice(&checksum(key, bytes).to_le_bytes());
        content.extend_from_slice(bytes);
        match fs::write(self.folder.join(key.name()), &content) {
            Ok(()) => self.insert(key, content.len() as u64),
            // The disk is full or failing: what was written of the block must not stay.
            Err(_) => self.unlink(&[key]),
        }
    }

    fn insert(&self, key: Key, bytes: u64) {
        let gone = self.state().insert(key, bytes, self.limit);
        self.unlink(&gone);
    }

    fn unlink(&self, keys: &[Key]) {
        for key in keys {
            // That it is gone already is fine, and what cannot be removed is found at the next start.
            drop(fs::remove_file(self.folder.join(key.name())));
        }
        self.gauge.set(i64::try_from(self.state().bytes).unwrap_or(i64::MAX));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a block is here; it is wanted again.
    fn wanted(&mut self, key: Key, limit: u64) -> bool {
        let Some(entry) = self.blocks.get(&key).copied() else { return false };
        self.remove(key);
        self.add(key, entry.bytes, true);
        // What is wanted again leaves a fifth for what is new.
        while limit / 5 * 4 < self.bytes_wanted_again {
            let Some((_, oldest)) = self.wanted_again.first_key_value().map(|(turn, key)| (*turn, *key)) else { break };
            let bytes = self.blocks.get(&oldest).map_or(0, |entry| entry.bytes);
            self.remove(oldest);
            self.add(oldest, bytes, false);
        }
        true
    }

    /// Adds a block; those that made room for it, maybe itself, are returned.
    fn insert(&mut self, key: Key, bytes: u64, limit: u64) -> Vec<Key> {
        self.remove(key);
        self.add(key, bytes, false);
        let mut gone = Vec::new();
        while limit < self.bytes {
            let oldest = self.wanted_once.first_key_value().or_else(|| self.wanted_again.first_key_value());
            let Some(oldest) = oldest.map(|(_, key)| *key) else { break };
            self.remove(oldest);
            gone.push(oldest);
        }
        gone
    }

    fn add(&mut self, key: Key, bytes: u64, again: bool) {
        self.turn += 1;
        self.blocks.insert(key, Entry { turn: self.turn, bytes, again });
        self.bytes += bytes;
        if again {
            self.bytes_wanted_again += bytes;
            self.wanted_again.insert(self.turn, key);
        } else {
            self.wanted_once.insert(self.turn, key);
        }
    }

    fn remove(&mut self, key: Key) {
        let Some(entry) = self.blocks.remove(&key) else { return };
        self.bytes -= entry.bytes;
        if entry.again {
            self.bytes_wanted_again -= entry.bytes;
            self.wanted_again.remove(&entry.turn);
        } else {
            self.wanted_once.remove(&entry.turn);
        }
    }
}

impl Key {
    fn name(self) -> String {
        format!("{:032x}-{}", self.object, self.block)
    }

    fn parse(name: &str) -> Option<Self> {
        let (object, block) = name.split_once('-').filter(|(object, _)| object.len() == 32)?;
        Some(Self { object: u128::from_str_radix(object, 16).ok()?, block: block.parse().ok()? })
    }
}

fn hash(object: &str) -> u128 {
    let hash = blake3::hash(object.as_bytes());
    hash.as_bytes().first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

fn checksum(key: Key, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key.object.to_le_bytes());
    hasher.update(&key.block.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn checked(key: Key, mut content: Bytes) -> Option<Bytes> {
    let expected = u32::from_le_bytes(*content.first_chunk()?);
    let bytes = content.split_off(HEADER);
    (checksum(key, &bytes) == expected).then_some(bytes)
}

/// Blocks that have bytes of a range.
const fn blocks_of(range: &Range<u64>) -> Range<u64> {
    if range.start < range.end { range.start / BLOCK..(range.end - 1) / BLOCK + 1 } else { 0..0 }
}

/// The bytes of a range, all of whose blocks are here.
fn cut(here: &HashMap<u64, Bytes>, range: &Range<u64>) -> Bytes {
    let part = |block: u64| {
        let start = block * BLOCK;
        let bytes = here.get(&block)?;
        let from = usize::try_from(range.start.saturating_sub(start)).ok()?.min(bytes.len());
        let to = usize::try_from(range.end - start).ok()?.min(bytes.len());
        Some(bytes.slice(from..to))
    };
    let mut parts = blocks_of(range).filter_map(part);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let Some(second) = second else { return first };
    let mut whole = BytesMut::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
    [first, second].into_iter().chain(parts).for_each(|part| whole.extend_from_slice(&part));
    whole.freeze()
}

#[cfg(test)]
mod tests;
