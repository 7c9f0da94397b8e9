//! The token index of files: what it spares, and that damage to it changes no answer.

use std::fs;
use std::path::PathBuf;

use logline::Tenant;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::super::*;
use super::support::*;
use crate::index::{BLOCK_ROWS, COARSE, INDEX_KEY, Place};
use crate::{LOGS, Predicate, ScanStats, TextMatch, logs};

const LINES: usize = 40_000;

fn trace(number: usize) -> String {
    blake3::hash(&number.to_le_bytes()).to_hex().chars().take(32).collect()
}

/// Orders of one service, a thousandth of a second apart, five lines a trace.
async fn with_orders(bench: &Bench) -> Arc<Storage> {
    let storage = bench.open().await;
    let line = |number: usize| {
        let (trace, order) = (trace(number / 5), number / 50);
        format!("[REQ][POST /orders/{{id}}] order_id={order} trace_id={trace} status=CREATED took={}", number % 7)
    };
    let lines: Vec<String> = (0..LINES).map(line).collect();
    let entries: Vec<_> = (0..).zip(&lines).map(|(at, line)| (MIDNIGHT + at * 1_000_000, line.as_str())).collect();
    storage.append(batch("shop", &entries)).await.unwrap();
    let mut other = batch("crm", &[(MIDNIGHT, "one line with nothing to find")]);
    other.streams[0].entries[0].metadata = vec![("trace_id".to_owned(), "onlyinmetadata".to_owned())];
    storage.append(other).await.unwrap();
    storage.flush().await.unwrap();
    storage
}

fn line(text: TextMatch) -> Predicate {
    Predicate::Column { name: logs::LINE.to_owned(), text }
}

fn contains(needle: &str) -> Predicate {
    line(TextMatch::Contains(needle.to_owned()))
}

fn questions() -> Vec<Predicate> {
    vec![
        contains(&trace(4_711)),
        contains(trace(4_711).get(9..20).unwrap()),
        contains("order_id=77 "),
        contains("nosuchword"),
        contains("status=CREATED took=3"),
        Predicate::Not(Box::new(contains("took=3"))),
        Predicate::Or(vec![contains(&trace(1)), contains("nothing to find")]),
        line(TextMatch::Regex("order_id=(77|78) .*took=[12]$".to_owned())),
        line(TextMatch::Regex("(?i)ORDER_ID=79 ".to_owned())),
        line(TextMatch::OneOf(vec!["one line with nothing to find".to_owned(), "no such line".to_owned()])),
    ]
}

type Rows = Vec<(i64, String, String)>;

async fn answers(storage: &Storage) -> Vec<Rows> {
    let mut answers = Vec::new();
    for question in questions() {
        answers.push(read_where(storage, &Tenant::default(), |scan| scan.predicate = question.clone()).await);
    }
    answers
}

/// The only file, and where its index lies.
fn file_and_index(bench: &Bench, storage: &Storage) -> (PathBuf, Place) {
    let files = files(storage, &Tenant::default());
    let path = bench.config.data_dir.join("tables").join(LOGS).join(&files[0].path);
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let place = pairs.iter().find(|pair| pair.key == INDEX_KEY).and_then(|pair| pair.value.as_deref());
    (path.clone(), Place::parse(place.unwrap()).unwrap())
}

#[tokio::test]
async fn a_needle_reads_the_blocks_that_may_have_it_and_an_absent_word_none() {
    let bench = Bench::new();
    let storage = with_orders(&bench).await;
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let read = async |predicate: Predicate| {
        let stats = Arc::new(ScanStats::default());
        for scan in scans(&storage, &snapshot, |scan| scan.predicate = predicate.clone()) {
            run(&storage, &scan, &stats).await;
        }
        let pruned = stats.rows_pruned_by_index.load(Ordering::Relaxed);
        (stats.rows_read.load(Ordering::Relaxed), pruned, stats.index_bytes_read.load(Ordering::Relaxed) > 0)
    };
    let (all, block) = (LINES as u64 + 1, BLOCK_ROWS as u64);
    assert_eq!(read(contains(&trace(4_711))).await, (block, all - block, true));
    assert_eq!(read(contains(&trace(4_711))).await, (block, all - block, false), "the second time it is in memory");
    assert_eq!(read(contains(" nosuchword ")).await.0, 0);
    assert_eq!(read(contains(trace(4_711).get(9..20).unwrap())).await.0, COARSE as u64 * block);
    assert_eq!(read(contains("=")).await, (all, 0, false));
    assert_eq!(read(Predicate::Not(Box::new(contains("nosuchword")))).await, (all, 0, false));
    assert!(storage.metrics().index_hits.get() > 0 && storage.metrics().index_misses.get() > 0);
    assert_eq!(storage.metrics().index_damaged.get(), 0);
}

#[tokio::test]
async fn damage_to_an_index_is_counted_and_changes_no_answer() {
    let bench = Bench::new();
    let storage = with_orders(&bench).await;
    let expected = answers(&storage).await;
    assert!(expected.iter().filter(|rows| !rows.is_empty()).count() > 7);
    let (path, place) = file_and_index(&bench, &storage);
    drop(storage);
    let whole = fs::read(&path).unwrap();
    let at = |offset| usize::try_from(offset).unwrap();
    let (start, head) = (at(place.start), at(place.head.start)..at(place.head.end));
    let in_chunks = (0..6).map(|part| start + (head.start - start) * part / 6);
    let in_head = (0..3).map(|part| head.start + head.len() * part / 3);
    // Of the samples of ids a question reads a few; damage to others is no business of its.
    let mut noticed = 0;
    for at in in_chunks.chain(in_head).chain([head.start - 1, head.end - 1]) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, damaged).unwrap();
        let storage = bench.open().await;
        assert_eq!(answers(&storage).await, expected, "byte {at}");
        let is_noticed = storage.metrics().index_damaged.get() > 0;
        assert!(is_noticed || at < head.start, "byte {at}");
        noticed += usize::from(is_noticed);
    }
    assert!(noticed > 4, "damage to a part that is read was not noticed: {noticed}");
}
