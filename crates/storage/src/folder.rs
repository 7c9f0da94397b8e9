//! A data folder seen from outside: what is in it, whether it is whole, copies of it. Beside a running server as well as
//! at rest: committed files never change, and nothing here changes what the folder holds.

mod backup;
mod inspect;
mod restore;
mod target;
mod verify;

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

pub use self::backup::{Backup, BackupTable};
pub use self::inspect::{ColumnSize, Inspection, TableInspection, TenantInspection, WalInspection};
pub use self::restore::restore;
pub use self::target::Target;
pub use self::verify::{Damage, Verified};
use crate::delta::WholeLog;
use crate::paths::Paths;
use crate::store::{BucketStore, LocalStore, Reached, Store};
use crate::{Config, Error};

/// A data folder. While it is held, no server can begin to use a folder that was at rest.
#[derive(Debug)]
pub struct Folder {
    paths: Paths,
    node: String,
    tables: Vec<TableFiles>,
    lock: Option<File>,
    reached: Option<Reached>,
}

/// The files of one table.
#[derive(Debug)]
struct TableFiles {
    name: String,
    store: Arc<dyn Store>,
}

/// How far a long piece of work is, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// Altogether; may grow while work goes on.
    pub total: u64,
}

/// Told now and then how far the work is.
pub type Tell<'a> = &'a mut dyn FnMut(Progress);

impl Folder {
    /// Opens the data folder of a configuration, with its tables in a bucket if they are there. Fails with
    /// [`crate::Kind::Invalid`] when there is none. With a bucket, whoever uses it must not be within a runtime.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let paths = Paths::new(&config.data_dir);
        let reached = config.bucket.as_ref().map(Reached::new).transpose()?;
        let mut names = match &reached {
            Some(reached) => reached.bucket().folders("tables")?,
            None => folders(&paths.table(""))?,
        };
        if names.is_empty() {
            let place = reached.map_or_else(|| config.data_dir.display().to_string(), |it| it.bucket().url.clone());
            return Err(Error::invalid(format!(
                "`{place}` is no data folder: it has no tables; name one with --data-dir or --config"
            )));
        }
        names.sort();
        let table = |name: String| {
            let store: Arc<dyn Store> = match &reached {
                Some(reached) => Arc::new(BucketStore::new(Arc::clone(reached.bucket()), &name)),
                None => Arc::new(LocalStore::open(&paths.table(&name))?),
            };
            Ok(TableFiles { name, store })
        };
        let tables = names.into_iter().map(table).collect::<Result<_, Error>>()?;
        // Of a node that has its tables in a bucket the folder may be elsewhere.
        let lock = if reached.is_some() && !paths.lock().exists() { None } else { lock(&paths.lock())? };
        Ok(Self { paths, node: config.node.clone(), tables, lock, reached })
    }

    /// Whether no server uses it. Of a bucket that is not known.
    pub const fn is_at_rest(&self) -> bool {
        self.lock.is_some() && self.reached.is_none()
    }

    fn logs(&self) -> Result<Vec<(&TableFiles, WholeLog)>, Error> {
        self.tables.iter().map(|table| Ok((table, WholeLog::read(table.store.as_ref())?))).collect()
    }

    /// WAL positions that tables of this node have in files: the least, and that of the lines.
    fn covered(&self, logs: &[(&TableFiles, WholeLog)]) -> (u64, u64) {
        let app = format!("lapidary-wal/{}", self.node);
        let position = |log: &WholeLog| log.txns.get(&app).copied().unwrap_or(0);
        let lines = logs.iter().find(|(table, _)| table.name == crate::LOGS).map_or(0, |(_, log)| position(log));
        (logs.iter().map(|(_, log)| position(log)).min().unwrap_or(0), lines)
    }
}

/// Names of the folders in a folder; none when it is not there.
fn folders(folder: &Path) -> Result<Vec<String>, Error> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io("read the folder", folder, error)),
        Ok(entries) => Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()),
    }
}

/// Shares the lock, unless a server has it.
fn lock(path: &Path) -> Result<Option<File>, Error> {
    let file = match File::open(path) {
        // Just restored.
        Err(error) if error.kind() == ErrorKind::NotFound => File::create(path),
        file => file,
    };
    let file = file.map_err(|error| Error::io("open", path, error))?;
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path, error)),
    }
}
