//! Reads of stored files, by range.

use std::fmt::Debug;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::Error;

/// A sequential reader asks for this much at a time.
const STRIDE: u64 = 1 << 20;

/// Gives the bytes of ranges, in their order, each as long as asked for.
pub(crate) trait ReadRanges: Debug + Send + Sync {
    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error>;
}

/// A whole file that does not change. Cheap to clone. Parquet's readers take it as it is.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    location: Arc<Path>,
    bytes: u64,
    ranges: Arc<dyn ReadRanges>,
}

impl StoredFile {
    pub(crate) fn new(location: PathBuf, bytes: u64, ranges: Arc<dyn ReadRanges>) -> Self {
        Self { location: location.into(), bytes, ranges }
    }

    /// Where it is, as operators know it; different for every file.
    pub(crate) fn location(&self) -> &Path {
        &self.location
    }

    /// The bytes of ranges, in their order; several that are asked for at once cost a remote store the least. A range
    /// behind the end is damage: somebody else's idea of the file is wrong.
    pub(crate) fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        if let Some(beyond) = ranges.iter().find(|range| self.bytes < range.end || range.end < range.start) {
            let reason = format!("bytes {} to {} of {} are wanted", beyond.start, beyond.end, self.bytes);
            return Err(Error::corrupt(&self.location, reason));
        }
        self.ranges.read(ranges)
    }

    /// The bytes of one range.
    pub(crate) fn read_one(&self, range: Range<u64>) -> Result<Bytes, Error> {
        Ok(self.read(std::slice::from_ref(&range))?.pop().unwrap_or_default())
    }
}

impl Length for StoredFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for StoredFile {
    type T = Sequential;

    fn get_read(&self, start: u64) -> Result<Sequential, ParquetError> {
        Ok(Sequential { file: self.clone(), at: start, buffered: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.read_one(start..start.saturating_add(length as u64)).map_err(|error| ParquetError::External(error.into()))
    }
}

/// Reads a file from some place to its end.
#[derive(Debug)]
pub(crate) struct Sequential {
    file: StoredFile,
    at: u64,
    buffered: Bytes,
}

impl Read for Sequential {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        // A bucket refuses to give nothing.
        if self.buffered.is_empty() && self.at < self.file.bytes {
            let end = self.at.saturating_add(STRIDE).min(self.file.bytes);
            self.buffered = self.file.read_one(self.at..end).map_err(std::io::Error::other)?;
            self.at = end;
        }
        let len = buf.len().min(self.buffered.len());
        self.buffered.copy_to_slice(&mut buf[..len]);
        Ok(len)
    }
}
