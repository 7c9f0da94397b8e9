//! Commit entries of a Delta table: one JSON action a line.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{Metadata, StructType};
use logline::{Tenant, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::live::{FileChange, listed};
use crate::files::NewFile;
use crate::logs::TIMESTAMP;
use crate::paths::{self, DAY, TENANT};
use crate::{FileRef, TableSpec};

/// Tag of a file: the checksum of all its bytes, in hex.
pub(super) const CRC32: &str = "lapidary.crc32";

/// What one commit changed.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) changes: Vec<FileChange>,
    /// Checksums of added files, by their paths.
    pub(super) sums: HashMap<String, u32>,
    txns: HashMap<String, u64>,
    /// When it was made, in milliseconds since the epoch, if it says so.
    pub(super) millis: Option<i64>,
    /// What was done, in the words of its writer.
    pub(super) operation: Option<String>,
}

/// Files that take the place of others.
#[derive(Debug)]
pub(crate) struct Change {
    /// What is being done, for the history of the table.
    pub(crate) operation: &'static str,
    /// Live files that go.
    pub(crate) remove: Vec<FileRef>,
    /// Durable files that come.
    pub(crate) add: Vec<NewFile>,
    /// Whether other rows are there afterwards.
    pub(crate) changes_rows: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    add: Option<Add>,
    remove: Option<Remove>,
    txn: Option<Txn>,
    commit_info: Option<CommitInfo>,
}

#[derive(Deserialize)]
struct CommitInfo {
    timestamp: Option<i64>,
    operation: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    path: String,
    partition_values: HashMap<String, Option<String>>,
    size: i64,
    stats: Option<String>,
    #[serde(default)]
    tags: Option<HashMap<String, Option<String>>>,
}

#[derive(Deserialize)]
struct Remove {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

impl Entry {
    /// Reads a commit entry, of whatever writer.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut entry =
            Self { changes: Vec::new(), sums: HashMap::new(), txns: HashMap::new(), millis: None, operation: None };
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let action: Action = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            if let Some(add) = action.add {
                let tenant = add.partition_values.get(TENANT).and_then(Option::as_deref);
                let day = add.partition_values.get(DAY).and_then(Option::as_deref);
                let size = u64::try_from(add.size).unwrap_or(0);
                let sum = add.tags.as_ref().and_then(|tags| tags.get(CRC32)?.as_deref()).and_then(parse_sum);
                entry.sums.extend(sum.map(|sum| (decoded(&add.path), sum)));
                let listed = listed(decoded(&add.path), tenant, day, size, add.stats.as_deref());
                entry.changes.push(listed.ok_or_else(|| format!("`{}` names no tenant", add.path))?);
            }
            if let Some(remove) = action.remove {
                entry.changes.push(FileChange::Remove(decoded(&remove.path)));
            }
            if let Some(txn) = action.txn {
                entry.txns.insert(txn.app_id, u64::try_from(txn.version).unwrap_or(0));
            }
            if let Some(info) = action.commit_info {
                entry.millis = info.timestamp.or(entry.millis);
                entry.operation = info.operation.or(entry.operation);
            }
        }
        Ok(entry)
    }

    /// The WAL position that the commit says is covered.
    pub(super) fn position(&self, app: &str) -> Option<u64> {
        self.txns.get(app).copied()
    }

    /// Whether it takes away one of these files.
    pub(super) fn removes_any(&self, files: &[FileRef]) -> bool {
        let gone = |change: &FileChange| matches!(change, FileChange::Remove(path) if files.iter().any(|file| file.path == *path));
        self.changes.iter().any(gone)
    }

    /// What the commit says of each application.
    pub(super) fn txns(&self) -> impl Iterator<Item = (&str, u64)> {
        self.txns.iter().map(|(app, version)| (app.as_str(), *version))
    }
}

/// The operation of a flush.
pub(super) const WRITE: &str = "WRITE";

/// Reads the value of the tag [`CRC32`].
pub(super) fn parse_sum(hex: &str) -> Option<u32> {
    u32::from_str_radix(hex, 16).ok()
}

/// Version 0 of a table.
pub(super) fn create(spec: &TableSpec, now: Timestamp) -> Result<Bytes, String> {
    let schema = schema(spec)?.to_string();
    let millis = millis(now);
    Ok(lines(&[
        commit_info("CREATE TABLE", now),
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": Uuid::new_v4().to_string(),
            "name": spec.name,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema,
            "partitionColumns": [TENANT, DAY],
            // Agents that have not been seen for so long are forgotten. WAL positions have no time and stay.
            "configuration": {"delta.setTransactionRetentionDuration": "interval 30 days"},
            "createdTime": millis,
        }}),
    ]))
}

