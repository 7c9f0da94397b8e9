//! The real agent, run against the real server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::harness::{program, signal};

/// An agent that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
}

impl Agent {
    /// Runs with these settings; what the agent says goes to `agent.out` in the folder.
    pub(crate) fn start(folder: &Path, config: &Path) -> Self {
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
