//! The programs that the demo starts: the server and the agent. Both end with it, by SIGTERM and a deadline.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use stdx::Clock;
use tokio::process::{Child, Command};

use crate::Error;
use crate::folder::Folder;

/// The server, and the agent once the server is ready.
#[derive(Debug)]
pub struct Children {
    server: Program,
    agent: Option<Program>,
}

/// A program that runs, or is about to run again.
#[derive(Debug)]
struct Program {
    name: &'static str,
    arguments: Vec<OsString>,
    child: Child,
    log: PathBuf,
    deaths: Deaths,
}

/// When a program ended of late.
#[derive(Debug, Default)]
struct Deaths {
    times: Vec<Instant>,
    /// Whether the end it waits after is among them.
    counted: bool,
}

/// How many ports are tried.
const PORTS: u16 = 200;
const READY: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
const AGENT_GRACE: Duration = Duration::from_secs(15);
const SERVER_GRACE: Duration = Duration::from_secs(30);
/// A program that ends this often within [`QUICK`] is not started again.
const DEATHS: usize = 5;
const QUICK: Duration = Duration::from_mins(1);
/// The first wait before a new start; each further one is twice as long.
const WAIT: Duration = Duration::from_millis(250);

/// The program of this name beside the demo's own.
pub fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The first free port of the loopback interface from this one on.
pub fn free_port(from: u16) -> Result<SocketAddr, Error> {
    let mut last = None;
    for port in from..=from.saturating_add(PORTS) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match TcpListener::bind(address) {
            Ok(_) => return Ok(address),
            Err(error) => last = Some(error),
        }
    }
    Err(Error::Listen(last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into())))
}

impl Children {
    /// Starts the server on this address.
    pub fn start(folder: &Folder, address: SocketAddr) -> Result<Self, Error> {
        let data = folder.data();
        let arguments = ["serve".as_ref(), "--data-dir".as_ref(), data.as_os_str(), "--listen".as_ref()];
        let arguments = arguments.map(OsStr::to_owned).into_iter();
        let arguments =
            arguments.chain([address.to_string(), "--auth".to_owned(), "none".to_owned()].map(OsString::from));
        Ok(Self { server: Program::start("lapidary", arguments.collect(), folder)?, agent: None })
    }

    /// Waits until the server at this address is ready, then starts the agent.
    pub async fn start_agent(&mut self, folder: &Folder, address: SocketAddr) -> Result<(), Error> {
        self.server.ready(address).await?;
        let arguments = vec!["run".into(), "--config".into(), folder.agent_config().into()];
        self.agent = Some(Program::start("lapidary-agent", arguments, folder)?);
        Ok(())
    }

    /// Starts whichever ends again, and hands what is to be said about it to `tell`. Resolves when one of them ends too
    /// often.
    pub async fn keep(&mut self, clock: &dyn Clock, tell: impl Fn(&Restart) + Copy) -> Error {
        match &mut self.agent {
            Some(agent) => tokio::select! {
                error = agent.keep(clock, tell) => error,
                error = self.server.keep(clock, tell) => error,
            },
            None => self.server.keep(clock, tell).await,
        }
    }

    /// Ends the agent, then the server.
    pub async fn end(self) {
        if let Some(agent) = self.agent {
            agent.end(AGENT_GRACE).await;
        }
        self.server.end(SERVER_GRACE).await;
    }
}

impl Program {
    fn start(name: &'static str, arguments: Vec<OsString>, folder: &Folder) -> Result<Self, Error> {
        let log = folder.log_of(name);
        Ok(Self { name, child: spawn(&beside(name), &arguments, &log)?, arguments, log, deaths: Deaths::default() })
    }

    /// Starts it again each time it ends; resolves when that happens too often. May be dropped and called again.
    async fn keep(&mut self, clock: &dyn Clock, tell: impl Fn(&Restart)) -> Error {
        loop {
            let ended = self.ended().await;
            if !self.deaths.counted {
                self.deaths.counted = true;
                self.deaths.times.push(clock.instant());
            }
            let now = clock.instant();
            self.deaths.times.retain(|time| now.saturating_duration_since(*time) < QUICK);
            let deaths = self.deaths.times.len();
            if DEATHS <= deaths {
                return Error::GivenUp { program: self.name, deaths, within: QUICK, last: Box::new(ended) };
            }
            tokio::time::sleep(WAIT * 2u32.pow(u32::try_from(deaths).unwrap_or_default().saturating_sub(1))).await;
            match spawn(&beside(self.name), &self.arguments, &self.log) {
                Ok(child) => self.child = child,
                Err(error) => return error,
            }
            self.deaths.counted = false;
            tell(&Restart { program: self.name, why: ended });
        }
    }

