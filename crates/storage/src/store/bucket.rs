//! Files in a bucket, through whatever reaches it; every call ends within a deadline.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::TryStreamExt;
use logline::Timestamp;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::runtime::Handle;
use url::Url;

use super::upload::Upload;
use super::{Cache, FileWriter, Listed, ReadRanges, Store, StoredFile};
use crate::Error;
use crate::error::Failure;

/// A bucket, or a part of one that names of a prefix make.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Writes files, and reads and writes commits.
    pub(crate) writing: Arc<dyn ObjectStore>,
    /// Reads files.
    pub(crate) reading: Arc<dyn ObjectStore>,
    /// Where it is, as operators know it, without a slash at the end.
    pub(crate) url: String,
    /// What names begin with; may be empty.
    pub(crate) prefix: Path,
    /// Copies on the local disk.
    pub(crate) cache: Option<Arc<Cache>>,
    /// Nothing is waited for longer than this.
    pub(crate) deadline: Duration,
    pub(crate) runtime: Handle,
}

impl Bucket {
    /// Waits for a request; on a blocking thread.
    pub(super) fn wait<T>(
        &self,
        action: &'static str,
        path: &Path,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        let answer = self.runtime.block_on(async { tokio::time::timeout(self.deadline, request).await });
        match answer {
            Ok(answer) => answer.map_err(|error| Error::remote(action, &self.location(path), &error)),
            Err(_) => Err(self.late(action, path)),
        }
    }

    pub(super) fn late(&self, action: &'static str, path: &Path) -> Error {
        let reason = format!("no answer within {} s", self.deadline.as_secs());
        Failure::Remote { action, path: self.location(path), reason }.into()
    }

    /// Names of the folders in a folder below the prefix.
    pub(crate) fn folders(&self, below: &str) -> Result<Vec<String>, Error> {
        let folder = self.prefix.clone().join(below);
        let listed = self.wait("list", &folder, self.writing.list_with_delimiter(Some(&folder)))?;
        Ok(listed.common_prefixes.iter().filter_map(|path| Some(path.filename()?.to_owned())).collect())
    }

    /// Where an object is, as operators know it.
    pub(super) fn location(&self, path: &Path) -> PathBuf {
        let below = path.prefix_match(&self.prefix);
        let below = below.map_or_else(|| path.clone(), |parts| parts.collect());
        PathBuf::from(format!("{}/{below}", self.url))
    }

    /// The name of this node belongs to one data folder: that whose id stands in the bucket, or is put there now.
    pub(crate) async fn claim(&self, node: &str, id: &str) -> Result<(), Error> {
        let path = self.prefix.clone().join("nodes").join(node);
        let failed = |error: &object_store::Error| Error::remote("claim", &self.location(&path), error);
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.writing.put_opts(&path, id.to_owned().into_bytes().into(), create).await {
            Err(object_store::Error::AlreadyExists { .. }) => {}
            put => return put.map(drop).map_err(|error| failed(&error)),
        }
        let found = self.writing.get(&path).await.map_err(|error| failed(&error))?;
        let found = found.bytes().await.map_err(|error| failed(&error))?;
        if found == id.as_bytes() {
            return Ok(());
        }
        Err(Failure::Claimed { node: node.to_owned(), path: self.location(&path) }.into())
    }
}

/// A table in a bucket.
#[derive(Debug)]
pub(crate) struct BucketStore {
    bucket: Arc<Bucket>,
    table: Path,
}

impl BucketStore {
    pub(crate) fn new(bucket: Arc<Bucket>, name: &str) -> Self {
        let table = bucket.prefix.clone().join("tables").join(name);
        Self { bucket, table }
    }

    /// Not a table, but all that the bucket has below its prefix.
    pub(crate) fn whole(bucket: Arc<Bucket>) -> Self {
        Self { table: bucket.prefix.clone(), bucket }
    }

    /// Bytes of a file; `None` when it is not there.
    pub(crate) fn size(&self, path: &str) -> Result<Option<u64>, Error> {
        let path = self.path(path)?;
        match self.bucket.wait("look at", &path, self.bucket.writing.head(&path)) {
            Err(error) if error.is_not_found() => Ok(None),
            found => Ok(Some(found?.size)),
        }
    }

