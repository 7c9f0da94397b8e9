//! Asks the token index of a file, and keeps decompressed parts of indexes in memory, up to a limit.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::file::metadata::FileMetaData;
use tracing::warn;

use crate::index::{self, Blocks, Chunks, Damaged, Head, Need, Part, Place};
use crate::store::StoredFile;
use crate::{Error, Kind, Metrics, ScanStats};

/// The index of one file, opened.
#[derive(Debug)]
pub(crate) struct FileIndex {
    id: u64,
    /// First byte in the file.
    pub(crate) start: u64,
    pub(crate) head: Head,
}

/// Decompressed parts of indexes.
#[derive(Debug)]
pub(crate) struct Parts {
    limit_bytes: usize,
    metrics: Metrics,
    next: AtomicU64,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    parts: HashMap<Key, Arc<Vec<u8>>>,
    bytes: usize,
}

/// Index, kind of part, and its number.
type Key = (u64, Kept, usize);

/// What part of an index it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kept {
    /// Words of a chunk.
    Text,
    /// The blocks of these.
    Postings,
    /// Samples of ids.
    Grams,
}

/// Why an index gives no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error(transparent)]
    Failed(Error),
}

impl From<std::io::Error> for Unread {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(Error::internal(error))
    }
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Corrupt => Self::Damaged(Damaged("it lies outside of the file")),
            _ => Self::Failed(error),
        }
    }
}

impl Parts {
    pub(crate) fn new(limit_bytes: usize, metrics: Metrics) -> Self {
        Self { limit_bytes, metrics, next: AtomicU64::new(0), cache: Mutex::default() }
    }

    /// Opens the index that a footer names; `None` when there is none that can be used. `tail` is the end of the file,
    /// as far as it was read already.
    pub(super) fn open(
        &self,
        file: &StoredFile,
        footer: &FileMetaData,
        tail: (u64, &Bytes),
    ) -> Result<Option<FileIndex>, Error> {
        let Some(place) = Place::of(footer) else { return Ok(None) };
        let rows = u64::try_from(footer.num_rows()).unwrap_or(0);
        match head(file, &place, tail).map(|head| if head.rows == rows { Ok(head) } else { Err(head.rows) }) {
            Ok(Ok(head)) => {
                Ok(Some(FileIndex { id: self.next.fetch_add(1, Ordering::Relaxed), start: place.start, head }))
            }
            Ok(Err(_)) => self.damaged(file, Damaged("it has another number of rows than the file")),
            Err(Unread::Damaged(damage)) => self.damaged(file, damage),
            Err(Unread::Failed(error)) => Err(error),
        }
    }

    /// Those of the blocks `within` that may have what is needed; `None` when the index cannot be used after all.
    pub(super) fn blocks(
        &self,
        file: &StoredFile,
        index: &FileIndex,
        need: &Need,
        within: &Blocks,
        stats: &ScanStats,
    ) -> Result<Option<Blocks>, Error> {
        self.metrics.index_lookups.inc();
        stats.indexes.fetch_add(1, Ordering::Relaxed);
        match index::blocks(&index.head, need, &Reader { parts: self, file, index, stats }, within) {
            Ok(blocks) => Ok(Some(blocks)),
            Err(Unread::Damaged(damage)) => self.damaged(file, damage),
            Err(Unread::Failed(error)) => Err(error),
        }
    }

    /// Lets go of what is kept of these indexes.
    pub(super) fn forget(&self, indexes: &[&FileIndex]) {
        let mut cache = self.lock();
        let Cache { parts, bytes } = &mut *cache;
        parts.retain(|(id, ..), part| {
            let is_gone = indexes.iter().any(|index| index.id == *id);
            *bytes -= if is_gone { part.len() } else { 0 };
            !is_gone
        });
        self.show(&cache);
    }

    fn damaged<T>(&self, file: &StoredFile, damage: Damaged) -> Result<Option<T>, Error> {
        self.metrics.index_damaged.inc();
        let path = file.location().display();
        warn!(file = %path, reason = %damage, "the token index is damaged; the file is read without it");
        Ok(None)
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: Key) -> Option<Arc<Vec<u8>>> {
        let found = self.lock().parts.get(&key).map(Arc::clone);
        let counter = if found.is_some() { &self.metrics.index_hits } else { &self.metrics.index_misses };
        counter.inc();
        found
    }

    /// Keeps a part. What goes in its place is left to chance: searches of whole dictionaries, one after the other,
    /// would drive out by age just what comes next.
    fn insert(&self, key: Key, part: &Arc<Vec<u8>>) {
        if self.limit_bytes < part.len() {
            return;
        }
        let mut cache = self.lock();
        while self.limit_bytes < cache.bytes + part.len() {
            let Some(key) = cache.parts.keys().next().copied() else { break };
            let gone = cache.parts.remove(&key);
            cache.bytes -= gone.map_or(0, |gone| gone.len());
        }
        cache.bytes += part.len();
        let before = cache.parts.insert(key, Arc::clone(part));
        cache.bytes -= before.map_or(0, |before| before.len());
        self.show(&cache);
    }

