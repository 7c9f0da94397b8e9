//! A state folder on a disk without any room: the agent starts, delivers what waits, which makes room, and goes on.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::mounts::{self, Disk};
use super::{Running, receiver, settings, until};

#[test]
fn an_agent_starts_on_a_full_disk_and_makes_room_by_delivering() {
    let test = "full_disk::an_agent_starts_on_a_full_disk_and_makes_room_by_delivering";
    if mounts::inside(test) == Some(true) {
        tokio::runtime::Runtime::new().unwrap().block_on(start_on_a_full_disk());
    }
}

async fn start_on_a_full_disk() {
    let answers = Arc::new(AtomicUsize::new(0));
    let (url, pushes) = receiver(Arc::clone(&answers)).await;
    let folder = tempfile::tempdir().unwrap();
    let (config, log, state) =
        (folder.path().join("agent.toml"), folder.path().join("a.log"), folder.path().join("state"));
    let _disk = Disk::mount(&state, "1m");
    // The spool is larger than its disk.
    fs::write(&config, settings(&state, &log, &url, "batch_bytes = \"64KiB\"")).unwrap();
    // What does not become smaller by compression.
    let mut rng = stdx::Rng::seeded(1);
    let want: Vec<_> =
        (0..20_000).map(|n| format!("{n} {:016x}{:016x}{:016x}", rng.bits(), rng.bits(), rng.bits())).collect();
    let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
    writeln!(file, "{}", want.join("\n")).unwrap();

    let free = || rustix::fs::statvfs(&state).unwrap().f_bavail;
    let killed = Running::start(&config);
    until(|| free() < 20).await;
    drop(killed);
    let again = Running::start(&config);
    answers.store(usize::MAX / 2, Ordering::SeqCst);
    let got = || {
        let pushes = pushes.lock().unwrap();
        let kept: std::collections::BTreeMap<_, _> = pushes.iter().map(|(number, lines)| (number, lines)).collect();
        kept.into_values().flatten().cloned().collect::<Vec<_>>()
    };
    until(|| got().len() >= want.len()).await;
    assert_eq!(again.terminate(), Some(0));
    let (mut got, mut want) = (got(), want);
    got.sort();
    want.sort();
    assert!(got == want, "{} lines of {}", got.len(), want.len());
}
