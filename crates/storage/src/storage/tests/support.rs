//! A storage in a folder of its own, batches to put in, and ways to read it all.

use std::collections::BTreeMap;
use std::time::SystemTime;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int16Type, Int32Type, Schema, TimestampMicrosecondType};
use futures::StreamExt;
use logline::{Entry, Tenant, Timestamp};
use object_store::ObjectStore;
use stdx::{ByteSize, ManualClock, Tasks};
use tempfile::TempDir;

use super::super::*;
use crate::store::faulty::{self, Faulty};
use crate::store::{Bucket, Cache};
use crate::{
    ColumnMask, Derive, FileRef, Kind, LOGS, Predicate, ScanStats, Snapshot, TableSpec, TimeRange, Visibility, logs,
};

/// 2026-11-22T00:00:00Z.
pub(super) const MIDNIGHT: i64 = 1_795_305_600_000_000_000;
pub(super) const SECOND: i64 = 1_000_000_000;

pub(super) struct Bench {
    pub(super) dir: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) tasks: Tasks,
    pub(super) config: Config,
    /// Where the files are, when they are in a bucket.
    pub(super) store: Option<Arc<Faulty>>,
    /// How lines begin that a row is made of.
    pub(super) word: &'static str,
    /// Whether lines that come now have no rows made of them.
    pub(super) off: bool,
    /// How long it takes to make the rows of a batch.
    pub(super) slow: Duration,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mut config = Config::at(dir.path().join("data"));
        config.flush_interval = Duration::from_secs(3_600);
        config.lifecycle.interval = None;
        // Most tests give equal lines on purpose.
        config.dedup_window = Duration::ZERO;
        Self {
            config,
            dir,
            store: None,
            word: "mark",
            off: false,
            slow: Duration::ZERO,
            clock: Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH)),
            tasks: Tasks::default(),
        }
    }

    pub(super) async fn try_open(&self) -> Result<Arc<Storage>, Error> {
        let marks = Marks { word: self.word, off: self.off, slow: self.slow, clock: Arc::clone(&self.clock) };
        let components = Components {
            clock: Arc::clone(&self.clock) as _,
            derives: vec![Arc::new(marks)],
            tasks: self.tasks.clone(),
        };
        let Some(store) = &self.store else { return Storage::open(self.config.clone(), components).await };
        let metrics = Metrics::default();
        let objects: Arc<dyn ObjectStore> = Arc::new(faulty::Shared(Arc::clone(store)));
        let bucket = Bucket {
            writing: Arc::clone(&objects),
            reading: objects,
            url: "s3://bucket/prefix".to_owned(),
            prefix: object_store::path::Path::from("prefix"),
            cache: Some(Arc::new(Cache::open(&self.dir.path().join("cache"), 1 << 20, &metrics).unwrap())),
            deadline: Duration::from_secs(30),
            runtime: tokio::runtime::Handle::current(),
        };
        open::open_with(self.config.clone(), components, Some(Arc::new(bucket)), metrics).await
    }

    /// A node with a data folder of its own and its files in a bucket.
    pub(super) fn in_bucket(store: &Arc<Faulty>, node: &str) -> Self {
        let mut bench = Self::new();
        bench.config.node = node.to_owned();
        bench.store = Some(Arc::clone(store));
        bench
    }

    /// Waits for a storage that was dropped to let go of the folder.
    pub(super) async fn open(&self) -> Arc<Storage> {
        for _ in 0..500 {
            match self.try_open().await {
                Err(error) if error.kind() == Kind::Locked => tokio::time::sleep(Duration::from_millis(10)).await,
                opened => return opened.unwrap(),
            }
        }
        panic!("the folder stays locked")
    }
}

/// Keeps the first word of every line that begins with a certain word, and how long the line is.
#[derive(Debug)]
struct Marks {
    word: &'static str,
    off: bool,
    slow: Duration,
    clock: Arc<ManualClock>,
}

pub(super) const MARKS: &str = "marks";
/// The tenant whose batches are of that table alone.
pub(super) const OWNED: &str = "owned";

impl Derive for Marks {
    fn table(&self) -> TableSpec {
        let schema = Schema::new(vec![
            Field::new("mark", DataType::Utf8, false),
            Field::new("timestamp", logs::micros_utc(), false),
            // Of a name that means something else in the table of lines.
            Field::new(logs::COUNT, DataType::Int64, false),
        ]);
        TableSpec { name: MARKS, schema: Arc::new(schema), sort: &["mark", "timestamp"], id: Some("mark") }
    }

    fn owns(&self, tenant: &Tenant) -> bool {
        tenant.as_str() == OWNED
    }

    fn line_time(&self) -> Option<&'static str> {
        Some("timestamp")
    }

    fn derive(&self, batch: &Batch) -> Option<RecordBatch> {
        if self.off { None } else { self.derive_again(batch) }
    }

    fn derive_again(&self, batch: &Batch) -> Option<RecordBatch> {
        self.clock.advance(self.slow);
        let entries = batch.streams.iter().flat_map(|stream| &stream.entries);
        assert!(entries.clone().all(|entry| entry.line != "make derive panic"), "as asked");
        let marked: Vec<&Entry> = entries.filter(|entry| entry.line.starts_with(self.word)).collect();
        let words = marked.iter().filter_map(|entry| entry.line.split(' ').next());
        let times: Vec<i64> = marked.iter().map(|entry| entry.timestamp.micros()).collect();
        let lengths = marked.iter().map(|entry| i64::try_from(entry.line.len()).unwrap());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(words)),
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
            Arc::new(Int64Array::from_iter_values(lengths)),
        ];
        Some(RecordBatch::try_new(self.table().schema, columns).unwrap())
    }
}