    fn show(&self, cache: &Cache) {
        self.metrics.index_cache_bytes.set(i64::try_from(cache.bytes).unwrap_or(i64::MAX));
    }
}

impl FileIndex {
    /// How many blocks the file has.
    pub(super) const fn blocks(&self) -> usize {
        self.head.blocks
    }

    pub(super) fn memory_size(&self) -> usize {
        self.head.memory_size()
    }
}

/// The head of an index, out of the end of the file when it is in it.
fn head(file: &StoredFile, place: &Place, (start, tail): (u64, &Bytes)) -> Result<Head, Unread> {
    let at = |offset: u64| offset.checked_sub(start).and_then(|at| usize::try_from(at).ok());
    let read = at(place.head.start).zip(at(place.head.end)).filter(|(_, end)| *end <= tail.len());
    let bytes = match read {
        Some((from, end)) => tail.slice(from..end),
        None => file.read_one(place.head.clone())?,
    };
    Ok(Head::decode(&bytes, place.head.start - place.start)?)
}

/// Reads parts of one index.
struct Reader<'a> {
    parts: &'a Parts,
    file: &'a StoredFile,
    index: &'a FileIndex,
    stats: &'a ScanStats,
}

impl Reader<'_> {
    fn keep(&self, key: Key, part: &Part, packed: &[u8]) -> Result<Arc<Vec<u8>>, Unread> {
        self.stats.index_bytes_read.fetch_add(packed.len() as u64, Ordering::Relaxed);
        let plain = Arc::new(part.decode(packed)?);
        self.parts.insert(key, &plain);
        Ok(plain)
    }

    const fn range(&self, at: &Range<u64>) -> Range<u64> {
        self.index.start.saturating_add(at.start)..self.index.start.saturating_add(at.end)
    }

    fn named(&self, chunk: usize) -> Result<(&Part, &Part), Unread> {
        Ok(self.index.head.parts(chunk).ok_or(Damaged("a chunk is missing"))?)
    }

    /// Reads the texts of chunks that lie side by side.
    fn read_run(&self, run: &[(usize, &Part)], texts: &mut Vec<Arc<Vec<u8>>>) -> Result<(), Unread> {
        let (Some((_, first)), Some((_, last))) = (run.first(), run.last()) else { return Ok(()) };
        let packed = self.file.read_one(self.range(&(first.at.start..last.at.end)))?;
        for (chunk, part) in run {
            let at = |offset: u64| usize::try_from(offset.saturating_sub(first.at.start)).unwrap_or(usize::MAX);
            let packed = packed.get(at(part.at.start)..at(part.at.end)).ok_or(Damaged("its chunks overlap"))?;
            texts.push(self.keep((self.index.id, Kept::Text, *chunk), part, packed)?);
        }
        Ok(())
    }
}

impl Chunks for Reader<'_> {
    type Error = Unread;

    fn texts(&self, chunks: Range<usize>) -> Result<Vec<Arc<Vec<u8>>>, Unread> {
        let mut texts = Vec::with_capacity(chunks.len());
        let mut run: Vec<(usize, &Part)> = Vec::new();
        for chunk in chunks {
            let (part, _) = self.named(chunk)?;
            if run.last().is_some_and(|(_, last)| last.at.end != part.at.start) {
                self.read_run(&std::mem::take(&mut run), &mut texts)?;
            }
            match self.parts.get((self.index.id, Kept::Text, chunk)) {
                Some(text) => {
                    self.read_run(&std::mem::take(&mut run), &mut texts)?;
                    texts.push(text);
                }
                None => run.push((chunk, part)),
            }
        }
        self.read_run(&run, &mut texts)?;
        Ok(texts)
    }

    fn postings(&self, chunk: usize) -> Result<Arc<Vec<u8>>, Unread> {
        let key = (self.index.id, Kept::Postings, chunk);
        if let Some(found) = self.parts.get(key) {
            return Ok(found);
        }
        let (_, part) = self.named(chunk)?;
        let packed = self.file.read_one(self.range(&part.at))?;
        self.keep(key, part, &packed)
    }

    fn grams(&self, bucket: usize) -> Result<Arc<Vec<u8>>, Unread> {
        let key = (self.index.id, Kept::Grams, bucket);
        if let Some(found) = self.parts.get(key) {
            return Ok(found);
        }
        let bucket = self.index.head.grams().get(bucket).ok_or(Damaged("a list of ids is missing"))?;
        let bytes = self.file.read_one(self.range(&bucket.at))?;
        bucket.check(&bytes)?;
        self.stats.index_bytes_read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let bytes = Arc::new(bytes.to_vec());
        self.parts.insert(key, &bytes);
        Ok(bytes)
    }
}
