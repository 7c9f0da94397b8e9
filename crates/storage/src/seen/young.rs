//! Lines received lately that are in files already, read when the server starts.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int16Type, Int32Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use logline::{Tenant, Timestamp};

use super::Prints;
use crate::logs::{ALL_METADATA, LINE, NANOS, RECEIVED, STREAM, TIMESTAMP};
use crate::read::{FileRows, Footers, Plan, Step, Steps};
use crate::{Error, FileRef, Metrics, Predicate, Scan, ScanStats, Source, Table, TimeRange, Visibility};

/// Calls `known` with the fingerprint and receipt time of every line of the files that was received after `since`, until it
/// has enough and says false; blocks.
pub(crate) fn young_lines(
    table: &Table,
    files: Vec<(Tenant, FileRef)>,
    prints: &Prints,
    since: Timestamp,
    mut known: impl FnMut(u64, Timestamp) -> bool,
) -> Result<(), Error> {
    for (tenant, file) in files {
        let scan = Scan {
            table: table.spec().name.to_owned(),
            tenant,
            source: Source::Files { version: 0, files: Vec::new() },
            range: TimeRange::ALL,
            predicate: Predicate::True,
            projection: [STREAM, TIMESTAMP, NANOS, LINE, ALL_METADATA, RECEIVED].map(str::to_owned).to_vec(),
            pairs: None,
            stretches: None,
            json: None,
            visibility: Visibility::new(Predicate::True, Vec::new()),
        };
        let plan = Arc::new(Plan::new(table.spec(), &scan, &[], &Arc::new(ScanStats::default()))?);
        let footers = Arc::new(Footers::new(0, 0, Metrics::default()));
        let mut rows = FileRows::new(plan, Arc::clone(table.delta().store()), footers, [file]);
        loop {
            match rows.step()? {
                Step::Rows(rows) => {
                    let mut enough = false;
                    prints_of(&scan.tenant, &rows, prints, since, |print, received| {
                        enough = enough || !known(print, received);
                    });
                    if enough {
                        return Ok(());
                    }
                }
                Step::More => {}
                Step::Done => break,
            }
        }
    }
    Ok(())
}

fn prints_of(
    tenant: &Tenant,
    rows: &RecordBatch,
    prints: &Prints,
    since: Timestamp,
    mut known: impl FnMut(u64, Timestamp),
) {
    let column = |index: usize| rows.column(index);
    let streams = column(0).as_dictionary::<Int32Type>();
    let texts = streams.values().as_string::<i32>();
    let common: Vec<u64> = texts.iter().map(|text| prints.stream(tenant, text.unwrap_or_default())).collect();
    let times = column(1).as_primitive::<TimestampMicrosecondType>().values();
    let nanos = column(2).as_primitive::<Int16Type>().values();
    let lines = column(3).as_string::<i32>();
    let metadata = column(4).as_map();
    let received = column(5).as_primitive::<TimestampMicrosecondType>().values();
    for row in 0..rows.num_rows() {
        let at = Timestamp(received[row].saturating_mul(1_000));
        if at < since {
            continue;
        }
        let stream = usize::try_from(streams.keys().value(row)).ok().and_then(|key| common.get(key));
        let time = times[row].saturating_mul(1_000).saturating_add(i64::from(nanos[row]));
        let pairs = metadata.value(row);
        let (names, values) = (pairs.column(0).as_string::<i32>(), pairs.column(1).as_string::<i32>());
        let pair = |index: usize| (names.value(index), values.value(index));
        let print = prints.line(
            stream.copied().unwrap_or_default(),
            Timestamp(time),
            lines.value(row),
            (0..pairs.len()).map(pair),
        );
        known(print, at);
    }
}
