//! The log of a table as it stands in its store, read by ourselves from its files: what is live, and whether every entry
//! and the newest checkpoint say the same. For those who look at a folder from outside.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, MapArray, RecordBatch, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use logline::Tenant;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader as _;

use super::actions::{CRC32, Entry, decoded, parse_sum};
use super::live::{FileChange, listed};
use crate::store::{Listed, Store};
use crate::{Error, FileRef, paths};

type Reason = Box<dyn std::error::Error>;

/// The newest version that a log has, and what is wrong with the log.
#[derive(Debug, Default)]
pub(crate) struct WholeLog {
    pub(crate) version: u64,
    /// Live files by their paths.
    pub(crate) files: BTreeMap<String, LogFile>,
    /// For each application, the number it has reached.
    pub(crate) txns: BTreeMap<String, u64>,
    /// Files of the log that this version is made of, and older ones.
    pub(crate) entries: Vec<Listed>,
    /// What is wrong: path of the file, and why.
    pub(crate) damages: Vec<(String, String)>,
}

/// A file that the log lists.
#[derive(Clone, Debug)]
pub(crate) struct LogFile {
    pub(crate) tenant: Tenant,
    pub(crate) file: FileRef,
    /// Checksum of all its bytes; files of other programs have none.
    pub(crate) crc32: Option<u32>,
}

impl WholeLog {
    /// Reads the log of a table. Damage is collected; an error means that the store does not answer.
    pub(crate) fn read(store: &dyn Store) -> Result<Self, Error> {
        let mut commits: BTreeMap<u64, Listed> = BTreeMap::new();
        let mut checkpoints: BTreeMap<u64, Listed> = BTreeMap::new();
        for file in store.list(paths::delta_log())? {
            let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
            if let Some(version) = paths::parse_checkpoint(&name) {
                checkpoints.insert(version, file);
            } else if let Some(version) = name.strip_suffix(".json").and_then(version_of) {
                commits.insert(version, file);
            }
        }
        let mut log = Self::default();
        let newest = commits.keys().chain(checkpoints.keys()).max().copied().unwrap_or(0);
        let oldest = commits.keys().next().copied().unwrap_or(0);
        // The past may have been cleaned away; then it begins with a checkpoint.
        let mut from = oldest;
        if oldest > 0 || commits.is_empty() {
            let base = checkpoints.range(oldest.saturating_sub(1)..).next();
            let Some((version, file)) = base else {
                log.damages.push((paths::commit_entry(0), "it is missing, and no checkpoint holds it".to_owned()));
                return Ok(log);
            };
            log.take_checkpoint(store, file)?;
            from = version + 1;
        }
        for version in from..=newest {
            log.take_commit(store, version, commits.get(&version))?;
            if let Some(file) = checkpoints.get(&version) {
                log.compare_checkpoint(store, file)?;
            }
        }
        log.version = newest;
        log.entries = commits.into_values().chain(checkpoints.into_values()).collect();
        Ok(log)
    }

    fn take_commit(&mut self, store: &dyn Store, version: u64, file: Option<&Listed>) -> Result<(), Error> {
        let Some(file) = file else {
            self.damages.push((paths::commit_entry(version), "it is missing".to_owned()));
            return Ok(());
        };
        let len = usize::try_from(file.bytes).unwrap_or(usize::MAX);
        let bytes = match store.open(&file.path, file.bytes)?.get_bytes(0, len) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.damages.push((file.path.clone(), error.to_string()));
                return Ok(());
            }
        };
        match Entry::parse(&bytes) {
            Ok(entry) => self.apply(entry),
            Err(reason) => self.damages.push((file.path.clone(), reason)),
        }
        Ok(())
    }

    fn apply(&mut self, entry: Entry) {
        self.txns.extend(entry.txns().map(|(app, version)| (app.to_owned(), version)));
        for change in entry.changes {
            match change {
                FileChange::Add(tenant, file) => {
                    let crc32 = entry.sums.get(&file.path).copied();
                    self.files.insert(file.path.clone(), LogFile { tenant, file, crc32 });
                }
                FileChange::Remove(path) => {
                    if self.files.remove(&path).is_none() {
                        self.damages.push((path, "a commit removes it, but none has added it".to_owned()));
                    }
                }
            }
        }
    }

    fn take_checkpoint(&mut self, store: &dyn Store, file: &Listed) -> Result<(), Error> {
        match read_checkpoint(store, file)? {
            Ok(checkpoint) => (self.files, self.txns) = checkpoint,
            Err(reason) => self.damages.push((file.path.clone(), reason.to_string())),
        }
        Ok(())
    }

    /// A checkpoint must list what the commits before it add up to.
    fn compare_checkpoint(&mut self, store: &dyn Store, file: &Listed) -> Result<(), Error> {
        let differs = match read_checkpoint(store, file)? {
            Err(reason) => Some(reason.to_string()),
            Ok((files, _)) => {
                let key = |(path, known): (&String, &LogFile)| (path.clone(), known.file.bytes, known.file.rows);
                let same = files.iter().map(key).eq(self.files.iter().map(key));
                (!same).then(|| "it lists other files than the commits before it".to_owned())
            }
        };
        self.damages.extend(differs.map(|reason| (file.path.clone(), reason)));
        Ok(())
    }
}

