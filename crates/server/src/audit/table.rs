//! The table `audit`: its columns, rows from records, records from rows.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int16Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int16Type, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use auth::{AUDIT_TENANT, Cost, Outcome, Record};
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};
use storage::logs::{NANOS, TIMESTAMP, micros_utc};
use storage::{Derive, TableSpec};

/// Name of the table.
pub(crate) const AUDIT: &str = "audit";

pub(crate) const NODE: &str = "node";
pub(crate) const PRINCIPAL: &str = "principal";
pub(crate) const OF_TENANT: &str = "of_tenant";
pub(crate) const ACTION: &str = "action";
pub(crate) const OUTCOME: &str = "outcome";
pub(crate) const DETAIL: &str = "detail";
const SEQUENCE: &str = "sequence";
const ADDRESS: &str = "address";
const COUNT: &str = "count";
const ROWS: &str = "rows";
const BYTES: &str = "bytes";
const MILLIS: &str = "duration_ms";
const PREVIOUS: &str = "previous";
const HASH: &str = "hash";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let number = |name, nullable| Field::new(name, DataType::Int64, nullable);
    Arc::new(Schema::new(vec![
        Field::new(TIMESTAMP, micros_utc(), false),
        Field::new(NANOS, DataType::Int16, false),
        text(NODE),
        number(SEQUENCE, false),
        text(PRINCIPAL),
        text(OF_TENANT),
        text(ACTION),
        text(OUTCOME),
        text(DETAIL),
        text(ADDRESS),
        number(COUNT, false),
        number(ROWS, true),
        number(BYTES, true),
        number(MILLIS, true),
        text(PREVIOUS),
        text(HASH),
    ]))
});

/// Names of all columns.
pub(crate) fn columns() -> Vec<&'static str> {
    SCHEMA.fields().iter().map(|field| field.name().as_str()).collect()
}

/// The tenant whose batches are records.
pub(crate) fn tenant() -> Tenant {
    Tenant::new(AUDIT_TENANT).expect("a tenant's name")
}

/// Keeps records in a table of their own: what is appended under the trail's tenant is nobody else's.
#[derive(Debug)]
pub(crate) struct AuditTable;

impl Derive for AuditTable {
    fn table(&self) -> TableSpec {
        // Without an id: no request to delete lines reaches these rows.
        TableSpec { name: AUDIT, schema: Arc::clone(&SCHEMA), sort: &[TIMESTAMP, NANOS, SEQUENCE], id: None }
    }

    fn owns(&self, tenant: &Tenant) -> bool {
        tenant.as_str() == AUDIT_TENANT
    }

    fn derive(&self, batch: &Batch) -> Option<RecordBatch> {
        if !self.owns(&batch.tenant) {
            return None;
        }
        let entries = batch.streams.iter().flat_map(|stream| &stream.entries);
        rows(&entries.filter_map(|entry| serde_json::from_str(&entry.line).ok()).collect::<Vec<_>>())
    }
}

/// Records as storage takes them.
pub(crate) fn batch(records: &[Record]) -> Result<Batch, String> {
    let labels = Labels::new([("service_name".to_owned(), "lapidary-audit".to_owned())]);
    let mut entries = Vec::with_capacity(records.len());
    for record in records {
        let line = serde_json::to_string(record).map_err(|error| error.to_string())?;
        entries.push(Entry { timestamp: record.time, line, metadata: Vec::new() });
    }
    let labels = labels.map_err(|error| error.to_string())?;
    let received = records.last().map_or(Timestamp(0), |record| record.time);
    Ok(Batch { tenant: tenant(), streams: vec![Stream { labels, entries }], id: None, received })
}

fn rows(records: &[Record]) -> Option<RecordBatch> {
    let text =
        |of: fn(&Record) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(records.iter().map(of))) };
    let number = |of: fn(&Record) -> Option<u64>| -> ArrayRef {
        Arc::new(records.iter().map(|record| of(record).map(u64::cast_signed)).collect::<Int64Array>())
    };
    let micros = records.iter().map(|record| Some(record.time.micros())).collect::<TimestampMicrosecondArray>();
    let nanos = records.iter().map(|record| i16::try_from(record.time.nanos_of_micro()).ok()).collect::<Int16Array>();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(micros.with_timezone("UTC")),
        Arc::new(nanos),
        text(|record| &record.node),
        number(|record| Some(record.sequence)),
        text(|record| &record.principal),
        text(|record| &record.tenant),
        text(|record| &record.action),
        text(|record| record.outcome.name()),
        text(|record| &record.detail),
        text(|record| &record.address),
        number(|record| Some(record.count)),
        number(|record| record.cost.map(|cost| cost.rows)),
        number(|record| record.cost.map(|cost| cost.bytes)),
        number(|record| record.cost.map(|cost| cost.millis)),
        text(|record| &record.previous),
        text(|record| &record.hash),
    ];
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns).ok()
}

