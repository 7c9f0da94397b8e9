//! Every name on disk; `docs/file-format.md` describes them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use logline::{Tenant, Timestamp};

use crate::Error;

/// Partition column, and folder level, of the tenant.
pub(crate) const TENANT: &str = "tenant";
/// Partition column, and folder level, of the UTC day.
pub(crate) const DAY: &str = "day";

/// Names below the data folder.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    root: PathBuf,
}

impl Paths {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Locked by the server that uses the folder.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.root.join("wal")
    }

    /// Who this data folder is, when its tables are in a bucket.
    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join("NODE")
    }

    /// Copies of what was read from a bucket.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// A Delta table.
    pub(crate) fn table(&self, name: &str) -> PathBuf {
        self.root.join("tables").join(name)
    }
}

/// File in the folder of the WAL that is written to see whether it can be.
pub(crate) const PROBE: &str = "probe";

/// File of the WAL segment whose first record has this position.
pub(crate) fn segment(first: u64) -> String {
    format!("{first:020}.wal")
}

/// The first position of a segment, from its file name.
pub(crate) fn parse_segment(name: &str) -> Option<u64> {
    name.strip_suffix(".wal").filter(|digits| digits.len() == 20)?.parse().ok()
}

/// Commit entry of a Delta table, relative to the table.
pub(crate) fn commit_entry(version: u64) -> String {
    format!("{}/{version:020}.json", delta_log())
}

/// The version of a checkpoint that is one file, from its name.
pub(crate) fn parse_checkpoint(name: &str) -> Option<u64> {
    name.strip_suffix(".checkpoint.parquet").filter(|digits| digits.len() == 20)?.parse().ok()
}

/// The catalogue of backups that were made of the data folder: a JSON object a line with `path`, and `made` in
/// nanoseconds since the epoch. Relative to the data folder.
pub(crate) const fn backups() -> &'static str {
    "backups.jsonl"
}

/// Folder of the requests to delete lines, relative to the table of lines. Delta's programs leave a folder alone whose
/// name begins so.
pub(crate) const fn deletes() -> &'static str {
    "_deletes"
}

/// A state of a request to delete lines; a later state has a higher number. Relative to the table of lines.
pub(crate) fn delete_state(id: &str, state: u8) -> String {
    format!("{}/{id}.{state}.json", deletes())
}

/// Request and number of the state, from the path of a file.
pub(crate) fn parse_delete_state(path: &str) -> Option<(&str, u8)> {
    let (id, state) = path.rsplit('/').next()?.strip_suffix(".json")?.rsplit_once('.')?;
    Some((id, state.parse().ok()?))
}

/// Rows of a derived table that go with the lines of a request: `part` tells several files apart. Relative to the table
/// of lines.
pub(crate) fn delete_ids(id: &str, table: &str, part: uuid::Uuid) -> String {
    format!("{}/{id}.{table}.{}.ids", deletes(), part.simple())
}

/// Whether a path is that of such a file.
pub(crate) fn is_delete_ids(path: &str, id: &str, table: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.ends_with(".ids") && name.strip_prefix(id).is_some_and(|rest| rest.starts_with(&format!(".{table}.")))
}

/// Folder of the requests to make rows anew, relative to a derived table.
pub(crate) const fn rereads() -> &'static str {
    "_reread"
}

/// The request of a tenant, relative to the table.
pub(crate) fn reread(tenant: &Tenant) -> String {
    format!("{}/{}.json", rereads(), tenant_folder(tenant))
}

/// Folder of the leases, relative to a table that several nodes share.
pub(crate) const fn leases() -> &'static str {
    "_leases"
}

/// A lease, relative to the table.
pub(crate) fn lease(number: u64) -> String {
    format!("{}/{number:020}", leases())
}

/// The number of a lease, from its path.
pub(crate) fn parse_lease(path: &str) -> Option<u64> {
    path.rsplit('/').next().filter(|digits| digits.len() == 20)?.parse().ok()
}

/// The version that any file of the log is about, from its name.
pub(crate) fn parse_log_version(name: &str) -> Option<u64> {
    name.split('.').next().filter(|digits| digits.len() == 20)?.parse().ok()
}

/// Folder of the commit entries, relative to the table.
pub(crate) const fn delta_log() -> &'static str {
    "_delta_log"
}

/// A data file: which flush of which node wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileName {
    /// The WAL position at which the flush was sealed.
    pub(crate) position: u64,
    /// Counts the files of the flush in this table.
    pub(crate) index: u32,
    /// The node, in a bucket with `.` and the run of the program behind it.
    pub(crate) node: String,
}

impl FileName {
    /// Reads the last part of a path; `None` for a file that another program wrote.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".parquet")?.splitn(3, '-');
        let position = parts.next().filter(|digits| digits.len() == 20)?.parse().ok()?;
        let index = parts.next().filter(|digits| digits.len() == 5)?.parse().ok()?;
        let node = parts.next().filter(|node| !node.is_empty())?.to_owned();
        Some(Self { position, index, node })
    }

    /// Whether this node wrote it, in whatever run.
    pub(crate) fn is_of(&self, node: &str) -> bool {
        self.node.split('.').next() == Some(node)
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:020}-{:05}-{}.parquet", self.position, self.index, self.node)
    }
}

/// Folder of a tenant, relative to the table, with Hive's escapes.
pub(crate) fn tenant_folder(tenant: &Tenant) -> String {
    let mut folder = format!("{TENANT}=");
    for c in tenant.as_str().chars() {
        match c {
            // What Hive and Spark escape of the characters a tenant may have.
            '*' | '\'' => folder.push_str(&format!("%{:02X}", u32::from(c))),
            c => folder.push(c),
        }
    }
    folder
}

/// Folder of a tenant's day, relative to the table.
pub(crate) fn partition(tenant: &Tenant, day: i64) -> String {
    format!("{}/{DAY}={}", tenant_folder(tenant), day_text(day))
}

/// `2026-11-22`, from days since the epoch.
pub(crate) fn day_text(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The calendar date of a day since the epoch (proleptic Gregorian), by counting in eras of 400 years.
const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let civil_day = day_of_year - (153 * month + 2) / 5 + 1;
    let civil_month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + if civil_month <= 2 { 1 } else { 0 }, civil_month, civil_day)
}

/// RFC 3339 in UTC with microseconds, as Delta writes times into statistics.
pub(crate) fn time_text(micros: i64) -> String {
    const DAY_MICROS: i64 = 86_400_000_000;
    let (day, rest) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", day_text(day))
}

/// The newest instant within a microsecond.
pub(crate) const fn end_of_micro(micros: i64) -> Timestamp {
    Timestamp(micros.saturating_mul(1_000).saturating_add(999))
}

/// The oldest instant within a microsecond.
pub(crate) const fn start_of_micro(micros: i64) -> Timestamp {
    Timestamp(micros.saturating_mul(1_000))
}

/// Makes a folder and its missing parents, each durable; nobody but the owner gets in, since lines are not encrypted.
pub(crate) fn create_folder(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io("make the folder", path, error)),
    }
}

/// Makes names that were added to, or removed from, a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| Error::io("sync the folder", path, error))
}

/// Makes the content of a file durable.
pub(crate) fn sync_file(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| Error::io("sync", path, error))
}

/// Removes a file; that it is gone already is fine.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
