//! A folder looked at from outside: damage is found, a backup made while pushes go on restores to the same lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use logline::Timestamp;

use super::super::*;
use super::support::*;
use crate::Kind;
use crate::folder::{Folder, Progress, Target, restore};

fn quiet() -> impl FnMut(Progress) {
    |_| {}
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// Some flushes, and a WAL with records behind them.
async fn filled(bench: &Bench) {
    let storage = bench.open().await;
    for n in 0..6_i64 {
        let line = format!("mark{n} some words of an order {n}");
        storage.append(batch("shop", &[(MIDNIGHT + n * SECOND, &line), (MIDNIGHT + n, "plain")])).await.unwrap();
        if n % 2 == 1 && n < 5 {
            storage.flush().await.unwrap();
        }
    }
}

/// Opens once the storage that was dropped has let go.
async fn at_rest(bench: &Bench) -> Folder {
    drop(bench.open().await);
    for _ in 0..500 {
        let folder = Folder::open(&bench.config).unwrap();
        if folder.is_at_rest() {
            return folder;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the folder stays in use")
}

#[tokio::test]
async fn a_whole_folder_has_no_damage_and_tells_what_is_in_it() {
    let bench = Bench::new();
    filled(&bench).await;
    let folder = at_rest(&bench).await;
    let verified = folder.verify(&mut quiet()).unwrap();
    assert!(verified.damages.is_empty(), "{:?}", verified.damages);
    assert_eq!((verified.files, verified.without_checksum, verified.records), (4, 0, 2));
    let inspection = folder.inspect(&mut quiet()).unwrap();
    let logs = inspection.tables.iter().find(|table| table.name == "logs").unwrap();
    assert_eq!((logs.files, logs.rows, logs.streams), (2, 8, Some(1)));
    assert!(logs.columns.iter().any(|column| column.name == "line" && column.bytes > 0));
    assert_eq!((inspection.wal.records, inspection.in_use), (2, false));
}

#[tokio::test]
async fn a_flipped_byte_is_found_in_every_kind_of_file() {
    let bench = Bench::new();
    filled(&bench).await;
    let folder = at_rest(&bench).await;
    let all = files_below(&bench.config.data_dir);
    let (mut data, mut commits, mut segments) = (0, 0, 0);
    for path in all.iter().filter(|path| !path.ends_with("LOCK")) {
        let whole = fs::read(path).unwrap();
        let is_segment = path.extension().is_some_and(|end| end == "wal");
        // The second record of a segment may be the torn end of a write: nothing proves that it was ever whole.
        let places = if is_segment { vec![9, 40] } else { vec![whole.len() / 3, whole.len() / 2, whole.len() - 6] };
        for place in places {
            let mut flipped = whole.clone();
            flipped[place] ^= 0x20;
            fs::write(path, &flipped).unwrap();
            let damages = folder.verify(&mut quiet()).unwrap().damages;
            if path.extension().is_some_and(|end| end == "parquet") {
                assert!(damages.iter().any(|damage| damage.place == *path), "{}", path.display());
                data += 1;
            }
            segments += usize::from(is_segment && damages.iter().any(|damage| damage.place == *path));
        }
        if path.extension().is_some_and(|end| end == "json") {
            // A character of its structure: then it is no JSON.
            fs::write(path, whole.iter().map(|byte| if *byte == b'{' { b'(' } else { *byte }).collect::<Vec<_>>())
                .unwrap();
            let damages = folder.verify(&mut quiet()).unwrap().damages;
            assert!(damages.iter().any(|damage| damage.place == *path), "{}", path.display());
            commits += 1;
        }
        fs::write(path, &whole).unwrap();
    }
    assert!(data > 0 && commits > 0 && segments > 0, "{data} {commits} {segments}");
    assert!(folder.verify(&mut quiet()).unwrap().damages.is_empty());
    let gone = all.iter().find(|path| path.extension().is_some_and(|end| end == "parquet")).unwrap();
    fs::remove_file(gone).unwrap();
    assert_eq!(folder.verify(&mut quiet()).unwrap().damages[0].reason, "the log lists it, but it is not there");
}

#[tokio::test]
async fn a_backup_made_while_pushes_go_on_holds_what_was_acknowledged_before() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let stop = Arc::new(AtomicBool::new(false));
    let (pushing, stopped) = (Arc::clone(&storage), Arc::clone(&stop));
    let pushes = async move {
        let mut n = 0_i64;
        while !stopped.load(Ordering::Relaxed) {
            pushing.append(batch("shop", &[(MIDNIGHT + n, &format!("mark{n} line"))])).await.unwrap();
            n += 1;
            if n % 40 == 0 {
                pushing.flush().await.unwrap();
            }
        }
    };
    let target = Target::folder(bench.dir.path().join("backups"));
    let (asked, into) = (bench.config.clone(), target.clone());
    let backups = async {
        for round in 1..=4_i64 {
            let before = counts(&storage).await;
            let (config, target) = (asked.clone(), into.clone());
            let made = tokio::task::spawn_blocking(move || {
                let folder = Folder::open(&config).unwrap();
                assert!(!folder.is_at_rest());
                folder.backup(&target, round % 2 == 0, Timestamp(MIDNIGHT + round * SECOND), &mut |_| {}).unwrap()
            });
            let made = made.await.unwrap();
            let mut restored = Bench::new();
            restored.config.data_dir = restored.dir.path().join(&made.id);
            restore(&into, &made, &restored.config.data_dir, None, &mut quiet()).unwrap();
            let copy = restored.open().await;
            let after = counts(&copy).await;
            assert!(after.values().all(|count| *count == 1), "doubled");
            assert!(before.keys().all(|line| after.contains_key(line)), "lost");
            let derived = marks(&copy).await;
            assert_eq!(derived.len(), after.len(), "events of exactly these lines");
            copy.close().await.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(pushes, backups);
    let all = target.backups().unwrap();
    assert_eq!(all.len(), 4);
    assert!(all[1..].iter().all(|backup| backup.new_bytes < backup.bytes), "only what is new is brought");
    assert!(target.verify(&all, &mut quiet()).unwrap().is_empty());
}

#[tokio::test]
async fn a_damaged_backup_is_not_restored_and_a_folder_with_something_in_it_neither() {
    let bench = Bench::new();
    filled(&bench).await;
    let target = Target::folder(bench.dir.path().join("backups"));
    let made = at_rest(&bench).await.backup(&target, false, Timestamp(MIDNIGHT), &mut quiet()).unwrap();
    assert_eq!(target.backup(None).unwrap().id, made.id);
    assert_eq!(target.backup(Some("never")).unwrap_err().kind(), Kind::Invalid);
    let into = bench.dir.path().join("restored");
    fs::create_dir(&into).unwrap();
    fs::write(into.join("note"), "mine").unwrap();
    let refused = restore(&target, &made, &into, None, &mut quiet()).unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
    fs::remove_file(into.join("note")).unwrap();
    let object = files_below(&bench.dir.path().join("backups/objects")).pop().unwrap();
    let whole = fs::read(&object).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&object, flipped).unwrap();
    assert_eq!(target.verify(std::slice::from_ref(&made), &mut quiet()).unwrap()[0].place, object);
    assert_eq!(restore(&target, &made, &into, None, &mut quiet()).unwrap_err().kind(), Kind::Corrupt);
    assert_eq!(fs::read_dir(&into).unwrap().count(), 0, "nothing half restored");
    fs::write(&object, whole).unwrap();
    restore(&target, &made, &into, None, &mut quiet()).unwrap();
    let mut restored = Bench::new();
    restored.config.data_dir = into;
    let (copy, original) = (restored.open().await, bench.open().await);
    assert_eq!(counts(&copy).await, counts(&original).await);
}
