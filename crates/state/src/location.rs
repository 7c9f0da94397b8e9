//! Where the state is kept: a file of SQLite, or a PostgreSQL server that several nodes share.

use std::path::{Path, PathBuf};

use stdx::Secret;

/// Where the state is kept.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file of SQLite; one node.
    File(PathBuf),
    /// A database of PostgreSQL, by its address, which may hold a password; any number of nodes.
    Postgres(Secret<String>),
}

impl Location {
    /// The file's name where no other is wanted.
    pub const FILE: &'static str = "state.db";

    /// Understands what a setting says: `postgres://…`, or the path of a file (relative ones lie in `folder`).
    pub fn parse(text: &str, folder: &Path) -> Self {
        if ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Self::Postgres(Secret::new(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:").map_or(text, |rest| rest.strip_prefix("//").unwrap_or(rest));
        Self::File(folder.join(path))
    }

    /// Whether several nodes may share it.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// The address of a SQLite file: whatever could be taken for syntax is escaped.
pub(crate) fn address(path: &Path) -> std::io::Result<String> {
    let path = std::path::absolute(path)?;
    let escaped = path.to_string_lossy().bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    });
    Ok(format!("sqlite://{escaped}?mode=rwc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_path_is_understood() {
        let folder = Path::new("/data");
        assert!(Location::parse("postgres://u:p@db/lapidary", folder).is_shared());
        assert!(Location::parse("postgresql:///lapidary", folder).is_shared());
        for (text, want) in
            [("state.db", "/data/state.db"), ("/var/x.db", "/var/x.db"), ("sqlite:///var/x.db", "/var/x.db")]
        {
            let Location::File(path) = Location::parse(text, folder) else { panic!("{text}") };
            assert_eq!(path, Path::new(want), "{text}");
        }
        assert_eq!(address(Path::new("/a b/?#%.db")).unwrap(), "sqlite:///a%20b/%3F%23%25.db?mode=rwc");
    }
}
