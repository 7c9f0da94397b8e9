//! A store that fails, for tests: before a request is carried out, after it, or for a while altogether; by a seed.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use stdx::Rng;

/// Requests and their faults.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: InMemory,
    rng: Mutex<Rng>,
    /// Of a thousand requests, so many fail before, and as many after, they are carried out.
    per_mille: AtomicU64,
    outage: AtomicBool,
    /// Of a thousand writes, the answers to so many get lost, and the client sends them again by itself.
    resent: AtomicU64,
    faults: AtomicU64,
    /// Writes that had no answer and were not carried out; they still may be.
    late: Mutex<Vec<(Path, PutPayload, PutOptions)>>,
}

impl Faulty {
    pub(crate) fn seeded(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            inner: InMemory::new(),
            rng: Mutex::new(Rng::seeded(seed)),
            per_mille: AtomicU64::new(0),
            outage: AtomicBool::new(false),
            resent: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            late: Mutex::default(),
        })
    }

    pub(crate) fn fail(&self, per_mille: u64) {
        self.per_mille.store(per_mille, Ordering::Relaxed);
    }

    pub(crate) fn outage(&self, on: bool) {
        self.outage.store(on, Ordering::Relaxed);
    }

    pub(crate) fn resend(&self, per_mille: u64) {
        self.resent.store(per_mille, Ordering::Relaxed);
    }

    fn is_resent(&self) -> bool {
        self.rng.lock().unwrap().bits() % 1_000 < self.resent.load(Ordering::Relaxed)
    }

    /// Requests that failed because they had to.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Writes that nobody waits for any more arrive. Returns how many changed something.
    pub(crate) async fn deliver_late(&self) -> usize {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        let mut done = 0;
        for (path, payload, opts) in late {
            done += usize::from(self.inner.put_opts(&path, payload, opts).await.is_ok());
        }
        done
    }

    async fn trouble(&self, when: &'static str) -> Result<()> {
        let (drawn, slow) = {
            let mut rng = self.rng.lock().unwrap();
            (rng.bits() % 1_000, rng.bits().is_multiple_of(50))
        };
        if slow {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if self.outage.load(Ordering::Relaxed) || drawn < self.per_mille.load(Ordering::Relaxed) {
            self.faults.fetch_add(1, Ordering::Relaxed);
            return Err(Error::Generic { store: "faulty", source: format!("503 SlowDown {when}").into() });
        }
        Ok(())
    }

    async fn around<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        self.trouble("before").await?;
        let answer = request.await?;
        self.trouble("after").await?;
        Ok(answer)
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

/// A store that is shared by several runs.
#[derive(Clone, Debug)]
pub(crate) struct Shared(pub(crate) Arc<Faulty>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Shared {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if let Err(error) = self.0.trouble("before").await {
            self.0.late.lock().unwrap().push((location.clone(), payload, opts));
            return Err(error);
        }
        let mut put = self.0.inner.put_opts(location, payload.clone(), opts.clone()).await?;
        if self.0.is_resent() {
            put = self.0.inner.put_opts(location, payload, opts).await?;
        }
        self.0.trouble("after").await?;
        Ok(put)
    }

    async fn put_multipart_opts(&self, location: &Path, o: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.0.around(self.0.inner.put_multipart_opts(location, o)).await?;
        Ok(Box::new(FaultyUpload { store: Arc::clone(&self.0), inner }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.around(self.0.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.around(self.0.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = Arc::clone(&self.0);
        let deleted = self.0.inner.delete_stream(locations);
        deleted
            .then(move |path| {
                let store = Arc::clone(&store);
                async move { store.trouble("after").await.and(path) }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = Arc::clone(&self.0);
        let listed = self.0.inner.list(prefix);
        let before = futures::stream::once(async move { store.trouble("before").await });
        before.filter_map(|trouble| async { trouble.err().map(Err) }).chain(listed).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.around(self.0.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.around(self.0.inner.copy_opts(from, to, options)).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    store: Arc<Faulty>,
    inner: Box<dyn MultipartUpload>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (store, part) = (Arc::clone(&self.store), self.inner.put_part(data));
        Box::pin(async move { store.around(part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let store = Arc::clone(&self.store);
        store.around(self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
