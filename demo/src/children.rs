//! The programs that the demo starts: the server and the agent. Both end with it, by SIGTERM and a deadline.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::Error;
use crate::folder::Folder;

/// The server, and the agent once the server is ready.
#[derive(Debug)]
pub struct Children {
    server: Program,
    agent: Option<Program>,
}

/// A running program.
#[derive(Debug)]
struct Program {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// How many ports are tried.
const PORTS: u16 = 200;
const READY: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
const AGENT_GRACE: Duration = Duration::from_secs(15);
const SERVER_GRACE: Duration = Duration::from_secs(30);

/// The program of this name beside the demo's own.
fn beside(name: &str) -> PathBuf {
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
        let mut command = Command::new(beside("lapidary"));
        command.arg("serve").arg("--data-dir").arg(folder.data());
        command.arg("--listen").arg(address.to_string()).args(["--auth", "none"]);
        Ok(Self { server: Program::start("lapidary", command, folder)?, agent: None })
    }

    /// Waits until the server at this address is ready, then starts the agent.
    pub async fn start_agent(&mut self, folder: &Folder, address: SocketAddr) -> Result<(), Error> {
        self.server.ready(address).await?;
        let mut command = Command::new(beside("lapidary-agent"));
        command.arg("run").arg("--config").arg(folder.agent_config());
        self.agent = Some(Program::start("lapidary-agent", command, folder)?);
        Ok(())
    }

    /// Resolves when one of them ends, which it should not.
    pub async fn ended(&mut self) -> Error {
        match &mut self.agent {
            Some(agent) => tokio::select! {
                error = agent.ended() => error,
                error = self.server.ended() => error,
            },
            None => self.server.ended().await,
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
    fn start(name: &'static str, mut command: Command, folder: &Folder) -> Result<Self, Error> {
        let log = folder.log_of(name);
        let file = File::options().create(true).append(true).open(&log).map_err(Error::file(&log))?;
        let both = file.try_clone().map_err(Error::file(&log))?;
        // Ctrl-C is for the demo alone, which ends the others in order.
        command.stdin(Stdio::null()).stdout(file).stderr(both).process_group(0).kill_on_drop(true);
        let program = PathBuf::from(command.as_std().get_program());
        let child = command.spawn().map_err(|source| Error::Start { program, source })?;
        Ok(Self { name, child, log })
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

/// How many lines the agent of this folder has delivered; zero before its first batch.
pub async fn delivered(folder: &Folder) -> u64 {
    let mut command = Command::new(beside("lapidary-agent"));
    command.arg("status").arg("--config").arg(folder.agent_config()).args(["--format", "json"]);
    let Ok(output) = command.stdin(Stdio::null()).output().await else { return 0 };
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    status.pointer("/totals/lines").and_then(serde_json::Value::as_u64).unwrap_or(0)
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

    fn sleeper(folder: &Folder, script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program::start("sleeper", command, folder).unwrap()
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

    #[test]
    fn a_port_in_use_is_passed_by() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(free_port(port).unwrap().port(), port);
    }
}