    /// Waits until the server at this address says that it is ready.
    async fn ready(&mut self, address: SocketAddr) -> Result<(), Error> {
        let http = client()?;
        let ready = async {
            loop {
                self.is_running()?;
                let answer = http.get(format!("http://{address}/ready")).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let late = Error::Late { what: "the server's start", seconds: READY.as_secs() };
        tokio::time::timeout(READY, ready).await.unwrap_or(Err(late))
    }

    /// An error if it has ended.
    fn is_running(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(Error::Ended { program: self.name, status, log: self.log.clone() }),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Resolves when it ends, which it should not.
    async fn ended(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => Error::Ended { program: self.name, status, log: self.log.clone() },
            Err(source) => Error::File { path: self.log.clone(), source },
        }
    }

    /// Asks it to end, and makes it after `grace`; false if it had to be made.
    async fn end(mut self, grace: Duration) -> bool {
        let Some(id) = self.child.id() else { return true };
        let asked = Command::new("kill").arg("-TERM").arg(id.to_string()).stdin(Stdio::null()).status().await;
        if asked.is_ok_and(|status| status.success()) && tokio::time::timeout(grace, self.child.wait()).await.is_ok() {
            return true;
        }
        // One that is gone meanwhile cannot be killed, which is as good.
        drop(self.child.kill().await);
        false
    }
}

/// A program that was started again.
#[derive(Debug)]
pub struct Restart {
    /// Which.
    pub program: &'static str,
    /// How it had ended.
    pub why: Error,
}

fn spawn(program: &Path, arguments: &[OsString], log: &Path) -> Result<Child, Error> {
    let file = File::options().create(true).append(true).open(log).map_err(Error::file(log))?;
    let both = file.try_clone().map_err(Error::file(log))?;
    let mut command = Command::new(program);
    // Ctrl-C is for the demo alone, which ends the others in order.
    command.args(arguments).stdin(Stdio::null()).stdout(file).stderr(both).process_group(0).kill_on_drop(true);
    command.spawn().map_err(|source| Error::Start { program: program.to_owned(), source })
}

/// How many lines the agent of this folder has delivered; zero before its first batch.
pub async fn delivered(folder: &Folder) -> u64 {
    let mut command = Command::new(beside("lapidary-agent"));
    command.arg("status").arg("--config").arg(folder.agent_config()).args(["--format", "json"]);
    let Ok(output) = command.stdin(Stdio::null()).output().await else { return 0 };
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    status.pointer("/outputs/lapidary/lines").and_then(serde_json::Value::as_u64).unwrap_or(0)
}

/// Runs `lapidary` with these arguments and returns what it prints.
pub async fn lapidary(arguments: &[&str], address: SocketAddr) -> Result<String, Error> {
    let program = beside("lapidary");
    let mut command = Command::new(&program);
    command.args(arguments).arg("--addr").arg(format!("http://{address}")).stdin(Stdio::null());
    let output = command.output().await.map_err(|source| Error::Start { program, source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Answer(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// A client for the loopback interface.
pub(crate) fn client() -> Result<reqwest::Client, Error> {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().map_err(Error::Client)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell script in the place of a program of ours.
    fn sleeper(folder: &Folder, script: &str) -> Program {
        let (log, arguments) = (folder.log_of("sleeper"), vec!["-c".into(), script.into()]);
        let child = spawn(Path::new("/bin/sh"), &arguments, &log).unwrap();
        Program { name: "/bin/sh", arguments, child, log, deaths: Deaths::default() }
    }

    #[tokio::test]
    async fn a_program_is_asked_to_end_and_then_made_to() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        let polite = sleeper(&folder, "exec sleep 600");
        assert!(polite.end(Duration::from_secs(20)).await);
        let mut deaf = sleeper(&folder, "trap '' TERM; echo ready; while true; do sleep 1; done");
        while std::fs::read_to_string(&deaf.log).unwrap().is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        assert!(deaf.is_running().is_ok());
        assert!(!deaf.end(Duration::from_millis(50)).await);
    }

    #[tokio::test]
    async fn a_program_that_ends_says_how_and_where_its_log_is() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        let mut short = sleeper(&folder, "echo no room; exit 3");
        let text = short.ended().await.to_string();
        assert!(text.contains("exit status: 3") && text.contains("sleeper.log"), "{text}");
        assert!(short.is_running().is_err());
        assert_eq!(std::fs::read_to_string(folder.log_of("sleeper")).unwrap(), "no room\n");
        assert!(short.end(Duration::ZERO).await);
    }

    #[tokio::test]
    async fn a_program_that_ends_is_started_again_until_it_ends_too_often() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        let mut short = sleeper(&folder, "echo started; exit 3");
        let told = std::sync::Mutex::new(Vec::new());
        let clock = stdx::SystemClock;
        let keep = short.keep(&clock, |restart| told.lock().unwrap().push(restart.why.to_string()));
        let error = tokio::time::timeout(Duration::from_secs(60), keep).await.expect("it is given up").to_string();
        assert!(error.contains("5 times within 60 s") && error.contains("exit status: 3"), "{error}");
        assert_eq!(told.lock().unwrap().len(), DEATHS - 1);
        assert_eq!(std::fs::read_to_string(folder.log_of("sleeper")).unwrap(), "started\n".repeat(DEATHS));
    }

    #[test]
    fn a_port_in_use_is_passed_by() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(free_port(port).unwrap().port(), port);
    }
}
