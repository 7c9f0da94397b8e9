//! Numbers of agents' batches as `txn` actions: up to which number the table has an agent's batches.

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use logline::BatchId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use uuid::Uuid;

use super::actions::tenant;
use crate::seen::Mark;
use crate::store::{Listed, Store, StoredFile, cause};
use crate::{Error, paths};

const PREFIX: &str = "lapidary-agent/";
const TXN: &str = "txn";

/// The `appId` of an agent.
pub(super) fn app(mark: &Mark) -> String {
    format!("{PREFIX}{}/{}", mark.tenant, Uuid::from_u128(mark.id.agent))
}

/// What a `txn` says of an agent; `None` when it is that of another application.
pub(super) fn parse(app: &str, sequence: u64) -> Option<Mark> {
    let (name, agent) = app.strip_prefix(PREFIX)?.rsplit_once('/')?;
    let agent = Uuid::parse_str(agent).ok()?.as_u128();
    Some(Mark { tenant: tenant(Some(name))?, id: BatchId { agent, sequence } })
}

/// The newest checkpoint up to `version` in a log's folder, and its marks, those set longest ago first. Checkpoints in
/// several parts, which we do not write, are not looked at.
pub(super) fn newest_checkpoint(store: &dyn Store, version: u64) -> Result<(Option<u64>, Vec<Mark>), Error> {
    let listed = store.list(paths::delta_log())?;
    let checkpoint = |file: Listed| {
        let found = paths::parse_checkpoint(file.path.rsplit('/').next()?).filter(|found| *found <= version)?;
        Some((found, file))
    };
    let Some((newest, file)) = listed.into_iter().filter_map(checkpoint).max_by_key(|(found, _)| *found) else {
        return Ok((None, Vec::new()));
    };
    let file = store.open(&file.path, file.bytes)?;
    let location = file.location().to_owned();
    let damaged = |reason: &dyn std::fmt::Display| Error::corrupt(&location, reason);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file);
    let builder = builder.map_err(|error| cause(&location, error, |error| damaged(&error)))?;
    let mut marks = read_checkpoint(builder).map_err(|error| match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(reason) => damaged(&reason),
    })?;
    marks.sort_by_key(|(updated, _)| *updated);
    Ok((Some(newest), marks.into_iter().map(|(_, mark)| mark).collect()))
}

/// Marks, each with the time it was set at.
fn read_checkpoint(
    builder: ParquetRecordBatchReaderBuilder<StoredFile>,
) -> Result<Vec<(i64, Mark)>, Box<dyn std::error::Error>> {
    let columns = ProjectionMask::columns(builder.parquet_schema(), [TXN]);
    let mut marks = Vec::new();
    for rows in builder.with_projection(columns).build()? {
        let rows: RecordBatch = rows?;
        let txns = rows.column_by_name(TXN).and_then(|column| column.as_struct_opt());
        marks.extend(read_txns(txns.ok_or("it has no column `txn`")?)?);
    }
    Ok(marks)
}

fn read_txns(txns: &StructArray) -> Result<Vec<(i64, Mark)>, Box<dyn std::error::Error>> {
    let column = |name: &str, kind: &DataType| {
        let column = txns.column_by_name(name).ok_or_else(|| format!("its column `txn` has no `{name}`"))?;
        Ok::<_, Box<dyn std::error::Error>>(cast(column, kind)?)
    };
    let (apps, versions) = (column("appId", &DataType::Utf8)?, column("version", &DataType::Int64)?);
    let updated = column("lastUpdated", &DataType::Int64)?;
    let (apps, versions) = (apps.as_string::<i32>(), versions.as_primitive::<Int64Type>());
    let updated = updated.as_primitive::<Int64Type>();
    let set = |row: &usize| txns.is_valid(*row) && apps.is_valid(*row) && versions.is_valid(*row);
    let mark = |row: usize| {
        let sequence = u64::try_from(versions.value(row)).ok()?;
        let time = if updated.is_valid(row) { updated.value(row) } else { i64::MIN };
        Some((time, parse(apps.value(row), sequence)?))
    };
    Ok((0..txns.len()).filter(set).filter_map(mark).collect())
}

#[cfg(test)]
mod tests {
    use logline::Tenant;

    use super::*;

    #[test]
    fn an_agent_is_read_as_it_was_written() {
        let id = BatchId { agent: 0x0123_4567_89ab_cdef_0011_2233_4455_6677, sequence: 42 };
        let mark = Mark { tenant: Tenant::new("a*b'(c)!").unwrap(), id };
        assert_eq!(app(&mark), "lapidary-agent/a*b'(c)!/01234567-89ab-cdef-0011-223344556677");
        assert_eq!(parse(&app(&mark), 42), Some(mark));
        for other in ["lapidary-wal/local", "lapidary-agent/a", "lapidary-agent/a/b", "lapidary-agent/"] {
            assert_eq!(parse(other, 42), None, "{other}");
        }
    }
}
