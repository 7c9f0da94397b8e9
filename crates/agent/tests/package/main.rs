//! The Debian package: built, installed into a folder, its unit checked, removed and purged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name)
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[expect(clippy::print_stdout, reason = "what is left out is named")]
fn left_out(what: &str) {
    println!("LEFT OUT: {what}");
}

/// dpkg with a root and a database of its own.
fn dpkg(root: &Path, args: &[&str]) -> String {
    let mut command = Command::new("dpkg");
    command.arg(format!("--root={}", root.display()));
    command.args(["--force-not-root", "--force-script-chrootless", "--force-depends"]).args(args);
    output(&mut command)
}

#[test]
fn the_package_is_built_installed_checked_and_leaves_nothing_behind() {
    if !has("dpkg-deb") {
        return left_out("there is no dpkg");
    }
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_lapidary-agent");
    let version = env!("CARGO_PKG_VERSION");
    let package =
        output(Command::new(deploy("deb/build")).env("LEVEL", "0").arg(program).arg(folder.path()).arg(version));
    let package = package.trim();
    let info = output(Command::new("dpkg-deb").args(["--info", package]));
    assert!(info.contains("Package: lapidary-agent") && info.contains(&format!("Version: {version}")), "{info}");
    assert!(info.contains("Depends: libc6 (>= 2."), "{info}");

    let contents = output(Command::new("dpkg-deb").args(["--contents", package]));
    let odd = contents.lines().find(|line| !line.starts_with("drwxr-xr-x root/root") && !line.starts_with('-'));
    assert_eq!(odd, None, "folders that others cannot enter");

    let root = folder.path().join("root");
    for dir in ["var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    for file in ["status", "available"] {
        fs::write(root.join("var/lib/dpkg").join(file), "").unwrap();
    }
    dpkg(&root, &["--install", package]);
    let installed = root.join("usr/bin/lapidary-agent");
    assert_eq!(output(Command::new(&installed).arg("--version")).trim(), format!("lapidary-agent {version}"));
    let config = root.join("etc/lapidary-agent/agent.toml");
    output(Command::new(&installed).args(["check", "--config"]).arg(&config));
    check_unit(&root);

    // What the settings became stays on removal, and what was not delivered too.
    fs::write(&config, "changed").unwrap();
    let state = root.join("var/lib/lapidary-agent/spool");
    fs::create_dir_all(&state).unwrap();
    dpkg(&root, &["--remove", "lapidary-agent"]);
    assert!(!installed.exists() && config.exists() && state.exists());
    dpkg(&root, &["--purge", "lapidary-agent"]);
    assert!(!config.exists() && !state.exists());
}

fn check_unit(root: &Path) {
    if !has("systemd-analyze") {
        return left_out("there is no systemd-analyze");
    }
    // The unit's own words; other units are not in the folder.
    let unit = root.join("usr/lib/systemd/system/lapidary-agent.service");
    let mut command = Command::new("systemd-analyze");
    let verified = command.args(["verify", "--recursive-errors=no", "--man=no"]).arg(&unit).output().unwrap();
    let said = String::from_utf8(verified.stderr).unwrap();
    // The program is not at its place on this host.
    let own: Vec<_> = said.lines().filter(|line| line.contains("lapidary-agent.service")).collect();
    let other = own.iter().filter(|line| !line.contains("is not executable"));
    assert_eq!(other.count(), 0, "{said}");
    let mut command = Command::new("systemd-analyze");
    let security =
        command.args(["security", "--offline=true", "--threshold=20", "--no-pager"]).arg(&unit).output().unwrap();
    let said = String::from_utf8([security.stdout, security.stderr].concat()).unwrap();
    assert!(security.status.success(), "{said}");
}
