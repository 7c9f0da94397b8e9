//! Disks that can be full: a test runs once more in a mount namespace of its own, where it may mount a small one.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells the run inside.
const INSIDE: &str = "LAPIDARY_TEST_OWN_MOUNTS";

/// Runs the test of this name, as the test program calls it, in a namespace of its own, where this gives `true`. `None`
/// when the run in there is done, `false` where there are no such namespaces, which is told.
pub(crate) fn inside(test: &str) -> Option<bool> {
    if std::env::var_os(INSIDE).is_some() {
        return Some(true);
    }
    let possible = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        left_out("the full disk needs `unshare -rm`");
        return Some(false);
    }
    let own = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.arg("-rm").arg(own).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    assert!(command.status().unwrap().success(), "the run with a disk of its own failed");
    None
}

#[expect(clippy::print_stdout, reason = "what is left out is named")]
fn left_out(what: &str) {
    println!("LEFT OUT: {what}");
}

/// A small disk; goes with the namespace.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn mount(at: &Path, size: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        let mut command = Command::new("mount");
        let mounted = command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).status();
        assert!(mounted.unwrap().success());
        Self(at.to_owned())
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        let full = loop {
            if let Err(error) = ballast.write_all(&[7; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    pub(crate) fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}
