//! Lines in files that other programs read and write: NDJSON and Parquet. For export and import; both stream.
//!
//! A line of NDJSON is `{"timestamp":"1795305600000000000","labels":{"service_name":"shop"},"line":"…","metadata":{…}}`;
//! times are nanoseconds, or RFC 3339. Parquet has the columns of the table of lines.

mod ndjson;
mod parquet;

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use logline::{Entry, Labels, Stream, Timestamp};

use crate::Error;

/// A batch is cut at so many lines, or bytes of text, so that the same file always gives the same batches.
const BATCH_LINES: usize = 5_000;
const BATCH_BYTES: usize = 1 << 20;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON objects, one a line.
    Ndjson,
    /// Parquet.
    Parquet,
}

impl Format {
    /// By the end of a file's name; NDJSON unless it is `.parquet`.
    pub fn of(path: &Path) -> Self {
        if path.extension().is_some_and(|end| end == "parquet") { Self::Parquet } else { Self::Ndjson }
    }
}

/// A line, with the labels of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Labels of its stream.
    pub labels: Labels,
    /// Time, text, metadata.
    pub entry: Entry,
}

/// Reads a file of lines, batch by batch.
pub struct Reader {
    lines: Lines,
    held: Option<Exported>,
}

enum Lines {
    Ndjson(ndjson::Lines),
    Parquet(Box<parquet::Lines>),
}

// What they work on has texts of lines in it.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

impl Reader {
    /// Opens a file; its name tells the format.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::io("read", path, error))?;
        let lines = match Format::of(path) {
            Format::Parquet => Lines::Parquet(Box::new(parquet::Lines::open(file, path)?)),
            Format::Ndjson => Lines::Ndjson(ndjson::Lines::new(Box::new(BufReader::new(file)), path)),
        };
        Ok(Self { lines, held: None })
    }

    /// Reads NDJSON from a stream; `name` stands in errors.
    pub fn ndjson(input: impl Read + Send + 'static, name: &str) -> Self {
        let input: Box<dyn BufRead + Send> = Box::new(BufReader::new(input));
        Self { lines: Lines::Ndjson(ndjson::Lines::new(input, Path::new(name))), held: None }
    }

    /// The next lines, grouped by stream; `None` at the end. Fails with [`crate::Kind::Invalid`] on a line that is none,
    /// naming file and number.
    pub fn batch(&mut self) -> Result<Option<Vec<Stream>>, Error> {
        let mut streams: Vec<Stream> = Vec::new();
        let (mut lines, mut bytes) = (0, 0);
        while lines < BATCH_LINES {
            let next = match self.held.take() {
                Some(held) => Some(held),
                None => self.next_line()?,
            };
            let Some(Exported { labels, entry }) = next else { break };
            if lines > 0 && BATCH_BYTES < bytes + entry.bytes() {
                self.held = Some(Exported { labels, entry });
                break;
            }
            lines += 1;
            bytes += entry.bytes();
            match streams.iter_mut().rev().find(|stream| stream.labels == labels) {
                Some(stream) => stream.entries.push(entry),
                None => streams.push(Stream { labels, entries: vec![entry] }),
            }
        }
        Ok((!streams.is_empty()).then_some(streams))
    }

    fn next_line(&mut self) -> Result<Option<Exported>, Error> {
        match &mut self.lines {
            Lines::Ndjson(lines) => lines.next(),
            Lines::Parquet(lines) => lines.next(),
        }
    }
}

/// Writes a file of lines.
pub struct Writer(To);

enum To {
    Ndjson(ndjson::Out),
    Parquet(Box<parquet::Out>),
}

impl Writer {
    /// Begins a file in the place of one that is there.
    pub fn create(path: &Path, format: Format) -> Result<Self, Error> {
        let file = File::create(path).map_err(|error| Error::io("write to", path, error))?;
        Ok(Self::to(file, path.to_owned(), format))
    }

    /// Writes to a stream; `name` stands in errors.
    pub fn to(out: impl Write + Send + 'static, name: PathBuf, format: Format) -> Self {
        let out: Box<dyn Write + Send> = Box::new(BufWriter::with_capacity(1 << 16, out));
        Self(match format {
            Format::Ndjson => To::Ndjson(ndjson::Out::new(out, name)),
            Format::Parquet => To::Parquet(Box::new(parquet::Out::new(out, name))),
        })
    }

    /// Adds lines.
    pub fn write(&mut self, lines: Vec<Exported>) -> Result<(), Error> {
        match &mut self.0 {
            To::Ndjson(out) => out.write(&lines),
            To::Parquet(out) => out.write(lines),
        }
    }

    /// Ends the file.
    pub fn finish(self) -> Result<(), Error> {
        match self.0 {
            To::Ndjson(out) => out.finish(),
            To::Parquet(out) => out.finish(),
        }
    }
}

/// Reads everything and gives a number that tells this file from others: the first half of its blake3.
pub fn fingerprint(path: &Path) -> Result<u128, Error> {
    let mut hasher = blake3::Hasher::new();
    let failed = |error| Error::io("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let len = file.read(&mut buffer).map_err(failed)?;
        if len == 0 {
            break;
        }
        hasher.update(buffer.get(..len).unwrap_or_default());
    }
    let hash = *hasher.finalize().as_bytes();
    Ok(hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// Sorted, and no name twice, as entries have it.
fn sorted(mut metadata: Vec<(String, String)>) -> Vec<(String, String)> {
    metadata.sort();
    metadata.dedup_by(|a, b| a.0 == b.0);
    metadata
}

fn instant(text: &str) -> Option<Timestamp> {
    let nanos = text.parse().ok();
    nanos.or_else(|| arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text).ok()).map(Timestamp)
}

#[cfg(test)]
mod tests;