pub(super) fn labels(service: &str) -> Labels {
    let pairs = [("service_name", service), ("env", "prod")];
    Labels::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

pub(super) fn entry(time: i64, line: &str) -> Entry {
    Entry { timestamp: Timestamp(time), line: line.to_owned(), metadata: Vec::new() }
}

/// Lines of one service, each with its time.
pub(super) fn batch(service: &str, lines: &[(i64, &str)]) -> Batch {
    batch_of(&Tenant::default(), service, lines)
}

pub(super) fn batch_of(tenant: &Tenant, service: &str, lines: &[(i64, &str)]) -> Batch {
    let entries = lines.iter().map(|(time, line)| entry(*time, line)).collect();
    let streams = vec![Stream { labels: labels(service), entries }];
    Batch { tenant: tenant.clone(), streams, id: None, received: Timestamp(MIDNIGHT) }
}

pub(super) fn everything() -> Visibility {
    Visibility::new(Predicate::True, Vec::new())
}

pub(super) fn mask(column: &str) -> ColumnMask {
    ColumnMask { column: column.to_owned(), replacement: "***".to_owned() }
}

/// The two scans, head and files, of all rows of a snapshot.
pub(super) fn scans(storage: &Storage, snapshot: &Snapshot, change: impl Fn(&mut Scan)) -> Vec<Scan> {
    let range = TimeRange::ALL;
    let head = Source::Head { node: snapshot.node().to_owned(), epoch: snapshot.epoch() };
    let files = Source::Files { version: snapshot.version(), files: snapshot.files(&range) };
    let scan = |source| {
        let mut scan = Scan {
            table: LOGS.to_owned(),
            tenant: snapshot.tenant().clone(),
            source,
            range,
            predicate: Predicate::True,
            projection: Vec::new(),
            pairs: None,
            stretches: None,
            json: None,
            visibility: everything(),
        };
        let spec = storage.table(LOGS).unwrap().spec().clone();
        scan.projection = spec.schema.fields().iter().map(|field| field.name().clone()).collect();
        change(&mut scan);
        scan
    };
    vec![scan(files), scan(head)]
}

pub(super) async fn run(storage: &Storage, scan: &Scan, stats: &SharedStats) -> Vec<RecordBatch> {
    let rows = storage.scan(scan, stats).unwrap();
    rows.map(Result::unwrap).collect().await
}

/// Time, stream and line of rows of the table of lines, sorted.
pub(super) fn lines_of(batches: &[RecordBatch]) -> Vec<(i64, String, String)> {
    let mut lines = Vec::new();
    for rows in batches {
        let times = rows.column_by_name(logs::TIMESTAMP).unwrap().as_primitive::<TimestampMicrosecondType>();
        let nanos = rows.column_by_name(logs::NANOS).unwrap().as_primitive::<Int16Type>();
        let streams = rows.column_by_name(logs::STREAM).unwrap().as_dictionary::<Int32Type>();
        let streams = streams.downcast_dict::<StringArray>().unwrap();
        let texts = rows.column_by_name(logs::LINE).unwrap().as_string::<i32>();
        for row in 0..rows.num_rows() {
            let time = times.value(row) * 1_000 + i64::from(nanos.value(row));
            let stream = arrow::array::ArrayAccessor::value(&streams, row);
            lines.push((time, stream.to_owned(), texts.value(row).to_owned()));
        }
    }
    lines.sort();
    lines
}

/// All lines of a tenant, head and files of one snapshot.
pub(super) async fn read(storage: &Storage, tenant: &Tenant) -> Vec<(i64, String, String)> {
    read_where(storage, tenant, |_| {}).await
}

pub(super) async fn read_where(
    storage: &Storage,
    tenant: &Tenant,
    change: impl Fn(&mut Scan),
) -> Vec<(i64, String, String)> {
    let snapshot = storage.table(LOGS).unwrap().snapshot(tenant);
    let mut batches = Vec::new();
    for scan in scans(storage, &snapshot, change) {
        batches.extend(run(storage, &scan, &Arc::new(ScanStats::default())).await);
    }
    lines_of(&batches)
}

/// How often each line is there.
pub(super) async fn counts(storage: &Storage) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, _, line) in read(storage, &Tenant::default()).await {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

/// How often each mark is in the derived table.
pub(super) async fn marks(storage: &Storage) -> BTreeMap<String, usize> {
    marks_of(storage, &Tenant::default()).await
}

pub(super) async fn marks_of(storage: &Storage, tenant: &Tenant) -> BTreeMap<String, usize> {
    let snapshot = storage.table(MARKS).unwrap().snapshot(tenant);
    let mut counts = BTreeMap::new();
    let change = |scan: &mut Scan| {
        scan.table = MARKS.to_owned();
        scan.projection = vec!["mark".to_owned()];
    };
    for scan in scans(storage, &snapshot, change) {
        for rows in run(storage, &scan, &Arc::new(ScanStats::default())).await {
            assert_eq!(rows.num_columns(), 1);
            for mark in rows.column(0).as_string::<i32>() {
                *counts.entry(mark.unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    counts
}

pub(super) fn files(storage: &Storage, tenant: &Tenant) -> Vec<FileRef> {
    storage.table(LOGS).unwrap().snapshot(tenant).files(&TimeRange::ALL)
}

pub(super) fn small(config: &mut Config, memory: u64, flush_bytes: u64) {
    config.memory = ByteSize(memory);
    config.flush_bytes = ByteSize(flush_bytes);
}
