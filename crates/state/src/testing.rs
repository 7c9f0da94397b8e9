//! Runs a test on both kinds of database: a file of SQLite, and a PostgreSQL that the test starts for itself.
//!
//! PostgreSQL is skipped, by name, where its programs are not installed. It refuses root, so under root it runs as
//! `nobody`; it listens on a socket in its own folder only.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stdx::Secret;

use crate::{Location, State};

/// The user and group `nobody` of every Linux.
const NOBODY: u32 = 65_534;

/// Longest time a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `check` with an empty database of each kind.
pub(crate) async fn each(check: impl AsyncFn(State)) {
    let folder = tempfile::tempdir().unwrap();
    let file = State::open(&Location::File(folder.path().join(Location::FILE))).await.unwrap();
    check(file.clone()).await;
    file.close().await;
    let Some(server) = Postgres::start().await else {
        eprintln!("skipped on PostgreSQL: its programs (Debian `postgresql`) are not installed");
        return;
    };
    let shared = State::open(&server.location()).await.unwrap();
    check(shared.clone()).await;
    shared.close().await;
}

/// A PostgreSQL server of one test; ends with it.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    child: Child,
}

impl Postgres {
    /// Starts one, or says that there is none to start.
    pub(crate) async fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let made = command(&programs, "initdb")
            .arg("-D")
            .arg(&data)
            .args(["-U", "lapidary", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let child = command(&programs, "postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "shared_buffers=16MB",
                "-c",
                "max_connections=40",
            ])
            .spawn()
            .unwrap();
        let server = Self { folder, programs, child };
        server.wait().await;
        Some(server)
    }

    /// Where a state finds it.
    pub(crate) fn location(&self) -> Location {
        let folder = self.folder.path().display();
        Location::Postgres(Secret::new(format!("postgres://lapidary@localhost/postgres?host={folder}")))
    }

    async fn wait(&self) {
        let ready = async {
            loop {
                let asked =
                    command(&self.programs, "pg_isready").arg("-q").arg("-h").arg(self.folder.path()).status().unwrap();
                if asked.success() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("PostgreSQL does not start");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let stop = command(&self.programs, "pg_ctl").arg("-D").arg(data).args(["-m", "immediate", "stop"]).status();
        if !stop.is_ok_and(|status| status.success()) {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// A program of PostgreSQL, as somebody it accepts, quiet, in a folder that everybody may enter.
fn command(programs: &Path, name: &str) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The folder of the newest PostgreSQL of this machine: on Debian its programs are not in the `PATH`.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let debian = versions.map(|entry| entry.path()).max_by_key(version).map(|path| path.join("bin"));
    let path = std::env::vars_os().find(|(name, _)| name == "PATH").map(|(_, path)| path).unwrap_or_default();
    let folders = debian.into_iter().chain(std::env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}
