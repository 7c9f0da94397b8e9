//! What the log promises, against real files.

use std::fs;
use std::path::{Path, PathBuf};

use logline::{Batch, BatchId, Entry, Labels, Stream, Tenant, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::{Kind, paths};

fn records(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A log, and what it replayed.
type Opened = (LocalWal, Vec<(u64, Vec<u8>)>, Replayed);

fn open(folder: &Path, known: u64) -> Result<Opened, Error> {
    let mut replay = Replay::open(folder, known, known)?;
    let mut seen = Vec::new();
    while let Some(record) = replay.next()? {
        seen.push(record);
    }
    let (wal, replayed) = replay.finish();
    Ok((wal, seen, replayed))
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Three groups of one, two and one records in one segment.
fn written(folder: &Path) -> PathBuf {
    let (mut wal, _, _) = open(folder, 0).unwrap();
    assert_eq!(wal.append(&records(&["one"]), true).unwrap(), 1);
    assert_eq!(wal.append(&records(&["two", "three"]), true).unwrap(), 2);
    assert_eq!(wal.append(&records(&["four"]), true).unwrap(), 4);
    segments(folder).pop().unwrap()
}

const WHOLE: [&str; 4] = ["one", "two", "three", "four"];

#[test]
fn a_log_cut_at_any_byte_replays_a_prefix() {
    let dir = TempDir::new().unwrap();
    let whole = fs::read(written(dir.path())).unwrap();
    let mut seen_lengths = Vec::new();
    for len in 0..=whole.len() {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(paths::segment(1)), &whole[..len]).unwrap();
        let (mut wal, seen, replayed) = open(dir.path(), 0).unwrap();
        let expected: Vec<_> = (1..).zip(records(&WHOLE)).take(seen.len()).collect();
        assert_eq!(seen, expected, "cut at {len}");
        assert_eq!(replayed.records, seen.len() as u64);
        seen_lengths.push(seen.len());
        // What is appended after the cut is found behind the prefix.
        let next = wal.append(&records(&["more"]), true).unwrap();
        assert_eq!(next, seen.len() as u64 + 1);
        drop(wal);
        let (_, again, replayed) = open(dir.path(), 0).unwrap();
        assert_eq!(again.last(), Some(&(next, b"more".to_vec())));
        assert_eq!((again.len(), replayed.torn_bytes), (seen.len() + 1, 0), "cut at {len}");
    }
    assert!(seen_lengths.is_sorted());
    assert_eq!(seen_lengths.last(), Some(&4));
}

#[test]
fn damage_before_a_later_sync_is_an_error_that_names_file_and_offset() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path());
    let whole = fs::read(&path).unwrap();
    // The last record proves that the three before it were synced.
    let last = whole.len() - (24 + "four".len());
    for at in 28..last {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        fs::write(&path, &damaged).unwrap();
        let error = open(dir.path(), 0).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt, "byte {at}");
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        assert!(error.to_string().contains("at byte"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), damaged, "a damaged log is left as it is");
    }
}

#[test]
fn damage_in_the_group_that_was_never_proven_synced_is_cut() {
    let dir = TempDir::new().unwrap();
    let path = written(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - (24 + "four".len());
    bytes[last + 2] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (_, seen, replayed) = open(dir.path(), 0).unwrap();
    assert_eq!((seen.len(), replayed.torn_bytes), (3, 28));
    assert_eq!(fs::metadata(&path).unwrap().len(), last as u64);
}

#[test]
fn a_hole_in_an_unsynced_group_is_a_torn_tail_although_whole_records_follow() {
    let dir = TempDir::new().unwrap();
    let (mut wal, _, _) = open(dir.path(), 0).unwrap();
    wal.append(&records(&["one"]), true).unwrap();
    wal.append(&records(&["two", "three", "four"]), false).unwrap();
    drop(wal);
    let path = segments(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let second = 28 + 24 + "one".len();
    bytes[second..second + 24].fill(0);
    fs::write(&path, &bytes).unwrap();
    let (_, seen, _) = open(dir.path(), 0).unwrap();
    assert_eq!(seen, vec![(1, b"one".to_vec())]);
}

#[test]
fn recycled_records_are_gone_and_positions_go_on() {
    let dir = TempDir::new().unwrap();
    let (mut wal, _, _) = open(dir.path(), 0).unwrap();
    wal.append(&records(&["one", "two"]), true).unwrap();
    wal.recycle(1).unwrap();
    assert_eq!(segments(dir.path()).len(), 1, "record 2 is still needed");
    wal.recycle(2).unwrap();
    assert_eq!(segments(dir.path()), Vec::<PathBuf>::new());
    assert_eq!(wal.bytes(), 0);
    drop(wal);
    let (mut wal, seen, _) = open(dir.path(), 2).unwrap();
    assert!(seen.is_empty());
    assert_eq!(wal.append(&records(&["three"]), true).unwrap(), 3);
}

#[test]
fn large_logs_are_cut_into_segments_that_go_one_by_one() {
    let dir = TempDir::new().unwrap();
    let (mut wal, _, _) = open(dir.path(), 0).unwrap();
    let big = vec![7_u8; 9 << 20];
    for _ in 0..5 {
        wal.append(std::slice::from_ref(&big), true).unwrap();
    }
    assert_eq!(segments(dir.path()).len(), 3);
    wal.recycle(3).unwrap();
    assert_eq!(segments(dir.path()).len(), 2);
    drop(wal);
    let (_, seen, _) = open(dir.path(), 3).unwrap();
    assert_eq!(seen.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn a_segment_that_is_missing_is_noticed_unless_files_hold_its_records() {
    let dir = TempDir::new().unwrap();
    let (mut wal, _, _) = open(dir.path(), 0).unwrap();
    let big = vec![7_u8; 17 << 20];
    for _ in 0..3 {
        wal.append(std::slice::from_ref(&big), true).unwrap();
    }
    drop(wal);
    fs::remove_file(dir.path().join(paths::segment(2))).unwrap();
    assert_eq!(open(dir.path(), 0).unwrap_err().kind(), Kind::Corrupt);
    let (_, seen, _) = open(dir.path(), 2).unwrap();
    assert_eq!(seen.len(), 1);
    fs::remove_file(dir.path().join(paths::segment(1))).unwrap();
    assert_eq!(open(dir.path(), 0).unwrap_err().kind(), Kind::Corrupt);
}

#[test]
fn a_batch_survives_its_record_whole() {
    let check = |batch: &Batch| assert_eq!(decode(&encode(batch).unwrap()).as_ref(), Ok(batch));
    let entry = |line: &str| Entry {
        timestamp: Timestamp(-5),
        line: line.to_owned(),
        metadata: vec![("trace_id".to_owned(), "abc".to_owned()), ("umlaut".to_owned(), "ä".to_owned())],
    };
    let labels = Labels::new([("app".to_owned(), "a\"b\n".to_owned())]).unwrap();
    let stream = Stream { labels, entries: vec![entry(""), entry("line")] };
    let small = Batch { tenant: Tenant::default(), streams: vec![stream.clone()], id: None, received: Timestamp(9) };
    check(&small);
    check(&Batch { id: Some(BatchId { agent: u128::MAX, sequence: 0 }), ..small.clone() });
    let many = Stream { entries: vec![entry(&"x".repeat(100)); 500], ..stream };
    check(&Batch { streams: vec![many], ..small });
    assert!(decode(&[]).is_err());
    assert!(decode(&[1, 2, 3]).is_err());
    assert!(decode(&[9]).is_err());
}
