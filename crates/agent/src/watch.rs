//! Asks the kernel to tell of changes in folders, so that they are seen at once and not at the next look.
//!
//! What it tells is a hint: each second everything is looked at anyway, which is all there is on network file systems,
//! whose changes on other hosts the kernel does not know.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tracing::warn;

/// Folders that are watched.
#[derive(Debug)]
pub(crate) struct Watch {
    /// `None` where the kernel has no more of them to give.
    fd: Option<Arc<OwnedFd>>,
    /// One folder may be known by several paths.
    paths: HashMap<i32, Vec<PathBuf>>,
    folders: HashMap<PathBuf, Option<i32>>,
    is_told: bool,
}

/// Resolves when there is something to tell.
#[derive(Debug)]
pub(crate) struct Waker(Option<AsyncFd<Arc<OwnedFd>>>);

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// This path was written to.
    Written(PathBuf),
    /// This name is new in its folder.
    Appeared(PathBuf),
    /// Names are gone, or too much happened to tell: look at everything.
    Much,
}

/// Changes that one call gives at most; the rest waits in the kernel.
const MAX_CHANGES: usize = 10_000;

impl Watch {
    pub(crate) fn new() -> Self {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        if let Err(error) = &fd {
            warn!(%error, "the kernel tells no changes of files; looking each second");
        }
        let fd = fd.ok().map(Arc::new);
        Self { fd, paths: HashMap::new(), folders: HashMap::new(), is_told: false }
    }

    /// Watches a folder, if it is there and on this host.
    pub(crate) fn folder(&mut self, path: &Path) {
        let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let Some(fd) = self.fd.as_ref().filter(|_| !self.folders.contains_key(path)) else { return };
        if is_remote(here) {
            self.folders.insert(path.to_owned(), None);
            return;
        }
        let what = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::ONLYDIR;
        match inotify::add_watch(fd, here, what) {
            Ok(watch) => {
                self.paths.entry(watch).or_default().push(path.to_owned());
                self.folders.insert(path.to_owned(), Some(watch));
            }
            Err(error @ (Errno::NOSPC | Errno::NOMEM)) => {
                if !std::mem::replace(&mut self.is_told, true) {
                    warn!(%error, "no more folders can be watched (fs.inotify.max_user_watches); looking each second");
                }
                self.folders.insert(path.to_owned(), None);
            }
            // It is not there, or cannot be read: tried again.
            Err(_) => {}
        }
    }

    /// What has happened since the last call, in order.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let Some(fd) = self.fd.clone() else { return Vec::new() };
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(&*fd, &mut buffer);
        let mut changes = Vec::new();
        while changes.len() < MAX_CHANGES {
            let Ok(event) = reader.next() else { break };
            let flags = event.events();
            if flags.contains(ReadFlags::IGNORED) {
                for folder in self.paths.remove(&event.wd()).into_iter().flatten() {
                    self.folders.remove(&folder);
                }
                changes.push(Change::Much);
                continue;
            }
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            let before = changes.len();
            for folder in self.paths.get(&event.wd()).into_iter().flatten() {
                let change = name.map_or(Change::Much, |name| change(folder.join(name), flags));
                if !changes[before.saturating_sub(1)..].contains(&change) {
                    changes.push(change);
                }
            }
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                changes.push(Change::Much);
            }
        }
        changes
    }

    /// To wait for changes with, while the watch itself is in use elsewhere. Call it within a runtime.
    #[expect(deprecated, reason = "deprecated for what may close its descriptor; one that is owned stays open")]
    pub(crate) fn waker(&self) -> Waker {
        Waker(self.fd.clone().and_then(|fd| AsyncFd::with_interest(fd, tokio::io::Interest::READABLE).ok()))
    }
}

impl Waker {
    /// Waits for a change; forever where none is told. Changes that were there before the call count.
    pub(crate) async fn changed(&self) {
        let Some(fd) = &self.0 else { return std::future::pending().await };
        match fd.readable().await {
            // The next call asks the kernel anew.
            Ok(mut ready) => ready.clear_ready(),
            Err(_) => std::future::pending().await,
        }
    }
}

fn change(path: PathBuf, flags: ReadFlags) -> Change {
    if flags.contains(ReadFlags::MODIFY) {
        Change::Written(path)
    } else if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) && !flags.contains(ReadFlags::ISDIR) {
        Change::Appeared(path)
    } else {
        Change::Much
    }
}

/// Whether a folder is on a file system whose changes may come from elsewhere.
fn is_remote(path: &Path) -> bool {
    const REMOTE: [u32; 11] = [
        0x6969,      // NFS
        0x517b,      // SMB
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB2
        0x6573_5546, // FUSE
        0x0102_1997, // 9P
        0x00c3_6400, // Ceph
        0x0bd0_0bd0, // Lustre
        0x5346_414f, // AFS
        0x4750_4653, // GPFS
        0x7461_636f, // OCFS2
    ];
    let kind = rustix::fs::statfs(path).map(|found| found.f_type);
    kind.is_ok_and(|kind| REMOTE.iter().any(|remote| i128::from(*remote) == i128::from(kind) & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn what_happens_in_a_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut watch = Watch::new();
        watch.folder(folder.path());
        watch.folder(&at("none"));
        assert_eq!(watch.changes(), []);
        let mut file = fs::File::create(at("a")).unwrap();
        file.write_all(b"x").unwrap();
        file.write_all(b"x").unwrap();
        fs::rename(at("a"), at("b")).unwrap();
        let (appeared, written) = (Change::Appeared, Change::Written);
        assert_eq!(watch.changes(), [appeared(at("a")), written(at("a")), Change::Much, appeared(at("b"))]);
        fs::create_dir(at("folder")).unwrap();
        assert_eq!(watch.changes(), [Change::Much]);
    }

    #[tokio::test]
    async fn waiting_ends_with_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new();
        watch.folder(folder.path());
        let waker = watch.waker();
        for name in ["a", "b"] {
            fs::write(folder.path().join(name), "x").unwrap();
            waker.changed().await;
            assert!(!watch.changes().is_empty());
        }
    }
}
