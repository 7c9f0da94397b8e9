//! A consistent copy of a data folder, also while a server writes to it: one version of each table, and the write-ahead
//! log from the least position that these cover. Everything that was acknowledged before it began is in it.
//!
//! Segments of the log are opened first, so that their records stay readable when a flush removes them; then come the
//! versions of the tables; then the segments that are new. Rows that a table has in files are passed over when the log is
//! replayed, so it does no harm that tables are read one after the other.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use logline::Timestamp;
use parquet::file::reader::ChunkReader as _;
use serde::{Deserialize, Serialize};

use super::target::{Target, hash};
use super::{Folder, Progress, TableFiles, Tell};
use crate::delta::WholeLog;
use crate::store::Listed;
use crate::{Error, paths, wal};

/// A server that compacts may take files away while they are copied; then the newer version is copied.
const ATTEMPTS: usize = 5;
const FORMAT: u32 = 1;

/// A backup, as its target lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backup {
    format: u32,
    /// Its name: when it was made, in UTC.
    pub id: String,
    /// When it was made, in nanoseconds.
    pub made: Timestamp,
    /// What it holds.
    pub tables: Vec<BackupTable>,
    /// Positions of the write-ahead log that it holds: the first, and the one behind the last.
    pub wal: Option<(u64, u64)>,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Of these, bytes that no earlier backup had brought.
    pub new_bytes: u64,
    pub(super) files: Vec<Held>,
}

/// A table in a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackupTable {
    /// Its name.
    pub name: String,
    /// Version of the Delta table.
    pub version: u64,
    /// Files with rows.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    /// Relative to the data folder.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Its blake3, under which the target holds it.
    pub(super) hash: String,
    /// When it was last changed, in nanoseconds, and its inode: a file that is still the same need not be read again.
    /// Nothing for one in a bucket, where a name is given once.
    same: Option<(i64, u64)>,
}

impl Held {
    /// Whether it belongs to the commit log of a table.
    pub(super) fn is_of_log(&self) -> bool {
        self.path.split('/').any(|part| part == paths::delta_log())
    }
}

impl Backup {
    /// How many files it has.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }
}

/// What is to be copied.
struct Plan<'a> {
    tables: Vec<(&'a TableFiles, WholeLog)>,
    files: Vec<(&'a TableFiles, Listed)>,
    /// Segments by their names.
    segments: BTreeMap<String, Vec<u8>>,
}

impl Folder {
    /// Makes a backup. With `link`, files are taken in by hard links where that is possible: no space, no copying, but
    /// the same blocks of the disk.
    pub fn backup(&self, target: &Target, link: bool, now: Timestamp, tell: Tell<'_>) -> Result<Backup, Error> {
        let mut known: HashMap<(String, u64), Held> = HashMap::new();
        let mut id = id_of(now);
        for earlier in target.backups()? {
            if earlier.id == id {
                id.push_str("-2");
            }
            known.extend(earlier.files.into_iter().map(|held| ((held.path.clone(), held.bytes), held)));
        }
        let mut tried = 1;
        loop {
            let plan = self.plan()?;
            let mut copy = Copy { target, link, known: &known, held: Vec::new(), bytes: 0, new_bytes: 0 };
            match copy.all(&plan, tell) {
                Ok(()) => {
                    let backup = copy.listed(id, now, &plan);
                    target.list(&backup)?;
                    self.note(target, &backup);
                    return Ok(backup);
                }
                Err(error) if error.is_not_found() && tried < ATTEMPTS => tried += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes into the data folder that there is a backup, for the report on deleted lines.
    fn note(&self, target: &Target, backup: &Backup) {
        let path = self.paths.root().join(paths::backups());
        let line =
            serde_json::json!({"path": target.location().join(&backup.id), "made": backup.made}).to_string() + "\n";
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            tracing::warn!(%error, path = %path.display(), "requests to delete lines will not name this backup");
        }
    }

    fn plan(&self) -> Result<Plan<'_>, Error> {
        for _ in 0..ATTEMPTS {
            let mut open = BTreeMap::new();
            self.open_segments(&mut open)?;
            let tables = self.logs()?;
            self.open_segments(&mut open)?;
            if let Some((table, (path, reason))) =
                tables.iter().find_map(|(table, log)| Some((table, log.damages.first()?)))
            {
                return Err(Error::corrupt(&table.store.location(path), reason));
            }
            let segments = read_segments(open)?;
            if has_gap(&segments, self.covered(&tables).0) {
                // A segment came and went between the two looks: the tables have moved on.
                continue;
            }
            let mut files = Vec::new();
            for (table, log) in &tables {
                files.extend(log.files.values().map(|logged| (*table, listed(&logged.file.path, logged.file.bytes))));
                files.extend(log.entries.iter().map(|entry| (*table, entry.clone())));
                let state = [paths::delta_log(), paths::leases()];
                let beside =
                    |file: &Listed| file.path.starts_with('_') && !state.iter().any(|name| file.path.starts_with(name));
                files.extend(table.store.list("")?.into_iter().filter(beside).map(|file| (*table, file)));
            }
            return Ok(Plan { tables, files, segments });
        }
        Err(Error::internal("the write-ahead log changes faster than it can be read; try again"))
    }

    fn open_segments(&self, open: &mut BTreeMap<String, (PathBuf, File)>) -> Result<(), Error> {
        let folder = self.paths.wal();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| Error::io("read the folder", &folder, error))?,
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if paths::parse_segment(&name).is_none() || open.contains_key(&name) {
                continue;
            }
            match File::open(entry.path()) {
                Ok(file) => drop(open.insert(name, (entry.path(), file))),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("read", &entry.path(), error)),
            }
        }
        Ok(())
    }
}

