//! A checksum of a whole file, taken while it is written; commits keep it, and `verify` compares.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::FileWriter;
use crate::Error;

/// Counts what goes through into a crc32, which can be read once the file is finished.
pub(crate) fn summed(inner: Box<dyn FileWriter>) -> (Box<dyn FileWriter>, Arc<AtomicU32>) {
    let sum = Arc::<AtomicU32>::default();
    let writer = Summed { inner, hasher: crc32fast::Hasher::new(), sum: Arc::clone(&sum) };
    (Box::new(writer), sum)
}

#[derive(Debug)]
struct Summed {
    inner: Box<dyn FileWriter>,
    hasher: crc32fast::Hasher,
    sum: Arc<AtomicU32>,
}

impl Write for Summed {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(buf)?;
        self.hasher.update(buf.get(..written).unwrap_or(buf));
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl FileWriter for Summed {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        self.sum.store(self.hasher.finalize(), Ordering::Relaxed);
        self.inner.finish()
    }
}
