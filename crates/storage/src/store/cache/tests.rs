//! The cache, in real folders.

use std::cell::Cell;

use tempfile::TempDir;

use super::*;

const LEN: u64 = 5 * BLOCK + 1_000;

fn content(range: &Range<u64>) -> Bytes {
    range.clone().map(|at| u8::try_from((at * 31 + at / 257) % 251).unwrap()).collect()
}

/// Reads ranges and says how many bytes had to be fetched.
fn read(cache: &Cache, object: &str, ranges: &[Range<u64>]) -> u64 {
    let fetched = Cell::new(0);
    let fetch = |missing: &[Range<u64>]| {
        fetched.set(missing.iter().map(|range| range.end - range.start).sum());
        Ok(missing.iter().map(content).collect())
    };
    let bytes = cache.read(object, LEN, ranges, fetch).unwrap();
    assert!(bytes.iter().zip(ranges).all(|(bytes, range)| *bytes == content(range)), "{object} {ranges:?}");
    fetched.get()
}

fn open(dir: &TempDir, blocks: u64) -> Cache {
    Cache::open(dir.path(), blocks * (BLOCK + HEADER as u64), &Metrics::default()).unwrap()
}

#[test]
fn what_was_read_once_is_not_fetched_again_not_even_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let cache = open(&dir, 100);
    let ranges = [10..20, BLOCK - 5..BLOCK + 5, 3 * BLOCK..LEN, LEN - 8..LEN, 7..7];
    assert_eq!(read(&cache, "a", &ranges), 2 * BLOCK + (LEN - 3 * BLOCK));
    assert_eq!(read(&cache, "a", &ranges), 0);
    assert_eq!(read(&cache, "b", std::slice::from_ref(&(0..1))), BLOCK, "another object is not mixed up with it");
    assert_eq!((cache.hits.get(), cache.misses.get()), (5, 6));
    drop(cache);
    let cache = open(&dir, 100);
    assert_eq!(read(&cache, "a", &ranges), 0);
    assert!(0 < cache.gauge.get());
    cache.forget("a");
    assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), BLOCK);
    assert_eq!(read(&cache, "b", std::slice::from_ref(&(0..1))), 0);
}

#[test]
fn it_stays_within_its_limit_and_keeps_what_is_wanted_again() {
    let dir = TempDir::new().unwrap();
    let cache = open(&dir, 10);
    for _ in 0..2 {
        read(&cache, "footer", std::slice::from_ref(&(0..1)));
    }
    for object in 0..50 {
        read(&cache, &format!("scan {object}"), std::slice::from_ref(&(0..1)));
        let files: Vec<u64> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(u64::try_from(cache.gauge.get()).unwrap(), files.iter().sum::<u64>());
        assert!(files.iter().sum::<u64>() <= cache.limit);
    }
    assert_eq!(read(&cache, "footer", std::slice::from_ref(&(0..1))), 0);
    assert_eq!(read(&cache, "scan 49", std::slice::from_ref(&(0..1))), 0);
    assert_eq!(read(&cache, "scan 5", std::slice::from_ref(&(0..1))), BLOCK);
    // A smaller limit after a restart holds as well.
    drop(cache);
    let cache = open(&dir, 3);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    assert!(u64::try_from(cache.gauge.get()).unwrap() <= cache.limit);
}

#[test]
fn a_block_that_is_damaged_cut_or_another_one_is_fetched_again() {
    let dir = TempDir::new().unwrap();
    let cache = open(&dir, 100);
    read(&cache, "a", &[0..1, BLOCK..BLOCK + 1]);
    let path = |block| dir.path().join(Key { object: hash("a"), block }.name());
    let whole = fs::read(path(0)).unwrap();
    for at in [0, 3, 4, 1_000, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(path(0), damaged).unwrap();
        assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), BLOCK, "byte {at}");
    }
    for len in [0, 2, 4, whole.len() - 1] {
        fs::write(path(0), &whole[..len]).unwrap();
        assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), BLOCK, "cut at {len}");
    }
    fs::copy(path(1), path(0)).unwrap();
    assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), BLOCK);
    fs::remove_file(path(0)).unwrap();
    assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), BLOCK);
    assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), 0);
}

#[test]
fn a_folder_that_takes_nothing_only_makes_it_useless() {
    let dir = TempDir::new().unwrap();
    let cache = open(&dir, 100);
    drop(dir);
    assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), BLOCK);
    assert_eq!(read(&cache, "a", std::slice::from_ref(&(0..1))), BLOCK);
    assert_eq!(cache.gauge.get(), 0);
}