    /// Names are those of the log, which are escaped already.
    fn path(&self, path: &str) -> Result<Path, Error> {
        let slash = if self.table.as_ref().is_empty() { "" } else { "/" };
        Path::parse(format!("{}{slash}{path}", self.table)).map_err(Error::invalid_path)
    }
}

impl Store for BucketStore {
    fn open(&self, path: &str, bytes: u64) -> Result<StoredFile, Error> {
        let object = self.path(path)?;
        let location = self.bucket.location(&object);
        let ranges = Object { bucket: Arc::clone(&self.bucket), path: object, bytes };
        Ok(StoredFile::new(location, bytes, Arc::new(ranges)))
    }

    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>, Error> {
        Ok(Box::new(Upload::new(Arc::clone(&self.bucket), self.path(path)?)))
    }

    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool, Error> {
        let path = self.path(path)?;
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = async {
            match self.bucket.writing.put_opts(&path, bytes.to_vec().into(), create).await {
                Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
                put => put.map(|_| true),
            }
        };
        self.bucket.wait("write to", &path, put)
    }

    fn delete(&self, path: &str) -> Result<(), Error> {
        let path = self.path(path)?;
        if let Some(cache) = &self.bucket.cache {
            cache.forget(path.as_ref());
        }
        let delete = async {
            match self.bucket.writing.delete(&path).await {
                Err(object_store::Error::NotFound { .. }) => Ok(()),
                deleted => deleted,
            }
        };
        self.bucket.wait("remove", &path, delete)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>, Error> {
        let below = if folder.is_empty() { self.table.clone() } else { self.path(folder)? };
        let metas = self.bucket.writing.list(Some(&below)).try_collect::<Vec<_>>();
        let listed = self.bucket.wait("list", &below, metas)?.into_iter().filter_map(|meta| {
            let path = meta.location.prefix_match(&self.table)?.collect::<Path>();
            let modified = Timestamp(meta.last_modified.timestamp_micros().saturating_mul(1_000));
            Some(Listed { path: path.into(), bytes: meta.size, modified })
        });
        Ok(listed.collect())
    }

    fn sync(&self, _path: &str) -> Result<(), Error> {
        // What the bucket has answered for is durable.
        Ok(())
    }

    fn location(&self, path: &str) -> PathBuf {
        let table = self.bucket.location(&self.table);
        if path.is_empty() { table } else { table.join(path) }
    }

    fn answers_late(&self) -> bool {
        true
    }

    fn log_store(&self) -> Result<LogStoreRef, Error> {
        // The library knows a table by a URL and splits paths off it; the host is of no account.
        let url = Url::parse(&format!("s3://bucket/{}/", self.table)).map_err(Error::internal)?;
        let table = PrefixStore::new(Arc::clone(&self.bucket.writing), self.table.clone());
        Ok(default_logstore(Arc::new(table), Arc::clone(&self.bucket.writing), &url, &StorageConfig::default()))
    }
}

/// An object that is read by range.
#[derive(Debug)]
struct Object {
    bucket: Arc<Bucket>,
    path: Path,
    bytes: u64,
}

impl Object {
    fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        let bytes = self.bucket.wait("read", &self.path, self.bucket.reading.get_ranges(&self.path, ranges))?;
        let whole = |(range, bytes): (&Range<u64>, &Bytes)| range.end - range.start == bytes.len() as u64;
        if bytes.len() == ranges.len() && ranges.iter().zip(&bytes).all(whole) {
            return Ok(bytes);
        }
        let reason = format!("it is shorter than the {} bytes its commit tells", self.bytes);
        Err(Error::corrupt(&self.bucket.location(&self.path), reason))
    }
}

impl ReadRanges for Object {
    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        match &self.bucket.cache {
            Some(cache) => cache.read(self.path.as_ref(), self.bytes, ranges, |missing| self.fetch(missing)),
            None => self.fetch(ranges),
        }
    }
}
