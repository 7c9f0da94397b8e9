//! A file on its way into a bucket: small ones in one request, larger ones in parts, a few of them on their way at once.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::task::JoinHandle;

use super::FileWriter;
use super::bucket::Bucket;
use crate::Error;

/// What is written at a time; stores want parts of at least 5 MiB, and all but the last of one size.
const PART: usize = 8 << 20;
/// Parts that may be on their way.
const RUNNING: usize = 2;
const ACTION: &str = "write to";

/// Holds at most `RUNNING + 1` parts in memory.
#[derive(Debug)]
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    path: Path,
    buffer: Vec<u8>,
    bytes: u64,
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    upload: Box<dyn MultipartUpload>,
    running: VecDeque<JoinHandle<object_store::Result<()>>>,
}

impl Upload {
    pub(super) const fn new(bucket: Arc<Bucket>, path: Path) -> Self {
        Self { bucket, path, buffer: Vec::new(), bytes: 0, parts: None }
    }

    fn send_part(&mut self) -> Result<(), Error> {
        let part = PutPayload::from(std::mem::take(&mut self.buffer));
        let bucket = &self.bucket;
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => {
                let upload = bucket.wait(ACTION, &self.path, bucket.writing.put_multipart(&self.path))?;
                none.insert(Parts { upload, running: VecDeque::new() })
            }
        };
        parts.running.push_back(bucket.runtime.spawn(parts.upload.put_part(part)));
        while RUNNING < parts.running.len() {
            wait_for(bucket, &self.path, parts.running.pop_front())?;
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Error> {
        if self.parts.is_none() {
            let all = PutPayload::from(std::mem::take(&mut self.buffer));
            return self.bucket.wait(ACTION, &self.path, self.bucket.writing.put(&self.path, all)).map(drop);
        }
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        let Some(parts) = &mut self.parts else { return Ok(()) };
        while let Some(part) = parts.running.pop_front() {
            wait_for(&self.bucket, &self.path, Some(part))?;
        }
        self.bucket.wait(ACTION, &self.path, parts.upload.complete())?;
        self.parts = None;
        Ok(())
    }
}

fn wait_for(bucket: &Bucket, path: &Path, part: Option<JoinHandle<object_store::Result<()>>>) -> Result<(), Error> {
    let Some(part) = part else { return Ok(()) };
    bucket.wait(ACTION, path, async { part.await.map_err(object_store::Error::from)? })
}

impl Write for Upload {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let len = buf.len().min(PART - self.buffer.len());
        self.buffer.extend_from_slice(&buf[..len]);
        self.bytes += len as u64;
        if self.buffer.len() == PART {
            self.send_part().map_err(std::io::Error::other)?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl FileWriter for Upload {
    fn finish(mut self: Box<Self>) -> Result<u64, Error> {
        self.complete()?;
        Ok(self.bytes)
    }
}

impl Drop for Upload {
    /// Gives up what was not finished. Should that fail too, the bucket's own rule for unfinished uploads removes it.
    fn drop(&mut self) {
        let Some(Parts { mut upload, running }) = self.parts.take() else { return };
        let deadline = self.bucket.deadline;
        self.bucket.runtime.spawn(async move {
            running.iter().for_each(JoinHandle::abort);
            drop(tokio::time::timeout(deadline, upload.abort()).await);
        });
    }
}
