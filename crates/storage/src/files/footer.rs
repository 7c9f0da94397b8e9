//! A checksum of a file's end, page indexes and footer, that stands in the footer itself: readers skip rows by what stands
//! there, so damage in it would be a wrong answer. Other programs do not know of it and need not.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem;
use parquet::file::metadata::FileMetaData;

use crate::Error;
use crate::store::{FileWriter, from_io};

/// Where the checksum is, in the metadata of the file: `1`, the first byte that it covers, and the crc32 in hex, which
/// counts as eight zeros in itself.
pub(super) const FOOTER_KEY: &str = "lapidary.footer";
const DIGITS: usize = 8;

/// The value under [`FOOTER_KEY`].
pub(super) fn text(start: u64, crc32: u32) -> String {
    format!("1 {start} {crc32:08x}")
}

/// Where a footer says that its checksum begins; `None` when it says nothing.
pub(crate) fn covered_from(footer: &FileMetaData) -> Option<u64> {
    parse(value(footer)?).map(|(start, _)| start)
}

/// Whether the end of a file, from where [`covered_from`] says, is as it was written.
pub(crate) fn holds(footer: &FileMetaData, end: &[u8]) -> bool {
    let Some((value, (_, crc32))) = value(footer).and_then(|value| Some((value, parse(value)?))) else { return true };
    let Some(digits) = digits_at(end, value) else { return false };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(end.get(..digits).unwrap_or_default());
    hasher.update(&[b'0'; DIGITS]);
    hasher.update(end.get(digits + DIGITS..).unwrap_or_default());
    hasher.finalize() == crc32
}

fn value(footer: &FileMetaData) -> Option<&str> {
    let pair = footer.key_value_metadata()?.iter().find(|pair| pair.key == FOOTER_KEY)?;
    pair.value.as_deref()
}

fn parse(value: &str) -> Option<(u64, u32)> {
    let (start, digits) = value.strip_prefix("1 ")?.split_once(' ')?;
    let digits = Some(digits).filter(|digits| digits.len() == DIGITS)?;
    Some((start.parse().ok()?, u32::from_str_radix(digits, 16).ok()?))
}

/// Where the digits of the checksum stand in the end of a file, behind their key as Parquet's footer (Thrift's compact
/// protocol) writes a text.
fn digits_at(end: &[u8], value: &str) -> Option<usize> {
    let len = u8::try_from(value.len()).ok()?;
    let pair = [FOOTER_KEY.as_bytes(), &[0x18, len], value.as_bytes()].concat();
    Some(memmem::rfind(end, &pair)? + pair.len() - DIGITS)
}

/// Passes a file on, but holds its end back until it is whole, and puts the checksum into it.
#[derive(Debug)]
pub(super) struct Guarded {
    inner: Box<dyn FileWriter>,
    location: PathBuf,
    written: u64,
    /// The first byte of the end, once it is known.
    start: Arc<AtomicU64>,
    end: Vec<u8>,
}

impl Guarded {
    /// A file at some location, and where to say which byte the end begins with.
    pub(super) fn over(inner: Box<dyn FileWriter>, location: PathBuf) -> (Box<dyn FileWriter>, Arc<AtomicU64>) {
        let start = Arc::new(AtomicU64::new(u64::MAX));
        (Box::new(Self { inner, location, written: 0, start: Arc::clone(&start), end: Vec::new() }), start)
    }
}

impl Write for Guarded {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let before = self.start.load(Ordering::Relaxed).saturating_sub(self.written);
        let written = match usize::try_from(before) {
            Ok(0) => self.end.write(buf)?,
            Ok(before) if before < buf.len() => self.inner.write(buf.get(..before).unwrap_or(buf))?,
            _ => self.inner.write(buf)?,
        };
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl FileWriter for Guarded {
    fn finish(mut self: Box<Self>) -> Result<u64, Error> {
        let start = self.start.load(Ordering::Relaxed);
        let digits = digits_at(&self.end, &text(start, 0));
        let digits = digits.ok_or_else(|| Error::internal("a footer is not written as it is read"))?;
        let crc32 = format!("{:08x}", crc32fast::hash(&self.end));
        self.end.splice(digits..digits + DIGITS, crc32.into_bytes());
        self.inner.write_all(&self.end).map_err(|error| from_io(&self.location, error))?;
        self.inner.finish()
    }
}