fn version_of(digits: &str) -> Option<u64> {
    Some(digits).filter(|digits| digits.len() == 20)?.parse().ok()
}

type Checkpoint = (BTreeMap<String, LogFile>, BTreeMap<String, u64>);

fn read_checkpoint(store: &dyn Store, file: &Listed) -> Result<Result<Checkpoint, Reason>, Error> {
    let stored = store.open(&file.path, file.bytes)?;
    Ok(decode_checkpoint(stored))
}

fn decode_checkpoint(stored: crate::store::StoredFile) -> Result<Checkpoint, Reason> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(stored)?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["add", "txn"]);
    let (mut files, mut txns) = Checkpoint::default();
    for rows in builder.with_projection(columns).build()? {
        let rows: RecordBatch = rows?;
        let group = |name: &str| rows.column_by_name(name).and_then(|column| column.as_struct_opt());
        if let Some(adds) = group("add") {
            read_adds(adds, &mut files)?;
        }
        if let Some(found) = group("txn") {
            read_txns(found, &mut txns)?;
        }
    }
    Ok((files, txns))
}

fn read_adds(adds: &StructArray, files: &mut BTreeMap<String, LogFile>) -> Result<(), Reason> {
    let (names, stats) = (texts(adds, "path")?, texts(adds, "stats").ok());
    let sizes = cast(adds.column_by_name("size").ok_or("an added file has no size")?, &DataType::Int64)?;
    let sizes = sizes.as_primitive::<Int64Type>();
    let map = |name: &str| adds.column_by_name(name).and_then(|column| column.as_map_opt());
    let (partitions, tags) = (map("partitionValues"), map("tags"));
    for row in (0..adds.len()).filter(|row| adds.is_valid(*row) && names.is_valid(*row)) {
        let partition = partitions.map(|map| pairs(map, row)).transpose()?.unwrap_or_default();
        let tags = tags.map(|map| pairs(map, row)).transpose()?.unwrap_or_default();
        let path = decoded(names.value(row));
        let value = |name: &str| partition.get(name).map(String::as_str);
        let stats = stats.as_ref().filter(|stats| stats.is_valid(row)).map(|stats| stats.value(row));
        let size = u64::try_from(sizes.value(row)).unwrap_or(0);
        let change = listed(path.clone(), value(paths::TENANT), value(paths::DAY), size, stats);
        let Some(FileChange::Add(tenant, file)) = change else {
            return Err(format!("`{path}` names no tenant").into());
        };
        let crc32 = tags.get(CRC32).and_then(|hex| parse_sum(hex));
        files.insert(path, LogFile { tenant, file, crc32 });
    }
    Ok(())
}

fn read_txns(found: &StructArray, txns: &mut BTreeMap<String, u64>) -> Result<(), Reason> {
    let apps = texts(found, "appId")?;
    let versions = cast(found.column_by_name("version").ok_or("a txn has no version")?, &DataType::Int64)?;
    let versions = versions.as_primitive::<Int64Type>();
    let set = |row: &usize| found.is_valid(*row) && apps.is_valid(*row) && versions.is_valid(*row);
    for row in (0..found.len()).filter(set) {
        txns.insert(apps.value(row).to_owned(), u64::try_from(versions.value(row)).unwrap_or(0));
    }
    Ok(())
}

fn texts(columns: &StructArray, name: &str) -> Result<StringArray, Reason> {
    let column = columns.column_by_name(name).ok_or_else(|| format!("there is no column `{name}`"))?;
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn pairs(map: &MapArray, row: usize) -> Result<BTreeMap<String, String>, Reason> {
    if map.is_null(row) {
        return Ok(BTreeMap::new());
    }
    let entries = map.value(row);
    let column = |index: usize| cast(entries.column(index), &DataType::Utf8);
    let (keys, values) = (column(0)?, column(1)?);
    let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
    let pair = |(key, value): (Option<&str>, Option<&str>)| Some((key?.to_owned(), value?.to_owned()));
    Ok(keys.iter().zip(values).filter_map(pair).collect())
}