fn read_segments(open: BTreeMap<String, (PathBuf, File)>) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let read = |(name, (path, mut file)): (String, (PathBuf, File))| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| Error::io("read", &path, error))?;
        Ok((name, bytes))
    };
    open.into_iter().map(read).collect()
}

/// Whether records behind `covered` are missing between two segments. Positions that were never acknowledged are passed
/// over, which the header of the later segment tells.
fn has_gap(segments: &BTreeMap<String, Vec<u8>>, covered: u64) -> bool {
    let ends: Vec<(u64, u64)> = segments.values().filter_map(|bytes| wal::end_of(bytes)).collect();
    ends.windows(2).any(|pair| match pair {
        [(_, end), (first, _)] => *end < *first && covered + 1 < *first && !is_abandoned(segments, *end, *first),
        _ => false,
    })
}

/// Whether the positions from `end` to `first` never counted.
fn is_abandoned(segments: &BTreeMap<String, Vec<u8>>, end: u64, first: u64) -> bool {
    let segment = segments.get(&paths::segment(first));
    segment.and_then(|bytes| wal::acknowledged_before(bytes)).is_some_and(|acknowledged| acknowledged <= end)
}

fn listed(path: &str, bytes: u64) -> Listed {
    // When it was written plays no part in a backup.
    Listed { path: path.to_owned(), bytes, modified: Timestamp::MIN }
}

struct Copy<'a> {
    target: &'a Target,
    link: bool,
    known: &'a HashMap<(String, u64), Held>,
    held: Vec<Held>,
    bytes: u64,
    new_bytes: u64,
}

impl Copy<'_> {
    fn all(&mut self, plan: &Plan<'_>, tell: Tell<'_>) -> Result<(), Error> {
        let segments: u64 = plan.segments.values().map(|bytes| bytes.len() as u64).sum();
        let total = plan.files.iter().map(|(_, file)| file.bytes).sum::<u64>() + segments;
        for (name, bytes) in &plan.segments {
            let path = PathBuf::from("wal").join(name);
            let (hash, len) = hash(&mut bytes.as_slice(), &path)?;
            self.take(&hash, len, |target| target.put_object(&hash, &mut bytes.as_slice()))?;
            self.hold(path.to_string_lossy().into_owned(), len, hash, None);
        }
        for (table, file) in &plan.files {
            self.file(table, file)?;
            tell(Progress { done: self.bytes, total });
        }
        Ok(())
    }

    fn file(&mut self, table: &TableFiles, file: &Listed) -> Result<(), Error> {
        let path = format!("tables/{}/{}", table.name, file.path);
        let location = table.store.location(&file.path);
        let same = fs::metadata(&location)
            .ok()
            .map(|known| (known.mtime().saturating_mul(1_000_000_000).saturating_add(known.mtime_nsec()), known.ino()));
        let before = self.known.get(&(path.clone(), file.bytes));
        if let Some(held) = before.filter(|held| held.same == same)
            && self.target.holds(&held.hash, file.bytes)?
        {
            let hash = held.hash.clone();
            self.hold(path, file.bytes, hash, same);
            return Ok(());
        }
        let open = || {
            let stored = table.store.open(&file.path, file.bytes)?;
            stored.get_read(0).map_err(|error| crate::store::cause(&location, error, Error::internal))
        };
        let (hash, len) = hash(&mut open()?, &location)?;
        let link = self.link;
        self.take(&hash, len, |target| {
            if link && target.link_object(&hash, &location)? {
                return Ok(());
            }
            target.put_object(&hash, &mut open()?)
        })?;
        self.hold(path, len, hash, same);
        Ok(())
    }

    /// Brings an object that the target does not hold.
    fn take(&mut self, hash: &str, bytes: u64, put: impl FnOnce(&Target) -> Result<(), Error>) -> Result<(), Error> {
        if !self.target.holds(hash, bytes)? {
            put(self.target)?;
            self.new_bytes += bytes;
        }
        Ok(())
    }

    fn hold(&mut self, path: String, bytes: u64, hash: String, same: Option<(i64, u64)>) {
        self.bytes += bytes;
        self.held.push(Held { path, bytes, hash, same });
    }

    fn listed(self, id: String, now: Timestamp, plan: &Plan<'_>) -> Backup {
        let ends = || plan.segments.values().filter_map(|bytes| wal::end_of(bytes));
        let tables = plan.tables.iter().map(|(table, log)| BackupTable {
            name: table.name.clone(),
            version: log.version,
            files: log.files.len() as u64,
            rows: log.files.values().map(|logged| logged.file.rows).sum(),
        });
        Backup {
            format: FORMAT,
            id,
            made: now,
            tables: tables.collect(),
            wal: ends().map(|(first, _)| first).min().zip(ends().map(|(_, end)| end).max()),
            bytes: self.bytes,
            new_bytes: self.new_bytes,
            files: self.held,
        }
    }
}

/// `20261122T193000.120Z`.
fn id_of(now: Timestamp) -> String {
    let text: String = paths::time_text(now.micros()).chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let cut = text.len().saturating_sub("000Z".len());
    text.get(..cut).unwrap_or(&text).to_owned() + "Z"
}
