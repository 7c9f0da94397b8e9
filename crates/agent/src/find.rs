//! Finds files by patterns, again and again: a folder is listed anew only if it has changed, and a large one not at once.
//!
//! `**` does not follow symbolic links to folders, so that it ends. Of a folder only the names that match are kept, so a
//! folder of a million entries costs a walk through it and no memory.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::glob::{Glob, Part};

/// Entries that one listing of a folder looks at; beyond them it stops.
const MAX_ENTRIES: u32 = 10_000_000;
/// Folders that `**` goes down.
const MAX_DEPTH: usize = 32;
/// How long a folder that changes all the time is left alone, for each of its entries: listing takes 5 % of the time.
const REST: Duration = Duration::from_micros(20);

/// What the patterns of one input find.
#[derive(Debug)]
pub(crate) struct Finder {
    paths: Vec<Glob>,
    exclude: Vec<Glob>,
    /// By folder and pattern.
    folders: HashMap<(PathBuf, String), Folder>,
    /// Counts the searches, so that folders which are gone are forgotten.
    searches: u64,
    /// Folders that cannot be listed, and those of them that nobody was told of yet.
    refused: BTreeSet<PathBuf>,
    news: Vec<(PathBuf, io::Error)>,
}

/// A folder as it was listed last.
#[derive(Debug)]
struct Folder {
    modified: Option<SystemTime>,
    /// Whether it was listed once more after its last change: a change within a tick of the clock does not show.
    is_settled: bool,
    listed: Instant,
    entries: u32,
    /// Names that match, or those of all folders for `**`.
    names: BTreeSet<OsString>,
    search: u64,
}

impl Finder {
    pub(crate) fn new(paths: Vec<Glob>, exclude: Vec<Glob>) -> Self {
        let (refused, news) = (BTreeSet::new(), Vec::new());
        Self { paths, exclude, folders: HashMap::new(), searches: 0, refused, news }
    }

    /// Files that match, by name, each pattern's after the one's before it. Folders that cannot be read are passed over,
    /// and tried again each time.
    pub(crate) fn find(&mut self, now: Instant) -> Vec<(PathBuf, Metadata)> {
        self.searches += 1;
        let mut found = Vec::new();
        for glob in self.paths.clone() {
            self.walk(glob.root(), glob.parts(), 0, now, &mut found);
        }
        let searches = self.searches;
        self.folders.retain(|_, folder| folder.search == searches);
        found.retain(|(path, _)| !self.is_excluded(path));
        found
    }

    /// Folders that cannot be listed, each told once.
    pub(crate) fn take_refused(&mut self) -> Vec<(PathBuf, io::Error)> {
        std::mem::take(&mut self.news)
    }

    /// Folders in which something may appear that matches.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        let fixed = self.paths.iter().filter_map(|glob| Path::new(glob.as_str()).parent());
        let fixed = fixed.filter(|path| !path.to_string_lossy().contains(['*', '?']));
        self.folders.keys().map(|(path, _)| path.as_path()).chain(fixed)
    }

    /// Takes note of a name that has appeared in a folder; whether it matches.
    pub(crate) fn appeared(&mut self, path: &Path) -> bool {
        let matches = self.matches(path);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return matches;
        };
        for ((known, pattern), listed) in &mut self.folders {
            if known == folder && Part::new(pattern).matches(&name.to_string_lossy()) && pattern != "**" {
                listed.names.insert(name.to_owned());
            }
        }
        matches
    }

    /// Whether files of this name are looked for.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        !self.is_excluded(path) && self.paths.iter().any(|glob| glob.matches_path(path))
    }

    fn is_excluded(&self, path: &Path) -> bool {
        self.exclude.iter().any(|glob| glob.matches(path))
    }

    fn walk(&mut self, at: &Path, parts: &[Part], depth: usize, now: Instant, found: &mut Vec<(PathBuf, Metadata)>) {
        match parts {
            [] => found.extend(fs::metadata(at).ok().filter(Metadata::is_file).map(|file| (at.to_owned(), file))),
            [Part::Literal(name), rest @ ..] => self.walk(&at.join(name), rest, depth, now, found),
            [part @ Part::Pattern(_), rest @ ..] => {
                for name in self.names(at, part, now) {
                    self.walk(&at.join(name), rest, depth, now, found);
                }
            }
            [part @ Part::AnyDepth, rest @ ..] => {
                self.walk(at, rest, depth, now, found);
                if depth < MAX_DEPTH {
                    for name in self.names(at, part, now) {
                        self.walk(&at.join(name), parts, depth + 1, now, found);
                    }
                }
            }
        }
    }

    /// The names in a folder that match a part.
    fn names(&mut self, at: &Path, part: &Part, now: Instant) -> Vec<OsString> {
        let here = if at.as_os_str().is_empty() { Path::new(".") } else { at };
        let modified = fs::metadata(here).and_then(|folder| folder.modified()).ok();
        let key = (at.to_owned(), part.as_str().to_owned());
        if let Some(known) = self.folders.get_mut(&key) {
            known.search = self.searches;
            let rest = REST * known.entries;
            let same = modified.is_some() && known.modified == modified;
            if same && known.is_settled || now.duration_since(known.listed) < rest {
                return known.names.iter().cloned().collect();
            }
        }
        let is_again = self.folders.get(&key).is_some_and(|known| known.modified == modified && known.listed < now);
        let (listed, modified) = match list(here, part) {
            Ok(listed) => {
                self.refused.remove(at);
                (listed, modified)
            }
            Err(error) => {
                self.refuse(at, error);
                ((BTreeSet::new(), 0), None)
            }
        };
        let (names, entries) = listed;
        let folder = Folder { modified, is_settled: is_again, listed: now, entries, names, search: self.searches };
        let names = folder.names.iter().cloned().collect();
        self.folders.insert(key, folder);
        names
    }

    fn refuse(&mut self, at: &Path, error: io::Error) {
        let is_no_folder = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        if !is_no_folder && self.refused.insert(at.to_owned()) {
            self.news.push((at.to_owned(), error));
        }
    }
}

/// Walks through a folder: the names that match, and how many there are in all.
fn list(at: &Path, part: &Part) -> io::Result<(BTreeSet<OsString>, u32)> {
    let mut names = BTreeSet::new();
    let mut entries = 0;
    for entry in fs::read_dir(at)?.filter_map(Result::ok) {
        entries += 1;
        if entries > MAX_ENTRIES {
            break;
        }
        // Names need not be text.
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let is_wanted = match part {
            Part::AnyDepth => !text.starts_with('.') && entry.file_type().is_ok_and(|kind| kind.is_dir()),
            part => part.matches(&text),
        };
        if is_wanted {
            names.insert(name);
        }
    }
    Ok((names, entries))
}

#[cfg(test)]
mod tests;
