//! What survives a stop: the open orders and how far the ids have come, in one file that is replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::world::Order;

/// The demo's memory.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct State {
    /// Of the history.
    pub seed: u64,
    /// The id of the next order.
    pub next_order: u64,
    /// Lines that the history wrote.
    pub lines: u64,
    /// The order whose story is told at the start.
    pub story: Option<u64>,
    /// All orders that are not closed.
    pub open: Vec<Order>,
}

impl State {
    /// Reads the file; none if it is not there, which means that there is no history yet.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file; after a crash it is the old one or the new one.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let part = path.with_extension("part");
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&part, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_back_as_it_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(State::load(&path).unwrap(), None);
        let state = State { seed: 7, next_order: 40_002, lines: 12, story: Some(40_001), open: Vec::new() };
        state.save(&path).unwrap();
        assert_eq!(State::load(&path).unwrap(), Some(state));
        fs::write(&path, "{").unwrap();
        assert!(State::load(&path).is_err());
    }
}
