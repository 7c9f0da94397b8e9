//! Where the files of tables are kept: below a local folder, or in a bucket of an S3-compatible store.
//!
//! A store is that of one table; paths are relative to the table, as its commits name them. A data file is written once,
//! whole, and never changes. Calls block: make them on blocking threads, never on one that drives futures.

mod bucket;
mod cache;
#[cfg(test)]
pub(crate) mod faulty;
mod local;
mod read;
mod s3;
mod summed;
mod upload;

use std::fmt::Debug;
use std::io::Write;
use std::path::PathBuf;

use deltalake_core::logstore::LogStoreRef;
use logline::Timestamp;
use parquet::errors::ParquetError;

pub(crate) use self::bucket::{Bucket, BucketStore};
pub(crate) use self::cache::Cache;
pub(crate) use self::local::LocalStore;
pub(crate) use self::read::{ReadRanges, StoredFile};
pub(crate) use self::s3::{Reached, bucket};
pub(crate) use self::summed::summed;
use crate::Error;

/// The files of one table.
pub(crate) trait Store: Debug + Send + Sync {
    /// Opens a file of `bytes` bytes, as a commit or a listing tells them.
    fn open(&self, path: &str, bytes: u64) -> Result<StoredFile, Error>;

    /// Begins a file, in the place of one that is there. Nobody sees it before [`FileWriter::finish`], and it need not
    /// be there when it was not finished; what is left of it is harmless and goes with [`Self::delete`].
    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>, Error>;

    /// Puts a small file, durably, unless one is there: false then. It may have been put when this fails.
    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool, Error>;

    /// Removes a file; that it is gone already is fine.
    fn delete(&self, path: &str) -> Result<(), Error>;

    /// All files below a folder of the table (`""` for the table itself), at any depth, in no order.
    fn list(&self, folder: &str) -> Result<Vec<Listed>, Error>;

    /// Makes durable what was written under this path through [`Self::log_store`].
    fn sync(&self, path: &str) -> Result<(), Error>;

    /// Where a path is, as operators know it.
    fn location(&self, path: &str) -> PathBuf;

    /// Whether a request of a process that has ended may still be carried out.
    fn answers_late(&self) -> bool;

    /// What the Delta library reads and writes the commits of the table with.
    fn log_store(&self) -> Result<LogStoreRef, Error>;
}

/// A file that is being written. Dropping it gives it up.
pub(crate) trait FileWriter: Write + Debug + Send {
    /// Ends the file. It is whole and durable on return; gives its size in bytes.
    fn finish(self: Box<Self>) -> Result<u64, Error>;
}

/// A file that a listing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Relative to the table.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// When it was written, by the clock of the store.
    pub(crate) modified: Timestamp,
}

/// What went wrong while Parquet was read from, or written to, a store: the store's own error, or else `damage`.
pub(crate) fn cause(path: &std::path::Path, error: ParquetError, damage: impl FnOnce(ParquetError) -> Error) -> Error {
    let ParquetError::External(source) = error else { return damage(error) };
    let source = match source.downcast::<Error>() {
        Ok(error) => return *error,
        Err(source) => source,
    };
    match source.downcast::<std::io::Error>() {
        Ok(source) => from_io(path, *source),
        Err(source) => damage(ParquetError::External(source)),
    }
}

/// The store's own error out of one of the standard library, which may hold it.
pub(crate) fn from_io(path: &std::path::Path, error: std::io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::io("write to", path, error),
    }
}
