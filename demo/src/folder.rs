//! The demo's folder: what lies where, and the agent's settings in it.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::history::log_file;
use crate::lines::Service;

/// The folder that holds everything the demo keeps.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path, which may be missing.
    pub fn at(path: &Path) -> Result<Self, Error> {
        std::path::absolute(path).map(Self).map_err(Error::file(path))
    }

    /// Creates it where it is missing.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let folder = Self::at(path)?;
        fs::create_dir_all(folder.logs()).map_err(Error::file(folder.logs()))?;
        Ok(folder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The services' logs.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The server's data.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// The open orders.
    pub fn state(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// The agent's settings.
    pub fn agent_config(&self) -> PathBuf {
        self.0.join("agent.toml")
    }

    /// What a program that the demo starts says.
    pub fn log_of(&self, program: &str) -> PathBuf {
        self.0.join(format!("{program}.log"))
    }

    /// Where faults can be triggered.
    pub fn control(&self) -> PathBuf {
        self.0.join("control")
    }

    /// Writes the agent's settings: read the services' logs from their beginning, ship them to `server`.
    pub fn write_agent_config(&self, server: SocketAddr) -> Result<(), Error> {
        let mut text = format!(
            "# Written anew by lapidary-demo at each start.\nstate_dir = {}\n\n[output]\nurl = \"http://{server}\"\n",
            quoted(&self.0.join("agent"))
        );
        for service in Service::ALL {
            let (file, name) = (quoted(&log_file(&self.logs(), service)), service.name());
            let labels = format!("{{ service = \"{name}\", env = \"demo\" }}");
            write!(text, "\n[[input]]\npaths = [{file}]\nlabels = {labels}\n")
                .expect("a string takes all that is written to it");
        }
        fs::write(self.agent_config(), text).map_err(Error::file(self.agent_config()))
    }
}

/// A path as a TOML string, whose escapes are those of JSON.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_settings_name_every_service_and_quote_their_paths() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(&root.path().join("a \"demo\"")).unwrap();
        assert!(folder.logs().is_dir());
        folder.write_agent_config("127.0.0.1:3117".parse().unwrap()).unwrap();
        let text = fs::read_to_string(folder.agent_config()).unwrap();
        assert!(text.contains(r#"a \"demo\"/logs/crm-api.log"#));
        assert!(text.contains("url = \"http://127.0.0.1:3117\""));
        for service in Service::ALL {
            assert!(text.contains(&format!("labels = {{ service = \"{}\", env = \"demo\" }}", service.name())));
        }
    }
}
