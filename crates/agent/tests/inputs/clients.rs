//! Clients of others, fetched once into a folder beside our programs; one that cannot be had is named.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a program; its exit code and all it said.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String) {
    match command.output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8_lossy(&said).into_owned())
        }
        Err(error) => (None, error.to_string()),
    }
}

/// Names a suite that cannot run here.
#[expect(clippy::print_stdout, reason = "that is its purpose")]
pub(crate) fn left_out(reason: &str) {
    println!("LEFT OUT: {reason}");
}

/// A folder beside the programs, locked while it is filled, since suites run beside each other.
fn folder(name: &str) -> (PathBuf, std::fs::File) {
    let folder = Path::new(env!("CARGO_BIN_EXE_lapidary-agent")).with_file_name(name);
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    (folder, lock)
}

/// A Python with these packages.
pub(crate) fn python(packages: &[&str]) -> Option<PathBuf> {
    let (folder, _lock) = folder("python");
    let python = folder.join("bin/python");
    let mut said = "no python3 with venv".to_owned();
    if python.exists() || run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).0 == Some(0) {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        let (code, output) = run(&mut pip);
        if code == Some(0) {
            return Some(python);
        }
        said = output;
    }
    let reason = said.lines().last().unwrap_or_default();
    left_out(&format!("Python's {} could not be had: {reason}", packages.join(", ")));
    None
}

/// The root under which these packages of Debian are: the system's if it has them, else a folder where they are unpacked.
pub(crate) fn debian(packages: &[&str]) -> Option<PathBuf> {
    let (code, statuses) =
        run(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}\n"]).args(packages));
    if code == Some(0) && statuses.lines().all(|status| status == "installed") {
        return Some(PathBuf::from("/"));
    }
    let (folder, _lock) = folder("agent-debian");
    for package in packages {
        let done = folder.join(format!("{package}.done"));
        if done.exists() {
            continue;
        }
        let (code, said) = run(Command::new("apt-get").args(["download", package]).current_dir(&folder));
        let files = std::fs::read_dir(&folder).unwrap().filter_map(Result::ok).map(|entry| entry.path());
        let mut debs = files.filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with(&format!("{package}_")) && name.ends_with(".deb")
        });
        let unpacked = code == Some(0)
            && debs.next().is_some_and(|deb| run(Command::new("dpkg").arg("-x").arg(deb).arg(&folder)).0 == Some(0));
        if !unpacked {
            let reason = said.lines().last().unwrap_or_default();
            left_out(&format!("Debian's {package} could not be had: {reason}"));
            return None;
        }
        std::fs::write(done, "").unwrap();
    }
    Some(folder)
}

/// rsyslog out of [`debian`]'s folder, with `rsyslog.conf` of another folder; to be ended by the caller.
pub(crate) fn rsyslog(root: &Path, folder: &Path) -> std::process::Child {
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(root.join("usr/sbin/rsyslogd"));
    command.arg("-n").arg("-f").arg(folder.join("rsyslog.conf")).arg("-i").arg(folder.join("rsyslog.pid"));
    command.arg("-M").arg(libraries.join("rsyslog")).env("LD_LIBRARY_PATH", &libraries);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
