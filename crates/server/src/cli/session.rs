//! Sessions of the command line: a file that only its owner reads, one session for each server.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

type Sessions = BTreeMap<String, String>;

/// The session at a server, if there is one.
pub(super) fn of(address: &str) -> Option<String> {
    read(&file()?).remove(address.trim_end_matches('/'))
}

/// Remembers a session, or forgets it.
pub(super) fn keep(address: &str, session: Option<&str>) -> io::Result<()> {
    let file = file().ok_or_else(|| io::Error::other("neither XDG_CONFIG_HOME nor HOME is set"))?;
    let mut sessions = read(&file);
    let address = address.trim_end_matches('/').to_owned();
    match session {
        Some(session) => drop(sessions.insert(address, session.to_owned())),
        None => drop(sessions.remove(&address)),
    }
    write(&file, &sessions)
}

fn file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::vars_os().find(|(key, value)| key == name && !value.is_empty());
    let folder = variable("XDG_CONFIG_HOME").map(|(_, path)| PathBuf::from(path));
    let folder = folder.or_else(|| variable("HOME").map(|(_, path)| PathBuf::from(path).join(".config")));
    folder.map(|folder| folder.join("lapidary").join("sessions.json"))
}

fn read(file: &Path) -> Sessions {
    let text = fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Another file in its place, so that a reader never finds half of it.
fn write(file: &Path, sessions: &Sessions) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = file.with_extension("new");
    drop(fs::remove_file(&new));
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    out.write_all(serde_json::to_string(sessions)?.as_bytes())?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_its_owner_may_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/sessions.json");
        let sessions = Sessions::from([("http://one".to_owned(), "secret".to_owned())]);
        write(&file, &sessions).unwrap();
        write(&file, &sessions).unwrap();
        assert_eq!(read(&file), sessions);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read(&folder.path().join("none")).is_empty());
    }
}
