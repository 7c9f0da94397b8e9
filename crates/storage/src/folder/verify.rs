//! Reads everything there is and compares it with what was written: checksums of files and of WAL records, the commit
//! log with the files and with its own checkpoints.

use std::path::PathBuf;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader as _, FileReader as _, Length as _, SerializedFileReader};
use serde::Serialize;

use super::{Folder, Progress, Tell};
use crate::delta::LogFile;
use crate::index::{Head, Place};
use crate::store::{Store, StoredFile};
use crate::{Error, Kind, wal};

/// Read at once.
const CHUNK: u64 = 4 << 20;

/// What a look at everything found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// Files of tables that were read.
    pub files: u64,
    /// Of these, how many have no checksum in the log: other programs or older versions wrote them. They were decoded
    /// instead.
    pub without_checksum: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Records of the write-ahead log.
    pub records: u64,
    /// Bytes at its end that were never acknowledged; a server cuts them off.
    pub torn_bytes: u64,
    /// What is wrong. Empty when all is well.
    pub damages: Vec<Damage>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, Serialize)]
pub struct Damage {
    /// The file.
    pub place: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Folder {
    /// Reads every live file, the commit logs and the write-ahead log. An error means that something could not be
    /// looked at; damage is in the result.
    pub fn verify(&self, tell: Tell<'_>) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        let logs = self.logs()?;
        let total = logs.iter().flat_map(|(_, log)| log.files.values()).map(|logged| logged.file.bytes).sum();
        let mut progress = Progress { done: 0, total };
        for (table, log) in &logs {
            for (path, reason) in &log.damages {
                verified.damages.push(Damage { place: table.store.location(path), reason: reason.clone() });
            }
            for logged in log.files.values() {
                verified.files += 1;
                verified.bytes += logged.file.bytes;
                verified.without_checksum += u64::from(logged.crc32.is_none());
                if let Some(reason) = check_file(table.store.as_ref(), logged)? {
                    // A running server may have replaced it since the log was read.
                    if self.is_at_rest() || self.is_live(&table.name, &logged.file.path)? {
                        verified.damages.push(Damage { place: table.store.location(&logged.file.path), reason });
                    }
                }
                progress.done += logged.file.bytes;
                tell(progress);
            }
        }
        let (_, lines) = self.covered(&logs);
        let checked = wal::check(&self.paths.wal(), lines)?;
        verified.bytes += checked.bytes;
        verified.records = checked.records;
        verified.torn_bytes = checked.torn_bytes;
        verified.damages.extend(
            checked
                .damages
                .into_iter()
                .map(|(place, offset, reason)| Damage { place, reason: format!("at byte {offset}: {reason}") }),
        );
        Ok(verified)
    }

    fn is_live(&self, table: &str, path: &str) -> Result<bool, Error> {
        let logs = self.logs()?;
        Ok(logs.iter().any(|(known, log)| known.name == table && log.files.contains_key(path)))
    }
}

/// What is wrong with a file, if anything is.
fn check_file(store: &dyn Store, logged: &LogFile) -> Result<Option<String>, Error> {
    let damage = |error: Error| match error.kind() {
        Kind::Corrupt => Ok(Some(error.to_string())),
        _ if error.is_not_found() => Ok(Some("the log lists it, but it is not there".to_owned())),
        _ => Err(error),
    };
    let file = match store.open(&logged.file.path, logged.file.bytes) {
        Ok(file) => file,
        Err(error) => return damage(error),
    };
    let sum = match sum(&file) {
        Ok(sum) => sum,
        Err(error) => return damage(error),
    };
    if let Some(written) = logged.crc32.filter(|written| *written != sum) {
        return Ok(Some(format!("its checksum is {sum:08x}, but {written:08x} was written")));
    }
    let read = |error: ParquetError| format!("it cannot be read: {error}");
    let looked = match look(&file, logged) {
        Ok(found) => Ok(found),
        Err(error) => Ok(Some(read(error))),
    };
    match looked {
        Ok(None) if logged.crc32.is_none() => Ok(decode(file).err().map(read)),
        looked => looked,
    }
}

fn sum(file: &StoredFile) -> Result<u32, Error> {
    let mut hasher = crc32fast::Hasher::new();
    let mut at = 0;
    while at < file.len() {
        let end = (at + CHUNK).min(file.len());
        for bytes in file.read(std::slice::from_ref(&(at..end)))? {
            hasher.update(&bytes);
        }
        at = end;
    }
    Ok(hasher.finalize())
}

/// The footer against the log, and the head of the index against the footer.
fn look(file: &StoredFile, logged: &LogFile) -> Result<Option<String>, ParquetError> {
    let reader = SerializedFileReader::new(file.clone())?;
    let footer = reader.metadata().file_metadata();
    let (rows, listed) = (u64::try_from(footer.num_rows()).unwrap_or(0), logged.file.rows);
    if rows != listed {
        return Ok(Some(format!("it has {rows} rows, but the log says {listed}")));
    }
    let Some(place) = Place::of(footer) else { return Ok(None) };
    let len = usize::try_from(place.head.end - place.head.start).unwrap_or(usize::MAX);
    let head = Head::decode(&file.get_bytes(place.head.start, len)?, place.head.start - place.start);
    Ok(match head {
        Ok(head) if head.rows == rows => None,
        Ok(head) => Some(format!("its index is one of {} rows", head.rows)),
        Err(damage) => Some(format!("its index is damaged: {damage}")),
    })
}

/// Decodes everything.
fn decode(file: StoredFile) -> Result<(), ParquetError> {
    for rows in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
        rows?;
    }
    Ok(())
}
