//! A disk that is really full: a small tmpfs, mounted in a mount namespace of a child process that runs the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::super::*;
use super::support::*;
use crate::{Affected, Kind};

const DISK: &str = "LAPIDARY_TEST_SMALL_DISK";

/// Does `work` with a storage to be on a disk of 4 MiB: the named test, which this is called from, runs again in a child
/// process. Where the system does not let us mount a disk, a full one cannot be had, and the test says that it was left out.
pub(super) fn on_small_disk(test: &str, work: impl AsyncFnOnce(Bench, &Path)) {
    let Some(disk) = small_disk() else { return with_small_disk(test) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut bench = Bench::new();
    bench.config.data_dir = disk.join("data");
    runtime.block_on(work(bench, &disk));
}

/// In the child: where the disk is.
#[expect(clippy::disallowed_methods, reason = "how the parent tells the child where the disk is")]
fn small_disk() -> Option<PathBuf> {
    std::env::var(DISK).ok().map(PathBuf::from)
}

fn with_small_disk(test: &str) {
    let dir = TempDir::new().unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let namespaces: &[&[&str]] = &[&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let mut reason = String::new();
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
            Ok(output) => reason = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => reason = error.to_string(),
        }
    }
    println!("LEFT OUT: `{test}`: a small disk cannot be mounted here: {reason}");
}

/// Random text, which no compression makes small.
pub(super) fn noise(rng: &mut Rng, bytes: usize) -> String {
    (0..bytes / 16).map(|_| format!("{:016x}", rng.bits())).collect()
}

#[test]
fn a_full_disk_refuses_pushes_and_takes_them_again_when_there_is_space() {
    let name = "storage::tests::disk::a_full_disk_refuses_pushes_and_takes_them_again_when_there_is_space";
    on_small_disk(name, async |bench, disk| {
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
        let more = Command::new("mount").args(["-o", "remount,size=64m"]).arg(disk).status().unwrap();
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
    let name = "storage::tests::disk::a_folder_that_becomes_read_only_refuses_pushes_and_recovers_by_itself";
    on_small_disk(name, async |bench, disk| {
        // After a flush the WAL has no segment: it begins one with the next push.
        let storage = bench.open().await;
        storage.append(batch("shop", &[(MIDNIGHT, "in a file")])).await.unwrap();
        storage.flush().await.unwrap();
        storage.append(batch("shop", &[(MIDNIGHT, "in the log")])).await.unwrap();
        drop(storage);
        mount(&["-o", "remount,ro", disk.to_str().unwrap()]);
        // Also at the start: what is there can be read.
        let storage = bench.open().await;
        let trouble = storage.troubles().remove(0);
        assert_eq!((trouble.affected, trouble.summary), (Affected::Pushes, "the data folder is read-only"));
        assert_eq!(counts(&storage).await.into_keys().collect::<Vec<_>>(), ["in a file", "in the log"]);
        storage.append(batch("shop", &[(MIDNIGHT, "refused")])).await.unwrap_err();
        mount(&["-o", "remount,rw", disk.to_str().unwrap()]);
        storage.append(batch("shop", &[(MIDNIGHT, "taken later")])).await.unwrap();
        assert_eq!(storage.troubles(), []);
        storage.flush().await.unwrap();
        drop(storage);
        let storage = bench.open().await;
        let wal = bench.config.data_dir.join("wal");
        mount(&["--bind", wal.to_str().unwrap(), wal.to_str().unwrap()]);
        mount(&["-o", "remount,ro,bind", wal.to_str().unwrap()]);
        let error = storage.append(batch("shop", &[(MIDNIGHT, "refused")])).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert_eq!(storage.troubles()[0].summary, "the data folder is read-only");
        let there = ["in a file", "in the log", "taken later"];
        assert_eq!(counts(&storage).await.into_keys().collect::<Vec<_>>(), there, "reads go on");
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
        assert_eq!(counts(&storage).await.len(), 4);
    });
}
