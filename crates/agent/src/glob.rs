//! Finds files by a pattern: `*` and `?` within a name, `**` for any number of folders.
//!
//! A name that begins with a dot is matched only by a pattern that does. `**` does not follow symbolic links to
//! folders, so that it ends.

use std::fs;
use std::path::{Path, PathBuf};

/// A pattern such as `/var/log/shop/**/*.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    text: String,
    root: PathBuf,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// A name without wildcards.
    Literal(String),
    /// A name with wildcards.
    Pattern(Vec<char>),
    /// `**`.
    AnyDepth,
}

/// Folder entries that one search looks at; beyond them it stops.
const MAX_ENTRIES: usize = 100_000;
/// Folders that `**` goes down.
const MAX_DEPTH: usize = 32;

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        let root = PathBuf::from(if text.starts_with('/') { "/" } else { "" });
        let part = |name: &str| match name {
            "**" => Part::AnyDepth,
            _ if name.contains(['*', '?']) => Part::Pattern(name.chars().collect()),
            _ => Part::Literal(name.to_owned()),
        };
        let parts = text.split('/').filter(|name| !name.is_empty()).map(part).collect();
        Self { text: text.to_owned(), root, parts }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Paths that match and are no folders, by name. Folders that cannot be read are passed over.
    pub(crate) fn find(&self) -> Vec<PathBuf> {
        let mut search = Search { found: Vec::new(), entries: 0 };
        search.walk(&self.root, &self.parts, 0);
        search.found.sort();
        search.found.dedup();
        search.found
    }

    /// Whether a file's name matches the last part, which is all that `exclude` looks at unless it has a `/`.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let names: Vec<_> = path.iter().filter_map(|name| name.to_str()).filter(|name| *name != "/").collect();
        if self.text.contains('/') { matches_parts(&self.parts, &names) } else { self.matches_name(&names) }
    }

    fn matches_name(&self, names: &[&str]) -> bool {
        let (Some(part), Some(name)) = (self.parts.last(), names.last()) else { return false };
        part.matches(name)
    }
}

impl Part {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == name,
            Self::Pattern(pattern) => matches_name(pattern, name),
            Self::AnyDepth => true,
        }
    }
}

struct Search {
    found: Vec<PathBuf>,
    entries: usize,
}

impl Search {
    fn walk(&mut self, at: &Path, parts: &[Part], depth: usize) {
        match parts {
            [] => {
                if fs::metadata(at).is_ok_and(|metadata| !metadata.is_dir()) {
                    self.found.push(at.to_owned());
                }
            }
            [Part::Literal(name), rest @ ..] => self.walk(&at.join(name), rest, depth),
            [part @ Part::Pattern(_), rest @ ..] => {
                for (name, _) in self.entries(at) {
                    if part.matches(&name) {
                        self.walk(&at.join(name), rest, depth);
                    }
                }
            }
            [Part::AnyDepth, rest @ ..] => {
                self.walk(at, rest, depth);
                for (name, is_folder) in self.entries(at) {
                    if is_folder && !name.starts_with('.') && depth < MAX_DEPTH {
                        self.walk(&at.join(name), parts, depth + 1);
                    }
                }
            }
        }
    }

    fn entries(&mut self, at: &Path) -> Vec<(String, bool)> {
        let here = if at.as_os_str().is_empty() { Path::new(".") } else { at };
        let Ok(folder) = fs::read_dir(here) else { return Vec::new() };
        let left = MAX_ENTRIES.saturating_sub(self.entries);
        let entry = |entry: std::io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            Some((entry.file_name().into_string().ok()?, entry.file_type().is_ok_and(|kind| kind.is_dir())))
        };
        let entries: Vec<_> = folder.take(left).filter_map(entry).collect();
        self.entries += entries.len();
        entries
    }
}

fn matches_parts(parts: &[Part], names: &[&str]) -> bool {
    match (parts, names) {
        ([], []) => true,
        ([Part::AnyDepth, rest @ ..], _) => (0..=names.len()).any(|skip| matches_parts(rest, &names[skip..])),
        ([part, rest @ ..], [name, names @ ..]) => part.matches(name) && matches_parts(rest, names),
        _ => false,
    }
}

/// Wildcards in one pass: on a mismatch the last `*` takes one character more.
fn matches_name(pattern: &[char], name: &str) -> bool {
    if name.starts_with('.') && pattern.first() != Some(&'.') {
        return false;
    }
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