fn schema(spec: &TableSpec) -> Result<Value, String> {
    let mut fields: Vec<Field> = spec.file_schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.push(Field::new(TENANT, DataType::Utf8, false));
    fields.push(Field::new(DAY, DataType::Date32, false));
    let schema: StructType = (&Schema::new(fields)).try_into_kernel().map_err(|error| error.to_string())?;
    serde_json::to_value(&schema).map_err(|error| error.to_string())
}

/// Adds the columns that a table of an earlier version lacks; `None` when it has them all.
pub(super) fn widen(spec: &TableSpec, metadata: &Metadata, now: Timestamp) -> Result<Option<Bytes>, String> {
    let mut metadata = serde_json::to_value(metadata).map_err(|error| error.to_string())?;
    let known = metadata.get("schemaString").and_then(Value::as_str).unwrap_or_default();
    let mut known: Value = serde_json::from_str(known).map_err(|error| error.to_string())?;
    let mut wanted = schema(spec)?;
    let Some(fields) = known.get_mut("fields").and_then(Value::as_array_mut) else { return Ok(None) };
    let Some(wanted) = wanted.get_mut("fields").and_then(Value::as_array_mut) else { return Ok(None) };
    wanted.retain(|field| fields.iter().all(|known| known.get("name") != field.get("name")));
    if wanted.is_empty() {
        return Ok(None);
    }
    fields.append(wanted);
    metadata["schemaString"] = known.to_string().into();
    Ok(Some(lines(&[commit_info("ADD COLUMNS", now), json!({"metaData": metadata})])))
}

/// Adds files and says what they cover: up to which of its numbers the WAL, and each agent. Delta wants them to be at
/// most `i64::MAX`. What has no time never expires: the WAL's position must not.
pub(super) fn append(
    files: &[NewFile],
    wal: (&str, u64),
    agents: impl Iterator<Item = (String, u64)>,
    now: Timestamp,
) -> Bytes {
    let mut actions = vec![commit_info(WRITE, now), json!({"txn": {"appId": wal.0, "version": wal.1}})];
    actions.extend(
        agents.map(|(app, version)| json!({"txn": {"appId": app, "version": version, "lastUpdated": millis(now)}})),
    );
    actions.extend(files.iter().map(|file| add(file, true, now)));
    lines(&actions)
}

/// Puts files in the place of others.
pub(super) fn replace(change: &Change, now: Timestamp) -> Bytes {
    let mut actions = vec![commit_info(change.operation, now)];
    actions.extend(change.remove.iter().map(|file| {
        json!({"remove": {
            "path": encoded(&file.path),
            "deletionTimestamp": millis(now),
            "dataChange": change.changes_rows,
            "size": file.bytes,
        }})
    }));
    actions.extend(change.add.iter().map(|new| add(new, change.changes_rows, now)));
    lines(&actions)
}

fn add(new: &NewFile, changes_rows: bool, now: Timestamp) -> Value {
    let stats = json!({
        "numRecords": new.file.rows,
        "minValues": {TIMESTAMP: paths::time_text(new.first_micros)},
        "maxValues": {TIMESTAMP: paths::time_text(new.last_micros)},
        "nullCount": {TIMESTAMP: 0},
    });
    json!({"add": {
        "path": encoded(&new.file.path),
        "partitionValues": {TENANT: new.tenant.as_str(), DAY: paths::day_text(new.day)},
        "size": new.file.bytes,
        "modificationTime": millis(now),
        "dataChange": changes_rows,
        "stats": stats.to_string(),
        "tags": {CRC32: format!("{:08x}", new.crc32)},
    }})
}

/// The id makes every entry another one, so that its writer knows it again.
fn commit_info(operation: &str, now: Timestamp) -> Value {
    json!({"commitInfo": {
        "timestamp": millis(now),
        "txnId": Uuid::new_v4().to_string(),
        "operation": operation,
        "operationParameters": {},
        "engineInfo": concat!("lapidary ", env!("CARGO_PKG_VERSION")),
    }})
}

fn lines(actions: &[Value]) -> Bytes {
    let mut out = String::new();
    for action in actions {
        out.push_str(&action.to_string());
        out.push('\n');
    }
    out.into()
}

const fn millis(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000)
}

/// A path as the log writes it.
fn encoded(path: &str) -> String {
    path.replace('%', "%25")
}

/// Undoes the URL encoding of a path in the log.
pub(super) fn decoded(path: &str) -> String {
    let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%').then(|| bytes.get(at + 1..at + 3).and_then(hex)).flatten();
        out.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| path.to_owned())
}

/// A tenant's name from the log; `None` when it is none of ours.
pub(super) fn tenant(name: Option<&str>) -> Option<Tenant> {
    Tenant::new(name?).ok()
}
