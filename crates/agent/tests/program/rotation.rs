//! The rotation test: a log is renamed and cut five times each while the server is away for a while, the spool's disk is
//! full for a while, and the agent is killed at random moments. Every line arrives once at a server that drops repeats
//! by their number.
//!
//! The short form runs always; `RUN_SLOW=1` makes it 60,000 lines and the server away for a minute.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use agent::{FileId, State};
use stdx::{Clock, Rng, SystemClock};

use super::mounts::{self, Disk};
use super::{Running, receiver, settings, until};

const ROTATIONS: usize = 5;
/// The disk becomes full behind this rotation; the next one renames the log.
const FULL_BEHIND: usize = 5;

/// Kills the agent and starts it again, unless it is to be spared for a moment, until it is told to stop; then leaves it
/// running.
async fn keep_killing(config: &Path, [stop, spare]: [&AtomicBool; 2], rng: &mut Rng) -> (Running, usize) {
    let mut kills = 0;
    loop {
        let running = Running::start(config);
        tokio::time::sleep(Duration::from_millis(30 + rng.below(400))).await;
        while spare.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if stop.load(Ordering::SeqCst) {
            return (running, kills);
        }
        drop(running);
        kills += 1;
    }
}

/// Whether the agent has all of the file in its spool.
fn is_spooled(state_dir: &Path, log: &Path) -> bool {
    let size = fs::metadata(log).unwrap().len();
    let state = State::load(state_dir).ok().flatten();
    state.is_some_and(|state| state.files.get(&file_id(log)).is_some_and(|known| known.offset == size))
}

#[test]
fn rotations_kills_a_full_disk_and_a_server_that_is_away_lose_nothing_and_double_nothing() {
    let test = "rotation::rotations_kills_a_full_disk_and_a_server_that_is_away_lose_nothing_and_double_nothing";
    let Some(has_disk) = mounts::inside(test) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(rotations(has_disk));
}

async fn rotations(has_disk: bool) {
    let is_slow = std::env::var_os("RUN_SLOW").is_some();
    let (lines, away) = if is_slow { (60_000, 60) } else { (6_000, 2) };
    let answers = Arc::new(AtomicUsize::new(0));
    let (url, pushes) = receiver(Arc::clone(&answers)).await;
    let folder = tempfile::tempdir().unwrap();
    let (config, log, state_dir) =
        (folder.path().join("agent.toml"), folder.path().join("app.log"), folder.path().join("state"));
    let text = settings(&state_dir, &log, &url, "batch_bytes = \"8KiB\"");
    // The server holds requests while it is away.
    let text = text.replace("[spool]", "timeout = \"1s\"\n[spool]");
    fs::write(&config, text).unwrap();
    fs::write(&log, "").unwrap();
    let disk = has_disk.then(|| Disk::mount(&state_dir, "16m"));

    let (stop, spare) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut rng = Rng::seeded(20);
    let writing = async {
        let back = SystemClock.instant() + Duration::from_secs(away);
        let round = lines / (2 * ROTATIONS);
        for n in 0..lines {
            let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
            writeln!(file, "line {n} of many, with some text behind it").unwrap();
            if n % 50 == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if n % round == round - 1 {
                spare.store(true, Ordering::SeqCst);
                rotate(&log, &state_dir, n / round).await;
                if let Some(disk) = disk.as_ref().filter(|_| n / round == FULL_BEHIND) {
                    until(|| is_known(&state_dir, &log)).await;
                    disk.fill();
                }
                spare.store(false, Ordering::SeqCst);
            }
            // Beyond the middle of the round behind the next rotation.
            if let Some(disk) = disk.as_ref().filter(|_| n == (FULL_BEHIND + 2) * round + round / 2) {
                assert!(!is_spooled(&state_dir, &log), "there was room");
                disk.empty();
            }
        }
        tokio::time::sleep(back.saturating_duration_since(SystemClock.instant())).await;
        answers.store(usize::MAX / 2, Ordering::SeqCst);
        stop.store(true, Ordering::SeqCst);
    };
    let ((running, kills), ()) = tokio::join!(keep_killing(&config, [&stop, &spare], &mut rng), writing);

    // The server keeps the first batch of each number.
    let kept = || {
        let mut kept = BTreeMap::new();
        for (number, lines) in pushes.lock().unwrap().iter() {
            let first = kept.entry(number.clone()).or_insert_with(|| lines.clone());
            assert_eq!(first, lines, "another batch under a known number");
        }
        kept.into_values().flatten().collect::<Vec<_>>()
    };
    until(|| kept().len() >= lines).await;
    assert_eq!(running.terminate(), Some(0));
    let mut got = kept();
    let mut want: Vec<_> = (0..lines).map(|n| format!("line {n} of many, with some text behind it")).collect();
    got.sort();
    want.sort();
    assert!(got == want, "{} lines of {}", got.len(), want.len());
    assert!(kills > 2, "{kills} kills");
}

/// Every other time the log is renamed, else it is copied and cut: then only once the agent has it, since nothing can
/// read what was cut away.
async fn rotate(log: &Path, state_dir: &Path, round: usize) {
    let old = log.with_extension(format!("log.{round}"));
    if round.is_multiple_of(2) {
        // A file that came and went while no agent ran was seen by nobody.
        until(|| is_known(state_dir, log)).await;
        fs::rename(log, old).unwrap();
        fs::write(log, "").unwrap();
    } else {
        until(|| is_spooled(state_dir, log)).await;
        fs::copy(log, old).unwrap();
        OpenOptions::new().write(true).truncate(true).open(log).unwrap();
    }
}

fn is_known(state_dir: &Path, log: &Path) -> bool {
    let state = State::load(state_dir).ok().flatten();
    state.is_some_and(|state| state.files.contains_key(&file_id(log)))
}

fn file_id(log: &Path) -> FileId {
    let metadata = fs::metadata(log).unwrap();
    let born = metadata.created().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    FileId { dev: metadata.dev(), ino: metadata.ino(), born: u64::try_from(born.as_nanos()).unwrap() }
}
