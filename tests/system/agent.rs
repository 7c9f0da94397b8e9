//! The real agent, run against the real server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::harness::{program, signal};

/// An agent that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
}

impl Agent {
    /// Tails `logs/*.log` below a folder into a server; state goes to `state` beside it.
    pub(crate) fn start(folder: &Path, url: &str) -> Self {
        Self::configured(folder, &config(folder, url))
    }

    /// With settings of one's own; what the agent says goes to `agent.out` in the folder.
    pub(crate) fn configured(folder: &Path, config: &Path) -> Self {
        let log = std::fs::File::create(folder.join("agent.out")).unwrap();
        let mut command = Command::new(program("lapidary-agent"));
        let child = command.args(["run", "--config"]).arg(config).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Self { child }
    }

    /// As an operator would.
    pub(crate) fn terminate(mut self) {
        signal("-TERM", self.child.id());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn config(folder: &Path, url: &str) -> PathBuf {
    std::fs::create_dir_all(folder.join("logs")).unwrap();
    let text = format!(
        "state_dir = {:?}\n[output]\nurl = {url:?}\n[[input]]\npaths = [{:?}]\nlabels = {{ service = \"shop-api\", env = \"test\" }}\nstart = \"head\"\n",
        folder.join("state"),
        folder.join("logs/*.log"),
    );
    let path = folder.join("agent.toml");
    std::fs::write(&path, text).unwrap();
    path
}