/// Records of rows with all columns; `None` if the columns are not those of the table.
pub(crate) fn records(rows: &RecordBatch) -> Option<Vec<Record>> {
    let text = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
    let number = |name: &str| rows.column_by_name(name)?.as_primitive_opt::<Int64Type>();
    let micros = rows.column_by_name(TIMESTAMP)?.as_primitive_opt::<TimestampMicrosecondType>()?;
    let nanos = rows.column_by_name(NANOS)?.as_primitive_opt::<Int16Type>()?;
    let (node, principal, of_tenant, action) = (text(NODE)?, text(PRINCIPAL)?, text(OF_TENANT)?, text(ACTION)?);
    let (outcome, detail, address) = (text(OUTCOME)?, text(DETAIL)?, text(ADDRESS)?);
    let (previous, hash) = (text(PREVIOUS)?, text(HASH)?);
    let (sequence, count, looked_at) = (number(SEQUENCE)?, number(COUNT)?, number(ROWS)?);
    let (bytes, millis) = (number(BYTES)?, number(MILLIS)?);
    // A row that no record makes was changed; it gets no hash, so that this is told.
    let is_whole = |row: usize| {
        let costs = [looked_at, bytes, millis].map(|column| column.is_valid(row));
        Outcome::named(outcome.value(row)).is_some()
            && costs.iter().all(|is_there| *is_there == looked_at.is_valid(row))
            && (0..1_000).contains(&nanos.value(row))
    };
    let record = |row: usize| {
        let whole = |column: &Int64Array| column.value(row).cast_unsigned();
        let cost = Cost { rows: whole(looked_at), bytes: whole(bytes), millis: whole(millis) };
        let own = |column: &StringArray| column.value(row).to_owned();
        Record {
            node: own(node),
            sequence: whole(sequence),
            time: Timestamp(micros.value(row).saturating_mul(1_000).saturating_add(nanos.value(row).into())),
            principal: own(principal),
            tenant: own(of_tenant),
            action: own(action),
            outcome: Outcome::named(outcome.value(row)).unwrap_or(Outcome::Failed),
            detail: own(detail),
            address: own(address),
            cost: looked_at.is_valid(row).then_some(cost),
            count: whole(count),
            previous: own(previous),
            hash: if is_whole(row) { own(hash) } else { String::new() },
        }
    };
    Some((0..rows.num_rows()).map(record).collect())
}

#[cfg(test)]
mod tests {
    use auth::{AuditEvent, Chain};

    use super::*;

    #[test]
    fn a_record_is_the_same_when_it_was_a_line_and_a_row() {
        let mut chain = Chain::new("n", None);
        let event = |detail: &str| AuditEvent::new("anna", Tenant::default(), "query", detail, Outcome::Failed);
        let costly = AuditEvent { cost: Some(Cost { rows: 1, bytes: u64::MAX, millis: 3 }), ..event("{a=\"\\n\"}") };
        let records = vec![
            chain.seal(event("").at(Some([192, 0, 2, 1].into())), Timestamp(-1)),
            chain.seal(costly, Timestamp(1_795_305_600_000_000_999)),
        ];
        let batch = batch(&records).unwrap();
        let rows = AuditTable.derive(&batch).unwrap();
        assert_eq!(super::records(&rows).unwrap(), records);
        assert!(records.iter().all(|record| record.digest() == record.hash));
        // What no record makes does not have its hash.
        let put = |name: &str, column: ArrayRef| {
            let mut columns = rows.columns().to_vec();
            columns[SCHEMA.index_of(name).unwrap()] = column;
            let is_changed = |record: &Record| record.digest() != record.hash;
            let changed = super::records(&RecordBatch::try_new(rows.schema(), columns).unwrap()).unwrap();
            changed.iter().map(is_changed).collect::<Vec<_>>()
        };
        let numbers = |numbers: [Option<i64>; 2]| Arc::new(Int64Array::from_iter(numbers)) as ArrayRef;
        assert_eq!(put(OUTCOME, Arc::new(StringArray::from(vec!["failed", "done"]))), [false, true]);
        assert_eq!(put(BYTES, numbers([Some(0), Some(-1)])), [true, false]);
        assert_eq!(put(MILLIS, numbers([Some(7), Some(3)])), [true, false]);
        assert_eq!(put(ROWS, numbers([None, None])), [false, true]);
        assert_eq!(put(NANOS, Arc::new(Int16Array::from(vec![-1, 999]))), [true, false]);
        // Nobody else's lines become records.
        assert!(AuditTable.derive(&Batch { tenant: Tenant::default(), ..batch }).is_none());
    }
}
