//! A file that is appended to and opened anew when its name no longer leads to it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An open log file and the name it was opened by.
#[derive(Debug)]
pub(super) struct ReopenedFile {
    path: PathBuf,
    file: File,
}

impl ReopenedFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: append(path)? })
    }

    fn is_rotated(&self) -> io::Result<bool> {
        match std::fs::metadata(&self.path) {
            Ok(named) => Ok(!is_same(&named, &self.file.metadata()?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}

impl Write for ReopenedFile {
    /// Appends to the file that has the name now. While no new one can be opened, the old one takes the text.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.is_rotated().unwrap_or(true)
            && let Ok(file) = append(&self.path)
        {
            self.file = file;
        }
        self.file.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere an open file cannot be renamed away.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}
