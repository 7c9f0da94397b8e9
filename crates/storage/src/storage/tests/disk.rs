//! A disk that is really full: a small tmpfs, mounted in a mount namespace of a child process that runs the test.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::super::*;
use super::support::*;
use crate::{Affected, Kind};

const DISK: &str = "LAPIDARY_TEST_SMALL_DISK";

#[expect(clippy::disallowed_methods, reason = "how the parent tells the child where the disk is")]
pub(super) fn small_disk() -> Option<PathBuf> {
    std::env::var(DISK).ok().map(PathBuf::from)
}

/// Runs the named test again with a disk of 4 MiB. Where the system does not let us mount one, a full disk cannot be
/// had, and nothing is tested.
pub(super) fn with_small_disk(test: &str) {
    let dir = TempDir::new().unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let namespaces: &[&[&str]] = &[&["--mount"], &["--user", "--map-root-user", "--mount"]];
    for namespace in namespaces {
        let mut command = Command::new("unshare");
        command.args(*namespace).args(["sh", "-c", script, "sh"]).arg(dir.path());
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(DISK, dir.path());
        match command.output() {
            Ok(output) if output.status.success() => {
                assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the test `{test}` did not run");
                return;
            }
            Ok(output) if output.status.code() == Some(101) => {
                panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
            }
            _ => {}
        }
    }
    println!("no permission to mount a small disk: not tested here");
}

/// Random text, which no compression makes small.
pub(super) fn noise(rng: &mut Rng, bytes: usize) -> String {
    (0..bytes / 16).map(|_| format!("{:016x}", rng.bits())).collect()
}

#[test]
fn a_full_disk_refuses_pushes_and_takes_them_again_when_there_is_space() {
    let Some(disk) = small_disk() else {
        return with_small_disk(
            "storage::tests::disk::a_full_disk_refuses_pushes_and_takes_them_again_when_there_is_space",
        );
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut bench = Bench::new();
        bench.config.data_dir = disk.join("data");
        let storage = bench.open().await;
        let mut rng = Rng::seeded(1);
        let mut acked = Vec::new();
        let full = loop {
            let line = noise(&mut rng, 100_000);
            match storage.append(batch("shop", &[(MIDNIGHT, &line)])).await {
                Ok(()) => acked.push(line),
                Err(error) => break error,
            }
            assert!(acked.len() < 1_000, "the disk never fills up");
        };
        assert_eq!(full.kind(), Kind::Full, "{full}");
        let trouble = storage.troubles().into_iter().find(|trouble| trouble.affected == Affected::Pushes).unwrap();
        assert_eq!((trouble.summary, storage.metrics().pushes_refused.get()), ("the disk is full", 1));
        assert!(full.to_string().starts_with("the disk is full: cannot write to `"), "{full}");
        // The head cannot be flushed either; nothing is lost and reads go on.
        assert_eq!(storage.flush().await.unwrap_err().kind(), Kind::Full);
        assert!(storage.status().flush_error.is_some());
        assert_eq!(counts(&storage).await.len(), acked.len());
        // A restart on the full disk finds everything.
        drop(storage);
        let storage = bench.open().await;
        assert_eq!(counts(&storage).await.len(), acked.len());
        // Space comes back.
        let more = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&disk).status().unwrap();
        assert!(more.success());
        let line = noise(&mut rng, 100_000);
        storage.append(batch("shop", &[(MIDNIGHT, &line)])).await.unwrap();
        acked.push(line);
        assert_eq!(storage.troubles(), []);
        storage.flush().await.unwrap();
        assert_eq!(storage.status().flush_error, None);
        drop(storage);
        let storage = bench.open().await;
        let lines = counts(&storage).await;
        assert!(acked.iter().all(|line| lines.get(line) == Some(&1)));
        assert_eq!(lines.len(), acked.len(), "a push that was refused is not there");
    });
}

fn mount(args: &[&str]) {
    assert!(Command::new("mount").args(args).status().unwrap().success(), "mount {args:?}");
}

#[test]
fn a_folder_that_becomes_read_only_refuses_pushes_and_recovers_by_itself() {
    let Some(disk) = small_disk() else {
        return with_small_disk(
            "storage::tests::disk::a_folder_that_becomes_read_only_refuses_pushes_and_recovers_by_itself",
        );
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut bench = Bench::new();
        bench.config.data_dir = disk.join("data");
        // After a flush the WAL has no segment: it begins one with the next push.
        let storage = bench.open().await;
        storage.append(batch("shop", &[(MIDNIGHT, "in a file")])).await.unwrap();
        storage.flush().await.unwrap();
        drop(storage);
        mount(&["-o", "remount,ro", disk.to_str().unwrap()]);
        let error = bench.try_open().await.unwrap_err();
        assert!(error.to_string().contains("Read-only file system"), "{error}");
        mount(&["-o", "remount,rw", disk.to_str().unwrap()]);
        let storage = bench.open().await;
        let wal = bench.config.data_dir.join("wal");
        mount(&["--bind", wal.to_str().unwrap(), wal.to_str().unwrap()]);
        mount(&["-o", "remount,ro,bind", wal.to_str().unwrap()]);
        let error = storage.append(batch("shop", &[(MIDNIGHT, "refused")])).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert_eq!(storage.troubles()[0].summary, "the data folder is read-only");
        assert_eq!(counts(&storage).await.into_keys().collect::<Vec<_>>(), ["in a file"], "reads go on");
        assert!(Command::new("umount").arg(&wal).status().unwrap().success());
        // Nobody pushes: it finds out by itself.
        for _ in 0..200 {
            if storage.troubles().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(storage.troubles(), []);
        storage.append(batch("shop", &[(MIDNIGHT, "taken")])).await.unwrap();
        assert_eq!(counts(&storage).await.into_keys().collect::<Vec<_>>(), ["in a file", "taken"]);
    });
}
